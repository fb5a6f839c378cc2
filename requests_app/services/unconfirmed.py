"""Requests whose address nobody has confirmed: what counts is when the link was sent, not when the request came in."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.record.errors import StaleStateError
from compliance.record.services import SYSTEM
from requests_app.models import AccessLink, ErasureRequest, Message
from requests_app.states import RequestOutcome, RequestState

from .mail_reasons import CONFIRM_ADDRESS
from .requests import request_close, request_lock

UNCONFIRMED_AFTER = timedelta(days=21)
"""A request is closed if nobody confirmed its address for so long after the latest link was sent."""

_LINKS = Message.objects.filter(request=OuterRef("pk"), template=CONFIRM_ADDRESS)


def expired(now: datetime) -> QuerySet[ErasureRequest]:
    """Return the requests that were never confirmed.

    A link was sent long enough ago, none later; none waits to be sent, and none would still work.
    """
    working = AccessLink.objects.filter(
        request=OuterRef("pk"), purpose=AccessLink.Purpose.CONFIRM, used_at=None, expires_at__gt=now
    )
    sent = _LINKS.filter(state=Message.State.SENT)
    lately = sent.filter(sent_at__gte=now - UNCONFIRMED_AFTER)
    return ErasureRequest.objects.filter(
        Exists(sent),
        ~Exists(lately),
        ~Exists(_LINKS.filter(state=Message.State.WAITING)),
        ~Exists(working),
        state=RequestState.AWAITING_CONFIRMATION,
    )


def unreachable() -> Q:
    """Return the condition of requests that no link has reached: each was given up, so nobody can have confirmed."""
    tried = _LINKS.filter(state__in=[Message.State.SENT, Message.State.WAITING])
    failed = _LINKS.filter(state=Message.State.FAILED)
    return Q(Exists(failed), ~Exists(tried), state=RequestState.AWAITING_CONFIRMATION)


@transaction.atomic
def request_expire(*, request: ErasureRequest) -> ErasureRequest:
    """Close a request whose address was never confirmed.

    Raises:
        StaleStateError: it has been confirmed or closed, or a link was not sent, was sent lately or still works.
    """
    request = request_lock(request.pk)
    if not expired(timezone.now()).filter(pk=request.pk).exists():
        raise StaleStateError(_("This request can still be confirmed."))
    return request_close(request=request, outcome=RequestOutcome.UNCONFIRMED, actor=SYSTEM, template=None)
