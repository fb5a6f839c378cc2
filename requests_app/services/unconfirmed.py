"""Requests whose address nobody has confirmed: what counts is when the link was sent, not when the request came in."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.models import RecordEntry
from compliance.record.services import SYSTEM
from requests_app.models import AccessLink, ErasureRequest, Message
from requests_app.states import RequestOutcome, RequestState

from .mail_reasons import CONFIRM_ADDRESS
from .requests import request_close, request_end_lock

UNCONFIRMED_AFTER = timedelta(days=21)
"""A request is closed if nobody confirmed its address for so long after the latest link was sent or given up."""
_LINKS = Message.objects.filter(request=OuterRef("pk"), template=CONFIRM_ADDRESS)


def expired(now: datetime) -> QuerySet[ErasureRequest]:
    """Return the requests that were never confirmed.

    A link was sent, or given up, long enough ago, none later; none waits to be sent, and none would still work.
    """
    since = now - UNCONFIRMED_AFTER
    working = AccessLink.objects.filter(
        request=OuterRef("pk"), purpose=AccessLink.Purpose.CONFIRM, used_at=None, expires_at__gt=now
    )
    ended = _LINKS.filter(state__in=[Message.State.SENT, Message.State.FAILED])
    lately = ended.filter(Q(sent_at__gte=since) | Q(sent_at=None, created_at__gte=since))
    given_up = RecordEntry.objects.filter(
        subject=Concat(Value("request:"), OuterRef("reference")), kind=RecordKind.MESSAGE_FAILED, created_at__gte=since
    )
    return ErasureRequest.objects.filter(
        Exists(ended),
        ~Exists(lately),
        ~Exists(given_up),
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
    request = request_end_lock(request.pk)
    if not expired(timezone.now()).filter(pk=request.pk).exists():
        raise StaleStateError(_("This request can still be confirmed."))
    return request_close(request=request, outcome=RequestOutcome.UNCONFIRMED, actor=SYSTEM, template=None)
