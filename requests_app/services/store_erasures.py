"""What officers do about an erasure in a data store: order it, approve its list, resume it, give it up, settle its result.

A worker finds and erases (`store_runs.py`). Whoever ordered it does not approve its list, and whoever approved it does not
settle it: three acts, and two officers at least.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.accounts.errors import NotAllowedError
from compliance.accounts.models import Account
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.services import record_append
from requests_app.models import ErasureRequest, StoreErasure
from requests_app.states import GRANT_GROUNDS, RequestState
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.models import DataStore
from unlearning_jobs.queue import enqueue_on_commit
from unlearning_jobs.ringing import first_ring
from unlearning_jobs.services.ledger import ledger_lock
from unlearning_jobs.states import JobState
from unlearning_jobs.stores import spec_of

from .letters import Letter, letter
from .mail_reasons import outcome_template
from .permissions import require_officer
from .requests import request_close_when_settled, request_end_lock, request_lock
from .store_ends import erasure_end, erasure_give_up
from .stores_due import Stage

STORE_TASK: Final = "requests_app.store_erase"
ORDERED_IN: Final = frozenset({RequestState.MAPPING, RequestState.REVIEW, RequestState.IN_PROGRESS})
"""States of an open request in which nothing waits for another officer to end it."""
K = RecordKind


def order_obstacle(request: ErasureRequest) -> str:
    """Return why nothing can be ordered for a request as it is; empty if something can."""
    if request.state not in ORDERED_IN:
        return _("Documents are erased from data stores while the request is searched, under review or in progress.")
    if not DataStore.objects.filter(retired_at=None).exists():
        return _("No data store is registered.")
    return ""


@transaction.atomic
def store_erasure_order(
    *, request: ErasureRequest, store: DataStore, ground: str, sought: Mapping[str, Any], by: Account
) -> StoreErasure:
    """Order an erasure in a data store, and ring a worker that makes the list of documents.

    Args:
        request: an open one.
        store: one that is not retired.
        ground: one that grants.
        sought: what is looked for (`unlearning_jobs.stores.spec_json`).
        by: the officer.

    Raises:
        NotAllowedError: `by` is no officer.
        StaleStateError: the request is not open, the store is retired, the ground does not grant, or the engine would refuse
            what is looked for.
    """
    require_officer(by)
    request = request_lock(request.pk)
    store = DataStore.objects.get(pk=store.pk)
    if obstacle := order_obstacle(request):
        raise StaleStateError(obstacle)
    if store.retired_at is not None:
        raise StaleStateError(_("This store is retired already."))
    if ground not in GRANT_GROUNDS[request.kind]:
        raise StaleStateError(_("Choose a ground that fits the decision."))
    try:
        spec_of(store.description, sought)
    except SpecError as error:
        raise StaleStateError(_("The store cannot be searched for this: %(why)s") % {"why": error}) from error
    row = StoreErasure.objects.create(
        request=request,
        number=request.store_erasures.count() + 1,
        store=store,
        description=store.description,
        store_sha256=store.digest,
        ground=ground,
        sought=json.dumps(dict(sought)),
        ordered_by=by,
    )
    data = {"store_erasure": row.number, "store": store.name, "store_sha256": store.digest, "ground": ground}
    record_append(subject=request.subject, kind=K.STORE_ERASURE_ORDERED, actor=by.opaque, data=data)
    enqueue_on_commit(STORE_TASK, row.pk, queue="matching")
    return row


def approval_refusal(row: StoreErasure, account: Account) -> str:
    """Return why `account` may not approve a list; empty if it may."""
    if account.pk == row.ordered_by_id:
        return _("You ordered this yourself; another officer must approve it.")
    if account.pk == row.request.submitted_by_id:
        return _("You submitted this request; another officer must approve it.")
    return ""


@transaction.atomic
def store_erasure_approve(*, row: StoreErasure, listing_sha256: str, by: Account) -> StoreErasure:
    """Approve that exactly the listed documents are erased, and ring a worker that does it.

    Raises:
        NotAllowedError: `by` is no officer, ordered this, or submitted the request.
        StaleStateError: the list does not wait for approval, or is another one.
    """
    row = _locked(row, by)
    if refusal := approval_refusal(row, by):
        raise NotAllowedError(refusal)
    if row.request.state == RequestState.CLOSED or row.stage != Stage.LISTED or row.listing_sha256 != listing_sha256:
        raise StaleStateError(_("This list does not wait for approval. Reload the page."))
    row.stage, row.approved_by, row.approved_at = Stage.ERASING, by, timezone.now()
    data = {"documents": row.documents, "listing_sha256": row.listing_sha256}
    _record(row, K.STORE_ERASURE_APPROVED, by.opaque, data)
    _ring(row)
    return row


@transaction.atomic
def store_erasure_resume(*, row: StoreErasure, by: Account) -> StoreErasure:
    """Have an erasure tried again that failed, or whose result did not pass. What was approved stays approved.

    Raises:
        NotAllowedError: `by` is no officer.
        StaleStateError: there is nothing to try again.
    """
    row = _locked(row, by)
    not_passed = row.stage == Stage.ENDED and row.verdict != StoreErasure.Verdict.PASSED
    if row.is_over or not (row.has_failed or not_passed):
        raise StaleStateError(_("There is nothing to try again. Reload the page."))
    row.stage = Stage.ERASING if row.approved_by_id else Stage.FINDING
    _record(row, K.STORE_ERASURE_RESUMED, by.opaque, {})
    _ring(row)
    return row


def giving_up_obstacle(row: StoreErasure) -> str:
    """Return why an erasure cannot be given up; empty if it can."""
    if row.is_over or row.stage == Stage.ENDED:
        return _("This cannot be given up: it has a result, or is over.")
    if row.stage == Stage.ERASING and row.is_under_way and (row.deleting or row.state == JobState.RUNNING):
        return _("Documents are being deleted. Wait for the result.")
    return ""


@transaction.atomic
def store_erasure_give_up(*, row: StoreErasure, by: Account) -> StoreErasure:
    """Give an erasure up. Once deletion may have begun, another officer than who approved it does, and the record says so.

    Raises:
        NotAllowedError: `by` is no officer, or approved what may have been deleted in part.
        StaleStateError: documents are being deleted, it has a result, or it is over.
    """
    row = _locked(row, by, end=True)
    if obstacle := giving_up_obstacle(row):
        raise StaleStateError(obstacle)
    if row.deleting and by.pk == row.approved_by_id:
        raise NotAllowedError(_("You approved this; another officer must give it up."))
    erasure_give_up(row, by.opaque, by)
    if row.request.state == RequestState.IN_PROGRESS:
        request_close_when_settled(request=row.request, actor=by.opaque)
    return row


def settlement_refusal(row: StoreErasure, account: Account) -> str:
    """Return why `account` may not settle an erasure; empty if it may."""
    if account.pk == row.approved_by_id:
        return _("You approved this; another officer must settle it.")
    return ""


@transaction.atomic
def store_erasure_settle(*, row: StoreErasure, by: Account) -> StoreErasure:
    """Accept the result of an erasure as it is, whatever its verdict. The last one closes a request that waits for it.

    Raises:
        NotAllowedError: `by` is no officer, or approved it.
        StaleStateError: there is no result that waits.
    """
    row = _locked(row, by, end=True)
    if refusal := settlement_refusal(row, by):
        raise NotAllowedError(refusal)
    if row.stage != Stage.ENDED:
        raise StaleStateError(_("There is no result that waits to be accepted. Reload the page."))
    erasure_end(row, Stage.SETTLED, by)
    _record(row, K.STORE_ERASURE_SETTLED, by.opaque, {"verdict": row.verdict})
    if row.request.state == RequestState.IN_PROGRESS:
        request_close_when_settled(request=row.request, actor=by.opaque)
    return row


def letter_after(act: Callable[..., StoreErasure], *, row: StoreErasure, by: Account) -> Letter | None:
    """Return the letter that settling or giving up an erasure would queue; None if the request stays as it is.

    As `decisions.release_letter`, it does it, reads what that has queued, and takes everything back.

    Args:
        act: `store_erasure_settle` or `store_erasure_give_up`.
        row: the erasure.
        by: the officer.

    Raises:
        NotAllowedError, StaleStateError: as the act.
    """
    with transaction.atomic():
        was_open = row.request.state != RequestState.CLOSED
        after = act(row=row, by=by).request
        after.refresh_from_db(fields=["state", "outcome", "closed_at"])
        closes = was_open and after.state == RequestState.CLOSED
        written = letter(after, outcome_template(after.outcome)) if closes else None
        transaction.set_rollback(True)
    return written


def _locked(row: StoreErasure, by: Account, *, end: bool = False) -> StoreErasure:
    """Lock and return an erasure, behind its request; with `end`, behind all that ends with that."""
    require_officer(by)
    request = request_end_lock(row.request_id) if end else request_lock(row.request_id)
    row = StoreErasure.objects.select_for_update(no_key=True).get(pk=row.pk)
    if end:
        ledger_lock()  # before the record's numbers, as everywhere
    row.request = request
    return row


def _ring(row: StoreErasure) -> None:
    row.state, row.runs, row.error_code, row.lease_until = JobState.QUEUED, 0, "", None
    row.rings, row.ring_at, row.finished_at = 0, first_ring(), None
    row.save()
    enqueue_on_commit(STORE_TASK, row.pk, queue="matching")


def _record(row: StoreErasure, kind: RecordKind, actor: str, data: Mapping[str, object]) -> None:
    data = {"store_erasure": row.number, **data}
    record_append(subject=row.request.subject, kind=kind, actor=actor, data=data)
