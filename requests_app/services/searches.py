"""Search the training data for what a request names, and keep what was searched, what could not be, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.accounts.models import Account
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.services import SYSTEM
from requests_app.encryption import keyed_index
from requests_app.models import ErasureRequest, Match, Search
from requests_app.states import RequestState
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.engine.matching import VERSION, ExampleMatch, Query, classify, find_matches, query_obstacle
from unlearning_jobs.models import CorpusSnapshot, ModelVersion
from unlearning_jobs.queue import enqueue_on_commit
from unlearning_jobs.ringing import first_ring

from .findings import active_versions
from .permissions import require_mapper
from .requests import request_lock, request_move, require_request_transition

MAP_TASK = "requests_app.request_map"


@dataclass
class Candidate:
    """What all matchers found in one example."""

    example_set: str = ""
    spans: set[tuple[int, int]] = field(default_factory=set)
    methods: set[str] = field(default_factory=set)
    score: float = 0.0

    def add(self, match: ExampleMatch) -> None:
        self.example_set = match.set
        self.spans.add((match.start, match.end))
        self.methods.add(match.method)
        self.score = max(self.score, match.score)


@dataclass(frozen=True)
class SnapshotSearch:
    """How one snapshot was searched, and what was found in it, by example."""

    outcome: Search.Target
    candidates: Mapping[str, Candidate] = field(default_factory=dict)


def request_queries(request: ErasureRequest) -> list[Query]:
    """Return what to search for. Queries hold personal data: they live in this process's memory only."""
    if request.kind == ErasureRequest.Kind.COPYRIGHT:
        return [Query(id="work", kind="exact", value=request.work_text)]
    queries = [Query(id="name", kind="name", value=request.name)]
    if not request.on_behalf:  # else the address is the representative's
        queries.append(Query(id="email", kind="identifier", value=request.email))
    for number, line in enumerate(filter(None, map(str.strip, request.other_names.splitlines())), start=1):
        queries.append(Query(id=f"other-{number}", kind=classify(line), value=line))
    return queries


@transaction.atomic
def request_search_again(*, request: ErasureRequest, by: Account) -> ErasureRequest:
    """Have the training data searched again. Decided matches stay decided; the review goes on when the search has ended.

    Raises:
        NotAllowedError: `by` is no officer, or approved something in this request.
        StaleStateError: the request is neither under review nor in progress.
    """
    request = request_lock(request.pk)
    require_mapper(request, by)
    request_move(request=request, to=RequestState.MAPPING, kind=RecordKind.SEARCH_ORDERED, actor=by.opaque, data={})
    ErasureRequest.objects.filter(pk=request.pk).update(rings=0, ring_at=first_ring())
    enqueue_on_commit(MAP_TASK, request.pk, queue="matching")
    return request


def request_map(*, request_id: int) -> Search:
    """Search the training data of every active model version, keep what was searched, and open the review.

    Raises:
        StaleStateError: the request is not waiting for a search, or another worker has finished it in the meantime.
    """
    # 1. Check before searching: the search takes minutes on a large corpus.
    request = ErasureRequest.objects.get(pk=request_id)
    require_request_transition(request, RecordKind.MAPPING_COMPLETED, RequestState.REVIEW)
    earlier, started_at = request.searches.count(), timezone.now()
    # 2. Search outside a transaction, so that no row stays locked meanwhile.
    obstacles = {query: query_obstacle(query) for query in request_queries(request)}
    versions = active_versions()
    searchable = [query for query, obstacle in obstacles.items() if not obstacle]
    found = {snapshot: _search(snapshot, searchable) for snapshot in {version.snapshot for version in versions}}
    # 3. Save what was done and found, and open the review, unless another worker was faster.
    with transaction.atomic():
        request = request_lock(request_id)
        require_request_transition(request, RecordKind.MAPPING_COMPLETED, RequestState.REVIEW)
        if request.searches.count() != earlier:
            raise StaleStateError(_("Somebody else has changed this request. Reload the page."))
        for snapshot, result in found.items():
            _save_matches(request, snapshot, result.candidates)
        search = _save(request, obstacles, versions, found, started_at)
        data = _facts(search, obstacles)
        request_move(request=request, to=RequestState.REVIEW, kind=RecordKind.MAPPING_COMPLETED, actor=SYSTEM, data=data)
    return search


def _search(snapshot: CorpusSnapshot, queries: list[Query]) -> SnapshotSearch:
    """Search one snapshot. What cannot be read to its end does not count as searched."""
    candidates: dict[str, Candidate] = {}
    try:
        files = Snapshot.open(settings.ARTEFACTS / snapshot.path, digest=snapshot.digest)
        for match in find_matches(files, queries):
            candidates.setdefault(match.example_id, Candidate()).add(match)
    except CorpusError:
        return SnapshotSearch(Search.Target.UNREADABLE)
    return SnapshotSearch(Search.Target.TEXTS_ONLY if files.info.features else Search.Target.SEARCHED, candidates)


def _save(
    request: ErasureRequest,
    obstacles: Mapping[Query, str],
    versions: list[ModelVersion],
    found: Mapping[CorpusSnapshot, SnapshotSearch],
    started_at: datetime,
) -> Search:
    targets = [
        {
            "model": version.name,
            "version": version.number,
            "model_sha256": version.digest,
            "snapshot": str(version.snapshot),
            "snapshot_sha256": version.snapshot.digest,
            "outcome": found[version.snapshot].outcome.value,
        }
        for version in versions
    ]
    readable = all(result.outcome != Search.Target.UNREADABLE for result in found.values())
    return Search.objects.create(
        request=request,
        number=request.searches.count() + 1,
        matcher=VERSION,
        queries=[{"id": q.id, "kind": q.kind, "obstacle": obstacle} for q, obstacle in obstacles.items()],
        targets=targets,
        candidates=sum(len(result.candidates) for result in found.values()),
        complete=bool(targets) and readable and not any(obstacles.values()),
        started_at=started_at,
        finished_at=timezone.now(),
    )


def _facts(search: Search, obstacles: Mapping[Query, str]) -> dict[str, object]:
    """Return what the record says about a search: the same, without names of models, and with a keyed digest per query."""
    unreadable = {target["snapshot_sha256"] for target in search.targets if target["outcome"] == Search.Target.UNREADABLE}
    return {
        "search": search.number,
        "matcher": search.matcher,
        "searched": sorted({target["snapshot_sha256"] for target in search.targets} - unreadable),
        "unreadable": sorted(unreadable),
        "queries": [
            {"kind": q.kind, "hmac": keyed_index(str(q.value), "query")} for q, obstacle in obstacles.items() if not obstacle
        ],
        "not_searchable": [{"kind": q.kind, "obstacle": obstacle} for q, obstacle in obstacles.items() if obstacle],
        "complete": search.complete,
        "candidates": search.candidates,
    }


def _save_matches(request: ErasureRequest, snapshot: CorpusSnapshot, candidates: Mapping[str, Candidate]) -> None:
    """Add what is new. A match that an earlier search found, or an officer added, keeps its decision."""
    rows = _rows(request, snapshot, candidates)
    Match.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["request", "snapshot", "example_id"],
        update_fields=["example_set"],
    )


def _rows(request: ErasureRequest, snapshot: CorpusSnapshot, candidates: Mapping[str, Candidate]) -> Iterator[Match]:
    for example_id, candidate in candidates.items():
        yield Match(
            request=request,
            snapshot=snapshot,
            example_id=example_id,
            example_set=candidate.example_set,
            spans=[list(span) for span in sorted(candidate.spans)],
            methods=sorted(candidate.methods),
            score=candidate.score,
        )
