"""Views behind the links in e-mails: confirm the address, follow the request, withdraw it."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from compliance.clients import networks_of
from compliance.record.errors import StaleStateError
from requests_app.mail_wording import last_mail
from requests_app.selectors import request_status
from requests_app.services import intake
from requests_app.services.limits import CONFIRMATION
from requests_app.services.mail_reasons import REQUEST_RECEIVED, is_overdue
from requests_app.services.messages import CONFIRM_LIFETIME

from .forms import ResendForm
from .too_many import limited
from .wording import OUTCOMES, STAGE_TITLES, STATES

PAGE_METHODS = ["GET", "HEAD", "POST"]


@login_not_required
@never_cache
@require_http_methods(PAGE_METHODS)
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Ask for a click before confirming: mail scanners open links, and that must not confirm anything."""
    try:
        if request.method != "POST":
            intake.confirmation_link_check(token=token)
            return render(request, "public/confirm.html")
        confirmed = intake.email_confirm(token=token)
    except intake.LinkUsed as used:
        context = {"mail": last_mail(used.request, REQUEST_RECEIVED)}
        return render(request, "public/confirm_used.html", context, status=410)
    except intake.LinkExpired:
        return _resend(request, ResendForm(), expired=True, status=410)
    except intake.LinkUnknown:
        return _resend(request, ResendForm(), unknown=True, status=404)
    facts = {"confirmed": confirmed, "mail": last_mail(confirmed, REQUEST_RECEIVED), "overdue": is_overdue(confirmed)}
    return render(request, "public/confirmed.html", facts)


@login_not_required
@never_cache
@require_http_methods(PAGE_METHODS)
@limited
def confirm_resend(request: HttpRequest) -> HttpResponse:
    """Send a new link. The page is the same whether or not the request exists, so it tells strangers nothing."""
    if request.method != "POST":
        return _resend(request, ResendForm())
    form = ResendForm(request.POST)
    if not form.is_valid():
        return _resend(request, form, status=422)
    reference, email = form.cleaned_data["reference"], form.cleaned_data["email"]
    intake.confirmation_resend(reference=reference, email=email, networks=networks_of(request))
    context = {"resends": intake.RESENDS_AT_MOST, "mails": CONFIRMATION.own_when_busy}
    return render(request, "public/resent.html", context)


def _resend(
    request: HttpRequest, form: ResendForm, *, expired: bool = False, unknown: bool = False, status: int = 200
) -> HttpResponse:
    context = {"form": form, "expired": expired, "unknown": unknown, "confirm_days": CONFIRM_LIFETIME.days}
    return render(request, "public/resend.html", context, status=status)


@login_not_required
@never_cache
@require_safe
def status(request: HttpRequest, token: str) -> HttpResponse:
    """Show the progress of a request to whoever has its link."""
    status = request_status(token)
    if status is None:
        return render(request, "public/status_unknown.html", status=404)
    context = {
        "status": status,
        "token": token,
        "state": STATES.get(status.state_code, status.state_code),
        "outcome": OUTCOMES.get(status.outcome or ""),
        "steps": [{"title": STAGE_TITLES[code], "state": state, "on": on} for code, state, on in status.stages],
    }
    return render(request, "public/status.html", context)


@login_not_required
@never_cache
@require_http_methods(PAGE_METHODS)
def withdraw(request: HttpRequest, token: str) -> HttpResponse:
    """Ask for confirmation, then close the request."""
    status = request_status(token)
    if status is None:
        return render(request, "public/status_unknown.html", status=404)
    if request.method == "POST":
        try:
            intake.request_withdraw(token=token)
            messages.success(request, _("Your request has been withdrawn."))
        except intake.LinkError:
            return render(request, "public/status_unknown.html", status=404)
        except StaleStateError as error:
            messages.warning(request, str(error))
        return redirect("public:status", token)
    if not status.can_withdraw:
        messages.warning(request, _("This request can no longer be withdrawn."))
        return redirect("public:status", token)
    return render(request, "public/withdraw.html", {"status": status, "token": token})
