"""Take up to two further months for an answer, once, and tell the claimant why within the first (GDPR art. 12(3))."""

from __future__ import annotations

import copy

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.accounts.models import Account
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.services import record_append
from requests_app.deadlines import due_date, received_on
from requests_app.models import ErasureRequest
from requests_app.states import RequestState

from .mail_reasons import DEADLINE_EXTENDED
from .messages import message_queue
from .permissions import require_officer
from .reasons import require_reasons
from .requests import request_lock

MONTHS = (1, 2)
"""How many further months there are to choose from."""


def extension_obstacle(request: ErasureRequest) -> str:
    """Return why the time for the answer cannot be extended; empty if it can."""
    if request.kind != ErasureRequest.Kind.ERASURE:
        return _("Art. 12(3) GDPR is about requests for the erasure of personal data. This one is about a work.")
    if request.state in {RequestState.AWAITING_CONFIRMATION, RequestState.CLOSED}:
        return _("You cannot do this while the request is “%(state)s”.") % {"state": request.get_state_display()}
    if request.extended_at is not None:
        return _("The time for the answer has been extended already. That is possible once.")
    if request.due_on < received_on(timezone.now(), settings.TIME_ZONE):
        return _("The first month has passed. An extension had to be told before its end.")
    return ""


def extension_draft(*, request: ErasureRequest, months: int, reasons: str, by: Account) -> ErasureRequest:
    """Return the request as an extension would leave it, unsaved: what `deadline_extend` saves, and pages preview."""
    draft = copy.copy(request)
    received = received_on(request.received_at, settings.TIME_ZONE)
    draft.due_on = due_date(received, country=settings.HOLIDAY_COUNTRY, months=1 + months)
    draft.extended_at, draft.extended_by, draft.extension_reasons = timezone.now(), by, reasons.strip()
    return draft


@transaction.atomic
def deadline_extend(*, request: ErasureRequest, months: int, reasons: str, by: Account) -> ErasureRequest:
    """Extend the time for the answer, once, and write to the claimant.

    Raises:
        NotAllowedError: `by` is no officer.
        StaleStateError: it cannot be extended, not for so long, or the reasons are not enough.
    """
    # 1. Lock the request; the first month must not have ended.
    require_officer(by)
    require_reasons(reasons)
    request = request_lock(request.pk)
    if problem := extension_obstacle(request):
        raise StaleStateError(problem)
    if months not in MONTHS:
        raise StaleStateError(_("Choose one or two further months."))
    # 2. Move the deadline, and record it. The reasons stay out of the record: they may name people.
    extended = extension_draft(request=request, months=months, reasons=reasons, by=by)
    extended.save(update_fields=["due_on", "extended_at", "extended_by", "extension_reasons"])
    data = {"due_on": extended.due_on.isoformat(), "months": months}
    record_append(subject=extended.subject, kind=RecordKind.REQUEST_EXTENDED, actor=by.opaque, data=data)
    # 3. Tell the claimant.
    message_queue(request=extended, template=DEADLINE_EXTENDED)
    return extended
