"""What became of every accepted example: letters count it, and the record keeps it when the request is closed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from compliance.formats.dispositions import Disposition
from compliance.formats.record_kinds import RecordKind
from compliance.record.selectors import entries_of
from requests_app.models import Ending, ErasureRequest, Match, Proposal
from requests_app.states import ItemState, RequestOutcome, RequestState
from unlearning_jobs.models import CorpusSnapshot, ModelVersion
from unlearning_jobs.states import ModelState

from .accepted import Accepted, learners
from .findings import examples_by_model, items_without_influence, vocabularies

TOLD = (Disposition.ALREADY_ERASED, Disposition.NOT_LEARNED, Disposition.NO_INFLUENCE)
"""What a letter says besides what was done and the reasons of refusals."""
MODELS = ("vocabularies", "from_checkpoints", "declared")
"""What a letter counts of the models in use, as a closed request keeps it."""
LEFT_OUT = frozenset({Disposition.ALREADY_ERASED, Disposition.NOT_LEARNED})
Became = tuple[Match, frozenset[Disposition]]


def told_facts(request: ErasureRequest, supposing: Ending | None = None) -> dict[str, int]:
    """Count the accepted examples that nothing was released for and nobody refused, by what is so of the models in use.

    Of a closed request, by what was so when it was closed.

    Args:
        request: the request.
        supposing: an ending that waits, or is about to be proposed: the answer is as if it were approved.
    """
    if request.state == RequestState.CLOSED and not supposing:
        became = _became_at_the_end(request)
        models = {name: getattr(request, name) or 0 for name in MODELS}
    else:
        became = [ways for _match, ways in what_became(request, supposing)]
        models = models_told(request)
    facts = {way.value: sum(way in ways for ways in became) for way in TOLD}
    # Nothing was found, or all was refused: then the letter says of no example what models do not know, and what the search
    # covered is all that it says of how models were made.
    if all(ways <= {Disposition.REFUSED} for ways in became):
        models = {"vocabularies": models["vocabularies"]}
    return facts | {"not_concerned": len(corrections_standing(request))} | models


def models_told(request: ErasureRequest) -> dict[str, int]:
    """Count the models in use whose vocabulary was made from accepted examples, that started from a checkpoint, and that
    were trained elsewhere.
    """
    in_use = ModelVersion.objects.filter(state=ModelState.ACTIVE)
    return {
        "vocabularies": vocabularies(request.matches.filter(decision=Match.Decision.ACCEPTED)),
        "from_checkpoints": in_use.filter(recipe__checkpoint__isnull=False).count(),
        "declared": in_use.exclude(assurance=ModelVersion.Assurance.REPRODUCED).count(),
    }


def corrections_standing(request: ErasureRequest) -> dict[int, Ending]:
    """Return the matches that two officers took out of items and that are rejected still, with the last such end of each."""
    approved = request.endings.filter(outcome=RequestOutcome.NOT_CONCERNED, approved_by__isnull=False)
    last = {pk: ending for ending in approved.order_by("number") for pk in ending.match_ids}
    rejected = request.matches.filter(pk__in=last, decision=Match.Decision.REJECTED)
    return {pk: last[pk] for pk in rejected.order_by("pk").values_list("pk", flat=True)}


def accounted_examples(became: Iterable[Became]) -> list[dict[str, Any]]:
    """Return what the entries say about a request's accepted examples when it is closed."""
    return [
        {"snapshot": match.snapshot.digest[:16], "example_id": match.example_id, "became": sorted(ways)}
        for match, ways in became
    ]


def not_to_be_learned(became: Iterable[Became]) -> dict[CorpusSnapshot, dict[str, str]]:
    """Return the accepted examples that no model in use knows, with nothing released or refused for them, and what each
    contains.
    """
    contents: dict[CorpusSnapshot, dict[str, str]] = {}
    for match, ways in became:
        if ways and ways <= LEFT_OUT:
            contents.setdefault(match.snapshot, {})[match.example_id] = match.content
    return contents


def _became_at_the_end(request: ErasureRequest) -> list[frozenset[Disposition]]:
    """Return what the record said of each example when a request was closed: nothing, if an earlier version closed it."""
    entries = entries_of(subject=request.subject, kinds=(RecordKind.MATCH_ACCOUNTED,))
    return [frozenset(map(Disposition, one["became"])) for entry in entries for one in entry.data["examples"]]


def what_became(request: ErasureRequest, supposing: Ending | None = None) -> Iterator[Became]:
    """Yield every accepted match with what became of it; nothing of what a model in use knows and nobody has answered."""
    accepted, in_use = Accepted.of(request), [learner for learner in learners() if learner.version]
    without_influence = examples_by_model(items_without_influence(request, supposing))
    refused_items = list(request.items.filter(state=ItemState.REFUSED).select_related("snapshot"))
    if supposing and supposing.item and supposing.outcome == Disposition.REFUSED:
        refused_items.append(supposing.item)
    refused = _by_snapshot((item.snapshot, item.example_ids) for item in refused_items)
    released = _by_snapshot(_released(request))
    for match in accepted.matches:
        had = [(learner, accepted.places(match, learner.snapshot)) for learner in in_use]
        places = {(learner.name, one) for learner, ids in had for one in ids - learner.never}
        known = {(learner.name, one) for learner, ids in had for one in ids - learner.gone}
        became = set()
        # By content, whether or not the models are still in use: what was refused for one of them is not to be withheld.
        if match.example_id in released.get(match.snapshot, ()):
            became.add(Disposition.RELEASED)
        elif _is_among(match, accepted, released):
            became.add(Disposition.COPY_RELEASED)
        if _is_among(match, accepted, refused):
            became.add(Disposition.REFUSED)
        if known & without_influence:
            became.add(Disposition.NO_INFLUENCE)
        if not known and not became.intersection((Disposition.RELEASED, Disposition.COPY_RELEASED)):
            became.add(Disposition.ALREADY_ERASED if places else Disposition.NOT_LEARNED)
        yield match, frozenset(became)


Held = Mapping[CorpusSnapshot, set[str]]
"""Examples, by the snapshot that they are in."""


def _by_snapshot(places: Iterable[tuple[CorpusSnapshot, Iterable[str]]]) -> Held:
    held: defaultdict[CorpusSnapshot, set[str]] = defaultdict(set)
    for snapshot, ids in places:
        held[snapshot].update(ids)
    return held


def _is_among(match: Match, accepted: Accepted, held: Held) -> bool:
    """Return whether a match, or an example with its content, is among these."""
    return any(ids & accepted.places(match, snapshot) for snapshot, ids in held.items() if ids)


def _released(request: ErasureRequest) -> Iterator[tuple[CorpusSnapshot, list[str]]]:
    """Yield the examples that models unlearned for a request, with the snapshot that they are in."""
    rows = Proposal.objects.filter(item__request=request, released_by__isnull=False)
    for row in rows.select_related("item__snapshot", "job"):
        if row.job:
            yield row.item.snapshot, row.job.spec["forget_ids"]
