"""What became of every accepted example: letters count it, and the record keeps it when the request is closed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from compliance.formats.record_kinds import Disposition, RecordKind
from compliance.record.selectors import entries_of
from requests_app.models import Ending, ErasureRequest, Match, Proposal
from requests_app.states import ItemState, RequestState
from unlearning_jobs.models import CorpusSnapshot

from .accepted import Accepted, learners
from .findings import examples_by_model, items_without_influence, vocabularies

TOLD = (Disposition.ALREADY_ERASED, Disposition.NOT_LEARNED, Disposition.NO_INFLUENCE)
"""What a letter says besides what was done and the reasons of refusals."""
LEFT_OUT = frozenset({Disposition.ALREADY_ERASED, Disposition.NOT_LEARNED})
Became = tuple[Match, frozenset[Disposition]]


def told_facts(request: ErasureRequest, supposing: Ending | None = None) -> dict[str, int]:
    """Count the accepted examples that nothing was released for and nobody refused, by what is so of the models in use.

    Of a closed request, by what was so when it was closed.

    Args:
        request: the request.
        supposing: an ending that waits, or is about to be proposed: the answer is as if it were approved.
    """
    facts = None if supposing else _told_at_the_end(request)
    if facts is None:
        became = [ways for _match, ways in what_became(request, supposing)]
        facts = {way.value: sum(way in ways for ways in became) for way in TOLD}
    approved = request.endings.filter(approved_by__isnull=False)
    left = sum(ending.facts.get("not_concerned", 0) for ending in approved)
    return facts | {"not_concerned": left, "vocabularies": vocabularies(Accepted.of(request))}


def accounted_examples(became: Iterable[Became]) -> list[dict[str, Any]]:
    """Return what the entries say about a request's accepted examples when it is closed."""
    return [
        {"snapshot": match.snapshot.digest[:16], "example_id": match.example_id, "became": sorted(ways)}
        for match, ways in became
    ]


def not_to_be_learned(became: Iterable[Became]) -> dict[CorpusSnapshot, list[str]]:
    """Return the accepted examples that no model in use knows, with nothing released or refused for them."""
    places: dict[CorpusSnapshot, list[str]] = {}
    for match, ways in became:
        if ways and ways <= LEFT_OUT:
            places.setdefault(match.snapshot, []).append(match.example_id)
    return places


def _told_at_the_end(request: ErasureRequest) -> dict[str, int] | None:
    """Count what the record said when a request was closed; None while it is open, and if an earlier version closed it."""
    entries = entries_of(subject=request.subject, kinds=(RecordKind.MATCH_ACCOUNTED, RecordKind.REQUEST_CLOSED))
    closed = [entry for entry in entries if entry.kind == RecordKind.REQUEST_CLOSED]
    if request.state != RequestState.CLOSED or not closed or "accepted" not in closed[-1].data:
        return None
    accounted = [one for entry in entries if entry.kind == RecordKind.MATCH_ACCOUNTED for one in entry.data["examples"]]
    return {way.value: sum(way in one["became"] for one in accounted) for way in TOLD}


def what_became(request: ErasureRequest, supposing: Ending | None = None) -> Iterator[Became]:
    """Yield every accepted match with what became of it; nothing of what a model in use knows and nobody has answered."""
    accepted, in_use = Accepted.of(request), [learner for learner in learners() if learner.version]
    without_influence = examples_by_model(items_without_influence(request, supposing))
    refused_items = list(request.items.filter(state=ItemState.REFUSED))
    if supposing and supposing.item and supposing.outcome == Disposition.REFUSED:
        refused_items.append(supposing.item)
    refused = examples_by_model(refused_items)
    refused_here = {(item.snapshot_id, one) for item in refused_items for one in item.example_ids}
    released, released_here = _released(request)
    for match in accepted.matches:
        here = (match.snapshot_id, match.example_id)
        had = [(learner, accepted.places(match, learner.snapshot)) for learner in in_use]
        places = {(learner.name, one) for learner, ids in had for one in ids}
        known = {(learner.name, one) for learner, ids in had for one in ids - learner.gone}
        became = set()
        if here in released_here:
            became.add(Disposition.RELEASED)
        elif places & released:
            became.add(Disposition.COPY_RELEASED)
        if here in refused_here or places & refused:
            became.add(Disposition.REFUSED)
        if known & without_influence:
            became.add(Disposition.NO_INFLUENCE)
        if not known and not became.intersection((Disposition.RELEASED, Disposition.COPY_RELEASED)):
            became.add(Disposition.ALREADY_ERASED if places else Disposition.NOT_LEARNED)
        yield match, frozenset(became)


def _released(request: ErasureRequest) -> tuple[set[tuple[str, str]], set[tuple[int, str]]]:
    """Return the examples that models unlearned for a request: by the model's name, and by the snapshot they are in."""
    rows = Proposal.objects.filter(item__request=request, released_by__isnull=False).select_related("item", "job")
    examples = [(row.item, one) for row in rows if row.job for one in row.job.spec["forget_ids"]]
    return {(item.model_name, one) for item, one in examples}, {(item.snapshot_id, one) for item, one in examples}
