"""Keep what a search did and found: what was searched, what could not be, and why; and open the review."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from compliance.encryption import keyed_index
from compliance.formats.record_kinds import RecordKind
from compliance.record.services import SYSTEM
from requests_app.models import ErasureRequest, Match, Search, SearchOrder
from requests_app.search_facts import is_complete, looked_for_anywhere, needed_gaps
from requests_app.states import RequestState
from unlearning_jobs.contents import ContentsUnknownError, contents_key, contents_of
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.engine.matching import VERSION, ExampleMatch, Query
from unlearning_jobs.engine.matching.time_limit import TookTooLongError
from unlearning_jobs.models import CorpusSnapshot
from unlearning_jobs.states import JobState

from .accepted import Accepted, Learner
from .requests import request_lock, request_move
from .search_orders import search_end, search_held

COPY = "copy"
"""The method of a match that has the content of an accepted one."""
OF_COLUMN = "-key-"
"""What follows the id of a query in those for the values of columns: they ask for the same (`services/queries.py`)."""
TOOK_TOO_LONG = TookTooLongError.code


@dataclass
class Candidate:
    """What all matchers found in one example."""

    example_set: str = ""
    spans: set[tuple[int, int]] = field(default_factory=set)
    methods: set[str] = field(default_factory=set)
    score: float = 0.0
    because: set[str] = field(default_factory=set)
    copied: int = 0
    queries: set[str] = field(default_factory=set)
    """Ids, within the request, of what was asked for and found here."""
    content: str = ""
    content_key: str = ""

    def add(self, match: ExampleMatch) -> None:
        self.example_set = match.set
        self.spans.add((match.start, match.end))
        self.methods.add(match.method)
        self.score = max(self.score, match.score)
        self.because.update(match.because)
        self.copied = max(self.copied, match.copied)
        self.queries.add(match.query.partition("/")[2].partition(OF_COLUMN)[0])


@dataclass
class SnapshotSearch:
    """How one snapshot was searched, and what was found in it, by search and example."""

    outcome: Search.Target
    candidates: defaultdict[int, dict[str, Candidate]] = field(default_factory=lambda: defaultdict(dict))
    unsearched: defaultdict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By search: examples that took too long and were not searched to their end."""
    read: dict[str, str] = field(default_factory=dict)
    """How its texts were searched: `by` index, with what tells the index from others, or sweep, and `why`."""
    swept: set[str] = field(default_factory=set)
    """Queries that the index could not narrow down, so that all was read for them."""
    answers: list[dict[str, Any]] = field(default_factory=list)
    """What must be known of each answer by meaning and about images, or why there is none."""

    def add(self, match: ExampleMatch) -> None:
        """Add a match to what was found for the search of its query."""
        self.candidates[order_of(match.query)].setdefault(match.example_id, Candidate()).add(match)

    def leave_out(self, example_id: str, queries: Iterable[str]) -> None:
        """Note an example that took too long for these queries."""
        for query in queries:
            self.unsearched[order_of(query)].add(example_id)


@dataclass(frozen=True)
class Found:
    """What one pass did for all searches that shared it."""

    learners: Sequence[Learner]
    """Models in use and trainings under way: whose data were searched."""
    asked: Mapping[int, Mapping[Query, str]]
    """By search: each query, and the obstacle that kept it from being searched for."""
    snapshots: Mapping[CorpusSnapshot, SnapshotSearch]

    def snapshots_of(self, order: SearchOrder) -> dict[CorpusSnapshot, dict[str, Candidate]]:
        """Return what was found for one search, by snapshot and example."""
        return {snapshot: result.candidates.get(order.pk, {}) for snapshot, result in self.snapshots.items()}

    def answers_of(self, order: SearchOrder) -> list[dict[str, Any]]:
        """Return the answers by meaning and about images for one search, each with its snapshot."""
        return [
            answer | {"query": _own(order, answer["query"]), "snapshot_sha256": snapshot.digest}
            for snapshot, result in self.snapshots.items()
            for answer in result.answers
            if _own(order, answer["query"])
        ]


def order_of(query_id: str) -> int:
    """Return the key of the search that a query of a pass belongs to."""
    return int(query_id.partition("/")[0])


def _own(order: SearchOrder, query_id: str) -> str:
    """Return the id of a query within its request; empty if the query is another request's."""
    owner, _slash, own = query_id.partition("/")
    return own if owner == str(order.pk) else ""


def copies_find(order: SearchOrder, found: Found) -> None:
    """Add to what was found the copies of what was accepted before: no query needs to find an example added by hand.

    Where nobody knows what a corpus contains, none are found, and the request cannot end (`findings.closing_obstacle`).
    """
    with suppress(ContentsUnknownError):
        accepted = Accepted.of(order.request)
        for snapshot, result in found.snapshots.items():
            if result.outcome != Search.Target.UNREADABLE:
                _add_copies(accepted, snapshot, result.candidates[order.pk])


def _add_copies(accepted: Accepted, snapshot: CorpusSnapshot, candidates: dict[str, Candidate]) -> None:
    for example_id in {one for match in accepted.matches for one in accepted.places(match, snapshot)}:
        candidate = candidates.setdefault(example_id, Candidate(example_set="train", score=1.0))
        candidate.methods.add(COPY)


def contents_read(order: SearchOrder, found: Found) -> None:
    """Note what each candidate contains. Of one that cannot be read now, the review reads it."""
    for snapshot, candidates in found.snapshots_of(order).items():
        with suppress(CorpusError, ContentsUnknownError):
            key_id = contents_key().id
            for example_id, content in contents_of(snapshot, candidates).items():
                candidates[example_id].content, candidates[example_id].content_key = content, key_id


