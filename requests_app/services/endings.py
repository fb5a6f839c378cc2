"""Ends without unlearning: a refusal, “nothing found”, “already erased” and the like. One proposes, another approves.

So is it when examples leave the items that hold them, because a later review rejected them: the review goes on then.

Which end is possible follows from stored facts (`outcomes.py`), at the proposal and again at the approval.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.accounts.models import Account
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.services import record_append
from requests_app.models import Ending, ErasureRequest, Item, Match
from requests_app.states import REFUSE_GROUNDS, ItemState, RequestOutcome, RequestState
from unlearning_jobs.services.ledger import ledger_lock

from .accepted import items_to_correct, matches_in_no_item, require_corrected
from .copies_due import copies_obstacle
from .corrections import items_correct, jobs_lock
from .ending_drafts import ending_data, ending_draft, needs_reasons, require_same_facts
from .findings import closing_obstacle, items_to_create
from .outcomes import closing_outcome, ending_state, is_correction, lapse_outcome, settled_outcome
from .permissions import require_approver, require_mapper, require_officer
from .reasons import require_explanation, require_reasons
from .requests import (
    item_lock,
    item_move,
    request_close,
    request_close_when_settled,
    request_end_lock,
    request_lock,
    request_move,
    require_item_transition,
    require_request_transition,
)
from .stores_due import erasures_obstacle


def refusal_draft(*, item: Item, ground: str, reasons: str, by: Account) -> Ending:
    """Return the refusal of an item on a legal ground, unsaved: what `refusal_propose` saves, and pages preview."""
    return ending_draft(RequestOutcome.REFUSED, by, request=item.request, item=item, ground=ground, reasons=reasons)


@transaction.atomic
def refusal_propose(*, item: Item, ground: str, reasons: str, by: Account) -> Ending:
    """Propose to refuse an item, for another officer to approve.

    Raises:
        NotAllowedError: `by` is no officer.
        StaleStateError: the item cannot be refused now, the ground does not refuse, or the reasons are not enough.
    """
    require_officer(by)
    if ground not in REFUSE_GROUNDS[item.request.kind]:
        raise StaleStateError(_("Choose a ground that fits the decision."))
    require_reasons(reasons)
    item = item_lock(item)
    return _propose(refusal_draft(item=item, ground=ground, reasons=reasons, by=by))


def lapse_draft(*, item: Item, by: Account) -> Ending:
    """Return the end of an item that no model in use knows any more, unsaved.

    Raises:
        StaleStateError: a model in use still knows an example of it.
    """
    outcome = lapse_outcome(item)
    if outcome is None:
        raise StaleStateError(_("A model in use still knows these examples. Choose a method, or refuse the item."))
    return ending_draft(outcome, by, request=item.request, item=item)


@transaction.atomic
def lapse_propose(*, item: Item, by: Account) -> Ending:
    """Propose to end an item that no model in use knows any more, for another officer to approve.

    Raises:
        NotAllowedError: `by` is no officer.
        StaleStateError: the item is not to be decided or carried out, or a model in use still knows an example of it.
    """
    require_officer(by)
    return _propose(lapse_draft(item=item_lock(item), by=by))


def closing_draft(*, request: ErasureRequest, reasons: str, by: Account) -> Ending:
    """Return the end of a reviewed request without an item, unsaved. Its outcome follows from the facts.

    Raises:
        StaleStateError: a model in use knows an accepted example, matches are still open, or items hold what was rejected.
    """
    require_corrected(request)
    outcome = closing_outcome(request)
    if outcome is None:
        why = "" if next(items_to_create(request), None) else _closing_problem(request)
        raise StaleStateError(why or _("This request cannot be closed without an item. Finish the review."))
    return ending_draft(outcome, by, request=request, item=None, reasons=reasons if needs_reasons(outcome) else "")


def _closing_problem(request: ErasureRequest) -> str:
    return closing_obstacle(request) or copies_obstacle(request) or erasures_obstacle(request)


@transaction.atomic
def closing_propose(*, request: ErasureRequest, outcome: str, reasons: str, by: Account) -> Ending:
    """Propose to close a reviewed request without an item, for another officer to approve.

    Raises:
        NotAllowedError: `by` is no officer.
        StaleStateError: the request is not under review, `outcome` is not the one that follows from the facts, or it needs
            reasons that are not given.
    """
    require_officer(by)
    request = request_lock(request.pk)
    require_request_transition(request, RecordKind.ENDING_PROPOSED, RequestState.CLOSING)
    ending = closing_draft(request=request, reasons=reasons, by=by)
    if ending.outcome != outcome:
        raise StaleStateError(_("The facts have changed in the meantime. Reload the page."))
    if needs_reasons(ending.outcome):
        require_reasons(reasons)
    return _propose(ending)


def correction_draft(*, request: ErasureRequest, reasons: str, by: Account) -> Ending:
    """Return the end of what items hold and a later review rejected, unsaved.

    Raises:
        StaleStateError: matches are still open, or no item holds anything that was rejected.
    """
    if request.matches.filter(decision=Match.Decision.OPEN).exists():
        raise StaleStateError(_("Accept or reject every match first."))
    if not items_to_correct(request):
        raise StaleStateError(_("No item holds an example that was rejected."))
    return ending_draft(RequestOutcome.NOT_CONCERNED, by, request=request, item=None, reasons=reasons)


@transaction.atomic
def correction_propose(*, request: ErasureRequest, reasons: str, by: Account) -> Ending:
    """Propose to take out of items what a later review rejected, for another officer to approve.

    Raises:
        NotAllowedError: `by` is no officer, or approved something in this request.
        StaleStateError: the request is not under review, matches are still open, no item holds anything that was rejected,
            or the reasons are not enough.
    """
    request = request_lock(request.pk)
    require_mapper(request, by)
    require_request_transition(request, RecordKind.ENDING_PROPOSED, RequestState.CLOSING)
    require_reasons(reasons)
    return _propose(correction_draft(request=request, reasons=reasons, by=by))


def waits(ending: Ending) -> bool:
    """Return whether somebody has to approve or decline it: nobody has yet, and its item or request has not ended so far."""
    undecided = ending.approved_by_id is None and ending.declined_by_id is None
    state = ending.item.state if ending.item else ending.request.state
    return undecided and state in {ItemState.ENDING, RequestState.CLOSING}


@transaction.atomic
def ending_approve(*, ending: Ending, by: Account) -> Ending:
    """Approve an end as a second officer. It counts from now on, and may close the request.

    Raises:
        NotAllowedError: `by` is not an officer, or proposed this, reviewed the matches, or submitted the request.
        StaleStateError: it is no longer waiting, or the facts have changed since it was proposed.
    """
    # 1. Lock everything, and check that the end is still the one that the facts allow.
    ending = _waiting(ending)
    require_approver(ending, by)
    if is_correction(ending):
        jobs_lock(ending.request)  # a worker that starts one holds it, and waits for the request's number in the record
    ledger_lock()  # no model comes into use, and no training begins, until the request has ended
    require_same_facts(ending)
    # 2. Approve it, and record that.
    ending.approved_by, ending.approved_at = by, timezone.now()
    ending.save(update_fields=["approved_by", "approved_at"])
    request, item, kind = ending.request, ending.item, RecordKind.ENDING_APPROVED
    if is_correction(ending):
        data = ending_data(ending) | {"beside": 0}
        request_move(request=request, to=RequestState.REVIEW, kind=kind, actor=by.opaque, data=data)
    else:
        data = ending_data(ending) | {"beside": matches_in_no_item(request).count()}
        record_append(subject=request.subject, kind=kind, actor=by.opaque, data=data)
    # 3. End the item or the request, or take out what was rejected of its items.
    if is_correction(ending):
        items_correct(ending=ending, by=by)
        return ending
    if item is None:
        outcome = settled_outcome(request, ending) or RequestOutcome(ending.outcome)
        request_close(request=request, outcome=outcome, actor=by.opaque, template=f"outcome_{outcome.value}")
        return ending
    if ending_state(ending) == ItemState.REFUSED:
        item.ground, item.reasons = ending.ground, ending.reasons
        item.decided_by, item.decided_at = ending.proposed_by, ending.approved_at
        data = {"granted": False, "ground": ending.ground}
        item_move(item=item, to=ItemState.REFUSED, kind=RecordKind.ITEM_DECIDED, actor=by.opaque, data=data)
    else:
        data = {"outcome": ending.outcome}
        item_move(item=item, to=ItemState.LAPSED, kind=RecordKind.ITEM_LAPSED, actor=by.opaque, data=data)
    request_close_when_settled(request=request, actor=by.opaque)
    return ending


@transaction.atomic
def ending_decline(*, ending: Ending, reason: str, by: Account) -> Ending:
    """Decline an end, or take one's own proposal back: the item or the request is where it was before.

    Raises:
        NotAllowedError: `by` is no officer.
        StaleStateError: it is no longer waiting, or no reason is given.
    """
    require_officer(by)
    require_explanation(reason)
    ending = _waiting(ending)
    ending.declined_by, ending.declined_at, ending.decline_reason = by, timezone.now(), reason.strip()
    ending.save(update_fields=["declined_by", "declined_at", "decline_reason"])
    item, kind, data = ending.item, RecordKind.ENDING_DECLINED, ending_data(ending)
    if item is None:
        request_move(request=ending.request, to=RequestState.REVIEW, kind=kind, actor=by.opaque, data=data)
    else:
        before = ItemState.GRANTED if item.ground else ItemState.DECIDING
        item_move(item=item, to=before, kind=kind, actor=by.opaque, data=data)
    return ending


def _propose(ending: Ending) -> Ending:
    """Save a draft whose request and item are locked, and hand it to another officer."""
    kind, actor, data = RecordKind.ENDING_PROPOSED, ending.proposed_by.opaque, ending_data(ending)
    if ending.item is None:
        request_move(request=ending.request, to=RequestState.CLOSING, kind=kind, actor=actor, data=data)
    else:
        require_item_transition(ending.item, kind, ItemState.ENDING)
        item_move(item=ending.item, to=ItemState.ENDING, kind=kind, actor=actor, data=data)
    ending.save()
    return ending


def _waiting(ending: Ending) -> Ending:
    """Lock an ending, after its request and item, and return it as it is now; raise StaleStateError unless it waits."""
    request = request_end_lock(ending.request_id)
    item = item_lock(ending.item) if ending.item else None
    locked = Ending.objects.select_for_update(no_key=True, of=("self",)).select_related("proposed_by").get(pk=ending.pk)
    locked.request, locked.item = request, item
    if item:
        item.request = request
    if not waits(locked):
        raise StaleStateError(_("This no longer waits for approval. Reload the page."))
    if item:  # it waits while its request is searched and reviewed again
        require_item_transition(item, RecordKind.ENDING_DECLINED, ItemState.DECIDING)
    return locked
