"""From matches to items: add what the search missed, complete the review."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.accounts.models import Account
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.services import examples_in_parts, record_append, records_append
from requests_app.models import ErasureRequest, Match
from requests_app.states import RequestState
from unlearning_jobs.contents import contents_key, digests_of, training_places
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.models import CorpusSnapshot
from unlearning_jobs.selectors import examples_by_id
from unlearning_jobs.services.ledger import ledger_lock

from .accepted import learners, require_corrected
from .findings import items_to_create, review_goes_on
from .matches import decision_record, under_review
from .outcomes import closing_outcome
from .reasons import require_explanation
from .requests import request_close_when_settled, request_end_lock, request_move

BY_HAND = "by_hand"
"""The method of a match that an officer added."""
MOST_ADDED = 1_000
"""How many examples may be added at once."""


def match_add(*, request: ErasureRequest, snapshot: CorpusSnapshot, example_id: str, reason: str, by: Account) -> Match:
    """Add an example that the search did not find, and accept it; as `matches_add`."""
    return matches_add(request=request, snapshot=snapshot, example_ids=[example_id], reason=reason, by=by)[0]


@transaction.atomic
def matches_add(
    *, request: ErasureRequest, snapshot: CorpusSnapshot, example_ids: Sequence[str], reason: str, by: Account
) -> list[Match]:
    """Add examples that the search did not find, all or none of them, and accept them.

    Their copies in what models in use or trainings under way learn from are added with them, and returned behind them.

    Raises:
        NotAllowedError: `by` is no officer, or approved something in this request.
        StaleStateError: the request is not under review, there is no reason, no example or more than MOST_ADDED, the
            snapshot has no such example or cannot be read, an example is among the matches already, or nobody can say what
            a corpus contains.
    """
    # 1. The examples must be there, and new.
    request = under_review(request, by)
    require_explanation(reason)
    ids = list(dict.fromkeys(example_ids))
    if not 0 < len(ids) <= MOST_ADDED:
        raise StaleStateError(_("Name between 1 and %(most)d examples.") % {"most": MOST_ADDED})
    try:
        examples = examples_by_id(snapshot, ids)
        contents, key_id = digests_of(snapshot, examples), contents_key().id
    except CorpusError as error:
        raise StaleStateError(str(error)) from error
    if known := request.matches.filter(snapshot=snapshot, example_id__in=ids).values_list("example_id", flat=True)[:1]:
        raise StaleStateError(_("The example %(id)s is among the matches already. Accept it there.") % {"id": known[0]})
    # 2. The same content elsewhere is the same to the ledger, and to whoever is told what is gone.
    named = [
        Match(
            request=request,
            snapshot=snapshot,
            example_id=one,
            example_set=examples[one].set,
            content=contents[one],
            content_key=key_id,
        )
        for one in ids
    ]
    matches = [*named, *_copies(request, named)]
    # 3. Add all of it, accepted. The reason stays out of the record: it may name people.
    now = timezone.now()
    for match in matches:
        match.reason, match.spans, match.methods, match.score = reason.strip(), [], [BY_HAND], 1.0
        match.decision, match.decided_by, match.decided_at = Match.Decision.ACCEPTED, by, now
    Match.objects.bulk_create(matches)
    data = [{"snapshot": match.snapshot.digest[:16], "example_id": match.example_id} for match in matches]
    records_append(subject=request.subject, kind=RecordKind.MATCH_ADDED, actor=by.opaque, data=data)
    decision_record(request, Match.Decision.ACCEPTED, matches, by)
    return matches


def _copies(request: ErasureRequest, named: Sequence[Match]) -> list[Match]:
    """Return, unsaved, the examples with the content of these that models learned from or are to, and no matches yet."""
    known = set(request.matches.values_list("snapshot_id", "example_id"))
    known |= {(match.snapshot_id, match.example_id) for match in named}
    contents = {match.content for match in named}
    snapshots, key_id = {learner.snapshot for learner in learners()}, contents_key().id
    return [
        Match(
            request=request,
            snapshot=snapshot,
            example_id=one,
            example_set="train",
            content=content,
            content_key=key_id,
        )
        for snapshot in sorted(snapshots, key=lambda snapshot: snapshot.pk)
        for content, places in sorted(training_places(snapshot, contents).items())
        for one in places
        if (snapshot.pk, one) not in known
    ]


@transaction.atomic
def review_complete(*, request: ErasureRequest, by: Account) -> ErasureRequest:
    """Complete the review: create an item for each active model that knows accepted examples.

    If nothing is left open then, because every item was settled before, the request is closed.

    Raises:
        NotAllowedError: `by` is no officer, or approved something in this request.
        StaleStateError: the request is not under review, matches are still open, an item holds what was rejected, or there
            is nothing to create an item for, and two officers have to say so; then they take it out, or the request is
            searched again or closed (`services/endings.py`).
    """
    # 1. Lock the request and what is in it; every match must have been decided.
    request = under_review(request, by)
    request_end_lock(request.pk)
    ledger_lock()  # no model comes into use meanwhile
    if request.matches.filter(decision=Match.Decision.OPEN).exists():
        raise StaleStateError(_("Accept or reject every match first."))
    require_corrected(request)
    items = list(items_to_create(request))
    if not items and (not review_goes_on(request) or closing_outcome(request)):
        raise StaleStateError(_("No model in use knows an accepted example. Search again, or propose to close the request."))
    # 2. Note who completed the review.
    request.reviewed_by = by
    request.save(update_fields=["reviewed_by"])
    # 3. Save the items, record which examples they hold, and start deciding.
    for item in items:
        item.save()
        about = {"item": item.key, "model": item.model_name, "snapshot": item.snapshot.digest[:16]}
        held = [about | {"examples": examples} for examples in examples_in_parts(item.example_ids)]
        records_append(subject=request.subject, kind=RecordKind.ITEM_CREATED, actor=by.opaque, data=held)
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
    # 4. Perhaps nothing is open any more.
    request_close_when_settled(request=request, actor=by.opaque)
    return request
