"""From a search to items: accept or reject each match, add what the search missed, complete the review."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.accounts.models import Account
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.services import record_append
from requests_app.models import ErasureRequest, Match
from requests_app.states import ItemState, RequestState
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.models import CorpusSnapshot
from unlearning_jobs.selectors import examples_by_id
from unlearning_jobs.services.ledger import ledger_lock

from .accepted import Accepted, active_versions
from .corrections import items_correct, items_lock
from .findings import items_to_create, review_goes_on
from .permissions import require_mapper
from .reasons import require_explanation
from .requests import request_close_when_settled, request_lock, request_move, require_request_transition

BY_HAND = "by_hand"
"""The method of a match that an officer added."""


@transaction.atomic
def matches_decide(*, request: ErasureRequest, match_ids: Iterable[int], accept: bool, by: Account) -> int:
    """Accept or reject matches while the request is under review; return how many.

    Raises:
        NotAllowedError: `by` is no officer, or approved something in this request.
        StaleStateError: the request is not under review, no match is named, or one that is not the request's, or that was
            part of an item that was released or refused.
    """
    request = _under_review(request, by)
    decision = Match.Decision.ACCEPTED if accept else Match.Decision.REJECTED
    named = set(match_ids)
    settled = request.items.filter(state__in=[ItemState.RELEASED, ItemState.REFUSED])
    fixed = {(item.snapshot_id, example_id) for item in settled for example_id in item.example_ids}
    chosen = list(request.matches.filter(pk__in=named).select_related("snapshot"))
    if not named or len(chosen) != len(named):
        raise StaleStateError(_("Choose matches of this request."))
    if any((row.snapshot_id, row.example_id) in fixed for row in chosen):
        raise StaleStateError(_("What was released or refused stays as it was decided. Decide only what is open."))
    for row in chosen:
        row.decision, row.decided_by, row.decided_at = decision, by, timezone.now()
        row.save(update_fields=["decision", "decided_by", "decided_at"])
    _record_decision(request, decision, chosen, by)
    return len(chosen)


@transaction.atomic
def match_add(*, request: ErasureRequest, snapshot: CorpusSnapshot, example_id: str, reason: str, by: Account) -> Match:
    """Add an example that the search did not find, and accept it, with its copies in the training data of models in use.

    Raises:
        NotAllowedError: `by` is no officer, or approved something in this request.
        StaleStateError: the request is not under review, there is no reason, the snapshot has no such example or cannot be
            read, or the example is among the matches already.
    """
    # 1. The example must be there, and new.
    request = _under_review(request, by)
    require_explanation(reason)
    try:
        example = examples_by_id(snapshot, [example_id])[example_id]
    except CorpusError as error:
        raise StaleStateError(str(error)) from error
    if request.matches.filter(snapshot=snapshot, example_id=example_id).exists():
        raise StaleStateError(_("This example is among the matches already. Accept it there."))
    # 2. Add it, accepted. The reason stays out of the record: it may name people.
    match = _add(Match(request=request, snapshot=snapshot, example_id=example_id, example_set=example.set), reason, by)
    # 3. The same content elsewhere is the same to the ledger, and to whoever is told what is gone.
    accepted = Accepted([match])
    copies = {(version.snapshot, one) for version in active_versions() for one in accepted.places(match, version.snapshot)}
    known = set(request.matches.values_list("snapshot_id", "example_id"))
    for place, one in sorted(copies, key=lambda copy: (copy[0].pk, copy[1])):
        if (place.pk, one) not in known:
            _add(Match(request=request, snapshot=place, example_id=one, example_set="train"), reason, by)
    return match


def _add(match: Match, reason: str, by: Account) -> Match:
    match.reason, match.spans, match.methods, match.score = reason.strip(), [], [BY_HAND], 1.0
    match.decision, match.decided_by, match.decided_at = Match.Decision.ACCEPTED, by, timezone.now()
    match.save()
    data = {"snapshot": match.snapshot.digest[:16], "example_id": match.example_id}
    record_append(subject=match.request.subject, kind=RecordKind.MATCH_ADDED, actor=by.opaque, data=data)
    _record_decision(match.request, Match.Decision.ACCEPTED, [match], by)
    return match


@transaction.atomic
def review_complete(*, request: ErasureRequest, by: Account) -> ErasureRequest:
    """Complete the review: create an item for each active model that knows accepted examples, and correct those there are.

    If nothing is left open then, because every item was settled before, the request is closed.

    Raises:
        NotAllowedError: `by` is no officer, or approved something in this request.
        StaleStateError: the request is not under review, matches are still open, or there is nothing to create an item for;
            then the request is searched again or closed (`services/endings.py`).
    """
    # 1. Lock the request and what is in it; every match must have been decided.
    request = _under_review(request, by)
    items_lock(request)
    ledger_lock()  # no model comes into use meanwhile
    if request.matches.filter(decision=Match.Decision.OPEN).exists():
        raise StaleStateError(_("Accept or reject every match first."))
    items = list(items_to_create(request))
    if not items and not review_goes_on(request):
        raise StaleStateError(_("No model in use knows an accepted example. Search again, or propose to close the request."))
    # 2. Note who completed the review.
    request.reviewed_by = by
    request.save(update_fields=["reviewed_by"])
    # 3. Save the items and start deciding.
    for item in items:
        item.save()
    counts = {
        d.value: request.matches.filter(decision=d).count() for d in (Match.Decision.ACCEPTED, Match.Decision.REJECTED)
    }
    data = counts | {"items": [item.key for item in items]}
    record_append(subject=request.subject, kind=RecordKind.MATCHES_DECIDED, actor=by.opaque, data=data)
    request = request_move(
        request=request,
        to=RequestState.IN_PROGRESS,
        kind=RecordKind.REVIEW_COMPLETED,
        actor=by.opaque,
        data={"items": len(items)},
    )
    # 4. Take what was rejected out of earlier items. Perhaps nothing is open any more.
    items_correct(request=request, by=by)
    request_close_when_settled(request=request, actor=by.opaque)
    return request


def _under_review(request: ErasureRequest, by: Account) -> ErasureRequest:
    """Lock and return the request; raise unless its review can be completed, and by this account."""
    request = request_lock(request.pk)
    require_mapper(request, by)
    require_request_transition(request, RecordKind.REVIEW_COMPLETED, RequestState.IN_PROGRESS)
    return request


def _record_decision(request: ErasureRequest, decision: Match.Decision, chosen: list[Match], by: Account) -> None:
    examples = [
        {"snapshot": match.snapshot.digest[:16], "example_id": match.example_id, "set": match.example_set}
        for match in chosen
    ]
    kind = RecordKind(f"match.{decision.value}")
    record_append(subject=request.subject, kind=kind, actor=by.opaque, data={"examples": examples})
