"""Say what became of a copy for a request: erased, exempt on a ground of law, or beyond use up to a last day."""

from __future__ import annotations

from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.accounts.models import Account
from compliance.formats.copies import EXEMPTIONS, LONGEST_BEYOND_USE
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.services import record_append
from requests_app.models import CopySettlement, ErasureRequest
from requests_app.states import RequestState
from unlearning_jobs.models import Copy
from unlearning_jobs.services.ledger import ledger_lock

from .copies_due import DueCopy, copies_due
from .letters import Letter, letter
from .mail_reasons import outcome_template
from .permissions import require_officer
from .requests import request_close_when_settled, request_end_lock

How = CopySettlement.How


@transaction.atomic
def copy_settle(
    *, request: ErasureRequest, copy: Copy, how: str, by: Account, ground: str = "", until: date | None = None
) -> CopySettlement:
    """Settle a copy for a request; what is beyond use can be settled again. The last one closes a request that waits for it.

    A closed request stays closed: of it, a copy is settled that came later, or that was beyond use for long enough.

    Args:
        request: one in which something was released.
        copy: one that it has to settle (`copies_due`).
        how: one of `CopySettlement.How`.
        by: the officer.
        ground: of an exempt copy.
        until: the last day of one that is beyond use.

    Raises:
        NotAllowedError: `by` is no officer.
        StaleStateError: the request has not to settle the copy, or has settled it for good; or the ground or the day does
            not fit.
    """
    # 1. Lock what may end, and the ledger, so that no copy comes or goes meanwhile.
    require_officer(by)
    request = request_end_lock(request.pk)
    ledger_lock()
    due = next((one for one in copies_due(request) if one.copy.pk == copy.pk), None)
    if problem := settlement_obstacle(due) or settlement_problem(request, due, how=how, ground=ground, until=until):
        raise StaleStateError(problem)
    # 2. Settle it, and record that.
    row = CopySettlement.objects.create(
        request=request,
        copy=copy,
        number=request.copy_settlements.filter(copy=copy).count() + 1,
        how=how,
        ground=ground,
        until=until,
        settled_by=by,
    )
    data = {"copy": copy.pk, "how": how, "ground": ground, "until": until.isoformat() if until else ""}
    record_append(subject=request.subject, kind=RecordKind.COPY_SETTLED, actor=by.opaque, data=data)
    # 3. Close the request if nothing else is open. While it is searched and reviewed again, it waits for that.
    if request.state == RequestState.IN_PROGRESS:
        request_close_when_settled(request=request, actor=by.opaque)
    return row


def settlement_letter(
    *, request: ErasureRequest, copy: Copy, how: str, by: Account, ground: str = "", until: date | None = None
) -> Letter | None:
    """Return the letter that settling a copy would queue; None if the request stays as it is.

    As `decisions.release_letter`, it does it, reads what that has queued, and takes everything back.

    Raises:
        NotAllowedError, StaleStateError: as `copy_settle`.
    """
    with transaction.atomic():
        was_open = request.state != RequestState.CLOSED
        after = copy_settle(request=request, copy=copy, how=how, by=by, ground=ground, until=until).request
        after.refresh_from_db(fields=["state", "outcome", "closed_at"])
        closes = was_open and after.state == RequestState.CLOSED
        written = letter(after, outcome_template(after.outcome)) if closes else None
        transaction.set_rollback(True)
    return written


def settlement_obstacle(due: DueCopy | None) -> str:
    """Return why nothing can be said of a copy for a request; empty if something can."""
    if due is None:
        return _("This request does not wait for this copy.")
    if due.settlement and due.settlement.how != How.BEYOND_USE:
        return _("This copy is settled already.")
    return ""


def settlement_problem(request: ErasureRequest, due: DueCopy | None, *, how: str, ground: str, until: date | None) -> str:
    """Return why a copy cannot be settled like this; empty if it can."""
    if how not in How.values:
        return _("Choose what has become of the copy.")
    if how == How.EXEMPT and ground not in EXEMPTIONS[request.kind]:
        return _("Choose a ground that exempts the copy.")
    if (ground and how != How.EXEMPT) or (until and how != How.BEYOND_USE):
        return _("A ground is for exempt copies, and a last day for copies that are beyond use.")
    return _last_day_problem(due, until) if how == How.BEYOND_USE else ""


def _last_day_problem(due: DueCopy | None, until: date | None) -> str:
    today = timezone.localdate()
    if until is None or not today < until <= today + timedelta(days=LONGEST_BEYOND_USE):
        return _("Choose a last day within the next %(most)d days.") % {"most": LONGEST_BEYOND_USE}
    if due and due.settlement and due.settlement.until and until <= due.settlement.until:
        return _("Choose a later day than the one until which it is beyond use already.")
    return ""