@transaction.atomic
def search_complete(
    *,
    order: SearchOrder,
    found: Found,
    clusters: Mapping[tuple[int, str], int],
    self_test: Sequence[Mapping[str, Any]] = (),
) -> Search:
    """Save what a search did and found, end it, and open the review.

    Args:
        order: the search, claimed by this worker.
        found: what the pass found, for all searches that shared it.
        clusters: the cluster of each match, by snapshot and example.
        self_test: what the search finds of the request's own words, edited.

    Raises:
        ClaimLostError: the search is no longer this worker's, or no longer wanted; nothing is written.
    """
    request = request_lock(order.request_id)
    order = search_held(order)
    for snapshot, candidates in found.snapshots_of(order).items():
        _save_matches(request, snapshot, candidates, clusters)
    search = _save(request, order, found, self_test)
    search_end(order=order, state=JobState.COMPLETED)
    data = _facts(search, found.asked[order.pk])
    request_move(request=request, to=RequestState.REVIEW, kind=RecordKind.MAPPING_COMPLETED, actor=SYSTEM, data=data)
    return search


def _save(request: ErasureRequest, order: SearchOrder, found: Found, self_test: Sequence[Mapping[str, Any]]) -> Search:
    obstacles = found.asked[order.pk]
    targets = [
        {
            **_who(learner),
            "snapshot": str(learner.snapshot),
            "snapshot_sha256": learner.snapshot.digest,
            "outcome": found.snapshots[learner.snapshot].outcome.value,
            **_read(order, found.snapshots[learner.snapshot]),
            "unsearched": sorted(found.snapshots[learner.snapshot].unsearched.get(order.pk, ())),
        }
        for learner in found.learners
    ]
    search = Search(
        request=request,
        number=request.searches.count() + 1,
        matcher=VERSION,
        queries=[{"id": q.id, "kind": q.kind, "obstacle": obstacle} for q, obstacle in obstacles.items()],
        targets=targets,
        answers=found.answers_of(order),
        self_test=[dict(one) for one in self_test],
        candidates=sum(len(candidates) for candidates in found.snapshots_of(order).values()),
        started_at=order.started_at or order.created_at,
        finished_at=timezone.now(),
    )
    search.complete = is_complete(search)
    search.save(force_insert=True)
    return search


def _who(learner: Learner) -> dict[str, Any]:
    """Return whose data a target was: a model version, or a training that was under way; and what others made of it."""
    started: dict[str, Any] = {"checkpoint_sha256": learner.checkpoint} if learner.checkpoint else {}
    if learner.declared:
        started["declared"] = True
    if learner.version is None:
        return {"model": learner.name, "training": True, **started}
    return {"model": learner.name, "version": learner.version.number, "model_sha256": learner.version.digest, **started}


def _read(order: SearchOrder, result: SnapshotSearch) -> dict[str, Any]:
    """Return how the texts of a snapshot were searched for one search."""
    if not result.read:
        return {}
    return {"read": result.read, "swept": sorted(own for one in result.swept if (own := _own(order, one)))}


def _facts(search: Search, asked: Iterable[Query]) -> dict[str, object]:
    """Return what the record says about a search, without names of models: a keyed digest of each query looked for."""
    unreadable, texts_only = (
        {target["snapshot_sha256"] for target in search.targets if target["outcome"] == outcome}
        for outcome in (Search.Target.UNREADABLE, Search.Target.TEXTS_ONLY)
    )
    searched_for = looked_for_anywhere(search)
    slow = {(target["snapshot_sha256"], example_id) for target in search.targets for example_id in target["unsearched"]}
    return {
        "search": search.number,
        "matcher": search.matcher,
        "searched": sorted({target["snapshot_sha256"] for target in search.targets} - unreadable),
        "unreadable": sorted(unreadable),
        "texts_only": sorted(texts_only),
        "queries": [{"kind": q.kind, "hmac": keyed_index(str(q.value), "query")} for q in asked if q.id in searched_for],
        "not_searchable": [
            *({"kind": gap.kind, "obstacle": gap.why} for gap in needed_gaps(search)),
            *({"snapshot": digest, "example_id": one, "obstacle": TOOK_TOO_LONG} for digest, one in sorted(slow)),
        ],
        "complete": search.complete,
        "candidates": search.candidates,
    }


def _save_matches(
    request: ErasureRequest,
    snapshot: CorpusSnapshot,
    candidates: Mapping[str, Candidate],
    clusters: Mapping[tuple[int, str], int],
) -> None:
    """Add what is new. A match that an earlier search found, or an officer added, keeps its decision and its cluster, and
    names what finds it now as well.
    """
    before = dict(request.matches.filter(snapshot=snapshot, example_id__in=candidates).values_list("example_id", "queries"))
    Match.objects.bulk_create(
        _rows(request, snapshot, candidates, clusters, before),
        update_conflicts=True,
        unique_fields=["request", "snapshot", "example_id"],
        update_fields=["example_set", "queries"],
    )


def _rows(
    request: ErasureRequest,
    snapshot: CorpusSnapshot,
    candidates: Mapping[str, Candidate],
    clusters: Mapping[tuple[int, str], int],
    before: Mapping[str, Sequence[str]],
) -> Iterator[Match]:
    for example_id, candidate in candidates.items():
        yield Match(
            request=request,
            snapshot=snapshot,
            example_id=example_id,
            example_set=candidate.example_set,
            spans=[list(span) for span in sorted(candidate.spans)],
            methods=sorted(candidate.methods),
            score=candidate.score,
            because=sorted(candidate.because),
            copied=candidate.copied,
            queries=sorted(candidate.queries.union(before.get(example_id, ()))),
            content=candidate.content,
            content_key=candidate.content_key,
            cluster=clusters.get((snapshot.pk, example_id)),
        )
