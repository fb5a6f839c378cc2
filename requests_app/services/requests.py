"""Move a request or an item: check the transition, then write the row and its record entry in one transaction."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.services import examples_in_parts, record_append, records_append
from requests_app.models import ErasureRequest, Item
from requests_app.states import ITEM_TRANSITIONS, REQUEST_TRANSITIONS, SETTLED, ItemState, RequestOutcome, RequestState
from unlearning_jobs.services.ledger import ledger_lock, ledger_withhold
from unlearning_jobs.states import JobState

from .dispositions import MODELS, accounted_examples, corrections_standing, models_told, not_to_be_learned, what_became
from .messages import message_queue
from .outcomes import settled_outcome
from .store_ends import erasures_end_with_request
from .stores_due import erasures_open
from .suppression_ends import suppressions_end_with_request

WHILE_OPEN = frozenset({RecordKind.ITEM_EVALUATED, RecordKind.ITEM_LAPSED, RecordKind.ITEM_CORRECTED})
"""Events of items that may come while their request is searched or reviewed again; all others wait."""


def request_lock(pk: int) -> ErasureRequest:
    """Lock a request and return it as it is now. Call it in a transaction, and before anything else is locked."""
    return ErasureRequest.objects.select_for_update(no_key=True).get(pk=pk)


def request_end_lock(pk: int) -> ErasureRequest:
    """Lock a request and what ends with it: the searches and samples that are due, the erasures in stores, and its items.

    Whatever may end a request calls it in a transaction, before it locks anything else but the access link.
    """
    request = request_lock(pk)
    for due in (request.search_orders, request.samples):
        live = due.filter(state__in=[JobState.QUEUED, JobState.RUNNING])
        list(live.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    list(erasures_open(request).select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    list(request.items.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    return request


def require_request_transition(request: ErasureRequest, kind: RecordKind, to: RequestState) -> None:
    """Raises StaleStateError unless the event `kind` takes a request in this state to `to`."""
    if (request.state, to) not in REQUEST_TRANSITIONS[kind]:
        state = request.get_state_display()
        raise StaleStateError(_("You cannot do this while the request is “%(state)s”.") % {"state": state})


def require_item_transition(item: Item, kind: RecordKind, to: ItemState) -> None:
    """Raises StaleStateError unless the event `kind` takes an item in this state to `to`, and its request is in progress."""
    closed = item.request.state == RequestState.CLOSED
    if closed or (item.request.state != RequestState.IN_PROGRESS and kind not in WHILE_OPEN):
        state = item.request.get_state_display()
        raise StaleStateError(_("You cannot do this while the request is “%(state)s”.") % {"state": state})
    if (item.state, to) not in ITEM_TRANSITIONS[kind]:
        state = item.get_state_display()
        raise StaleStateError(_("You cannot do this while the item is “%(state)s”.") % {"state": state})


@transaction.atomic
def request_move(
    *, request: ErasureRequest, to: RequestState, kind: RecordKind, actor: str, data: Mapping[str, object]
) -> ErasureRequest:
    """Move a request from the state in `request` to another.

    Raises:
        StaleStateError: the move is not allowed, or somebody else has moved it in the meantime.
    """
    # 1. Check the move against the table.
    require_request_transition(request, kind, to)
    # 2. Write it, unless the row has left the state that was checked: a concurrent move wins once.
    moved = ErasureRequest.objects.filter(pk=request.pk, state=request.state).update(
        state=to,
        outcome=request.outcome,
        confirmed_at=request.confirmed_at,
        closed_at=request.closed_at,
        vocabularies=request.vocabularies,
        from_checkpoints=request.from_checkpoints,
        declared=request.declared,
    )
    if moved != 1:
        raise StaleStateError(_("Somebody else has changed this request. Reload the page."))
    request.state = to
    # 3. Record it in the same transaction.
    record_append(subject=request.subject, kind=kind, actor=actor, data=data)
    return request


@transaction.atomic
def request_close(
    *,
    request: ErasureRequest,
    outcome: RequestOutcome,
    actor: str,
    template: str | None,
) -> ErasureRequest:
    """Close a request and tell the claimant, unless `template` is None. Items that are not settled lapse, and
    a search or a sample that is due is no longer wanted. What no model in use knows and nobody refused enters the erasure
    ledger.

    A caller that has locked or recorded anything holds what is locked here: what ends with it, and the ledger.

    Raises:
        StaleStateError: it is already closed.
        ContentsUnknownError: nobody has noted what a corpus contains, and it cannot be read.
    """
    request_end_lock(request.pk)
    ledger_lock()  # before the record's numbers, as everywhere
    for item in request.items.exclude(state__in=SETTLED).select_related("request"):
        lapsed = {"outcome": outcome.value}
        item_move(item=item, to=ItemState.LAPSED, kind=RecordKind.ITEM_LAPSED, actor=actor, data=lapsed)
    request.outcome, request.closed_at = outcome, timezone.now()
    for due in (request.search_orders, request.samples):
        live = due.filter(state__in=[JobState.QUEUED, JobState.RUNNING])
        live.update(state=JobState.CANCELLED, lease_until=None, finished_at=request.closed_at)
    # Of a request that nobody answered, the corpora are not read to find out what became of its matches.
    became = list(what_became(request)) if template else []
    told_of = models_told(request) if template else dict.fromkeys(MODELS, 0)
    for name, count in told_of.items():
        setattr(request, name, count)
    told_of["not_concerned"] = len(corrections_standing(request)) if template else 0
    ledger_withhold(subject=request.subject, contents=not_to_be_learned(became), actor=actor)
    told = [{"examples": examples} for examples in examples_in_parts(accounted_examples(became))]
    records_append(subject=request.subject, kind=RecordKind.MATCH_ACCOUNTED, actor=actor, data=told)
    data = {"outcome": outcome.value, "accepted": len(became), **told_of}
    request_move(request=request, to=RequestState.CLOSED, kind=RecordKind.REQUEST_CLOSED, actor=actor, data=data)
    if template:
        message_queue(request=request, template=template)
    suppressions_end_with_request(request=request, actor=actor)
    erasures_end_with_request(request=request, actor=actor)
    return request


def item_lock(item: Item) -> Item:
    """Lock an item and return it as it is now. Call it in a transaction.

    The request is locked first, so that it cannot be withdrawn while one of its items moves.
    """
    request = request_lock(item.request_id)
    locked = Item.objects.select_for_update(no_key=True).get(pk=item.pk)
    locked.request = request
    return locked


@transaction.atomic
def item_move(*, item: Item, to: ItemState, kind: RecordKind, actor: str, data: Mapping[str, object]) -> Item:
    """Move an item from the state in `item` to another, and save the other fields set on it.

    Raises:
        StaleStateError: the move is not allowed, or somebody else has moved it in the meantime.
    """
    # 1. Lock the item and check the move against the table.
    locked = item_lock(item)
    require_item_transition(locked, kind, to)
    # 2. The caller's copy is saved below: it must not be older than the row.
    if locked.state != item.state:
        raise StaleStateError(_("Somebody else has changed this item. Reload the page."))
    # 3. Write it, and record it in the same transaction.
    item.state = to
    item.save()
    record_append(subject=item.request.subject, kind=kind, actor=actor, data={"item": item.key} | dict(data))
    return item


@transaction.atomic
def request_close_when_settled(*, request: ErasureRequest, actor: str) -> None:
    """Close a request if all of its items and copies are settled, and no model knows or is about to learn what else was
    accepted.

    The caller holds what ends with it, and the ledger's lock, so that no model comes into use and no training begins
    meanwhile.
    """
    outcome = settled_outcome(request)
    if outcome:
        request_close(request=request, outcome=outcome, actor=actor, template=f"outcome_{outcome.value}")
