"""Send an e-mail to the claimant again that did not get through."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from compliance.accounts.access import account_of
from compliance.record.errors import StaleStateError
from requests_app.models import Message
from requests_app.services.messages import message_resend

from .requests import officers_only
from .shared import request_of


@officers_only
@require_POST
def resend(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Queue the message again, and go back to the request."""
    message = get_object_or_404(Message, request=request_of(reference), pk=pk)
    try:
        message_resend(message=message, by=account_of(request))
        messages.success(request, _("The e-mail is queued again."))
    except StaleStateError as error:
        messages.warning(request, str(error))
    return redirect("casework:request_detail", reference)
