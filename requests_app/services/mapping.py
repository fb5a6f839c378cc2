"""From a request to training examples: search, accept or reject each match, complete the review."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.accounts.models import Account
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.services import SYSTEM, record_append
from requests_app.encryption import keyed_index
from requests_app.models import ErasureRequest, Item, Match
from requests_app.states import RequestOutcome, RequestState
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.matching import ExampleMatch, Query, find_matches, is_searchable
from unlearning_jobs.models import CorpusSnapshot, ModelVersion
from unlearning_jobs.states import ModelState

from .permissions import require_officer
from .requests import request_close, request_move, require_request_transition


@dataclass
class Candidate:
    """What all matchers found in one example."""

    spans: set[tuple[int, int]] = field(default_factory=set)
    methods: set[str] = field(default_factory=set)
    score: float = 0.0

    def add(self, match: ExampleMatch) -> None:
        self.spans.add((match.start, match.end))
        self.methods.add(match.method)
        self.score = max(self.score, match.score)


def request_queries(request: ErasureRequest) -> list[Query]:
    """Return what to search for. Queries hold personal data: they live in this process's memory only."""
    if request.kind == ErasureRequest.Kind.COPYRIGHT:
        return [Query(id="work", kind="exact", value=request.work_text)]
    queries = [Query(id="name", kind="name", value=request.name)]
    if not request.on_behalf:  # else the address is the representative's
        queries.append(Query(id="email", kind="identifier", value=request.email))
    for number, line in enumerate(filter(None, map(str.strip, request.other_names.splitlines()))):
        queries.append(Query(id=f"other-{number}", kind="name" if " " in line else "identifier", value=line))
    return queries


def request_map(*, request_id: int) -> None:
    """Search the snapshot of every active model version, and open the review.

    Raises:
        StaleStateError: the request is not waiting for a search, or another worker has finished it in the meantime.
    """
    # 1. Check before searching: the search takes minutes on a large corpus.
    request = ErasureRequest.objects.get(pk=request_id)
    require_request_transition(request, RecordKind.MAPPING_COMPLETED, RequestState.REVIEW)
    # 2. Search outside a transaction, so that no row stays locked meanwhile.
    queries = request_queries(request)
    searchable = [query for query in queries if is_searchable(query)]
    candidates = {snapshot: _search(snapshot, searchable) for snapshot in _active_snapshots()}
    # 3. Save the matches and open the review; `request_move` raises if another worker was faster.
    with transaction.atomic():
        for snapshot, by_example in candidates.items():
            Match.objects.bulk_create(_rows(request, snapshot, by_example), ignore_conflicts=True)
        data = {
            "searched": sorted(snapshot.digest for snapshot in candidates),
            "queries": [{"kind": q.kind, "hmac": keyed_index(str(q.value), "query")} for q in searchable],
            "not_searchable": len(queries) - len(searchable),
            "candidates": sum(len(by_example) for by_example in candidates.values()),
        }
        request_move(request=request, to=RequestState.REVIEW, kind=RecordKind.MAPPING_COMPLETED, actor=SYSTEM, data=data)


def _active_snapshots() -> list[CorpusSnapshot]:
    active = ModelVersion.objects.filter(state=ModelState.ACTIVE).values("snapshot")
    return list(CorpusSnapshot.objects.filter(pk__in=active))


def _search(snapshot: CorpusSnapshot, queries: list[Query]) -> dict[str, Candidate]:
    files = Snapshot.open(settings.ARTEFACTS / snapshot.path, digest=snapshot.digest)
    candidates: dict[str, Candidate] = {}
    for match in find_matches(files, queries):
        candidates.setdefault(match.example_id, Candidate()).add(match)
    return candidates


def _rows(request: ErasureRequest, snapshot: CorpusSnapshot, candidates: dict[str, Candidate]) -> Iterator[Match]:
    for example_id, candidate in candidates.items():
        yield Match(
            request=request,
            snapshot=snapshot,
            example_id=example_id,
            spans=[list(span) for span in sorted(candidate.spans)],
            methods=sorted(candidate.methods),
            score=candidate.score,
        )


@transaction.atomic
def matches_decide(*, request: ErasureRequest, match_ids: Iterable[int], accept: bool, by: Account) -> int:
    """Accept or reject matches while the request is under review; return how many.

    Raises:
        NotAllowedError: `by` is no officer.
        StaleStateError: the request is not under review.
    """
    require_officer(by)
    request = _under_review(request)
    decision = Match.Decision.ACCEPTED if accept else Match.Decision.REJECTED
    chosen = list(request.matches.filter(pk__in=list(match_ids)).select_related("snapshot"))
    for row in chosen:
        row.decision, row.decided_by, row.decided_at = decision, by, timezone.now()
        row.save(update_fields=["decision", "decided_by", "decided_at"])
    if chosen:
        data = {"examples": [{"snapshot": m.snapshot.digest[:16], "example_id": m.example_id} for m in chosen]}
        record_append(subject=request.subject, kind=RecordKind(f"match.{decision.value}"), actor=by.opaque, data=data)
    return len(chosen)


@transaction.atomic
def review_complete(*, request: ErasureRequest, by: Account) -> ErasureRequest:
    """Complete the review: create an item per active model trained on accepted examples; close the request if there is none.

    Raises:
        NotAllowedError: `by` is no officer.
        StaleStateError: the request is not under review, or matches are still open.
    """
    # 1. Lock the request; every match must have been decided.
    require_officer(by)
    request = _under_review(request)
    if request.matches.filter(decision=Match.Decision.OPEN).exists():
        raise StaleStateError(_("Accept or reject every match first."))
    # 2. Note who completed the review.
    request.reviewed_by = by
    request.save(update_fields=["reviewed_by"])
    # 3. No active model knows an accepted example: close the request.
    items = list(_items(request))
    if not items:
        _decided(request, by, items)
        return request_close(request=request, outcome=RequestOutcome.NO_MATCH, actor=by.opaque, template="outcome_no_match")
    # 4. Otherwise save the items and start deciding.
    for item in items:
        item.save()
    data = _decided(request, by, items)
    return request_move(
        request=request, to=RequestState.IN_PROGRESS, kind=RecordKind.REVIEW_COMPLETED, actor=by.opaque, data=data
    )


def _under_review(request: ErasureRequest) -> ErasureRequest:
    """Lock and return the request; raise StaleStateError unless its review can be completed."""
    request = ErasureRequest.objects.select_for_update().get(pk=request.pk)
    require_request_transition(request, RecordKind.REVIEW_COMPLETED, RequestState.IN_PROGRESS)
    return request


def _decided(request: ErasureRequest, by: Account, items: list[Item]) -> dict[str, object]:
    counts = {d.value: request.matches.filter(decision=d).count() for d in Match.Decision}
    data: dict[str, object] = {
        "accepted": counts["accepted"],
        "rejected": counts["rejected"],
        "items": [i.key for i in items],
    }
    record_append(subject=request.subject, kind=RecordKind.MATCHES_DECIDED, actor=by.opaque, data=data)
    return {"items": len(items)}


def _items(request: ErasureRequest) -> Iterator[Item]:
    number = 0
    for version in ModelVersion.objects.filter(state=ModelState.ACTIVE).select_related("snapshot"):
        accepted = request.matches.filter(snapshot=version.snapshot, decision=Match.Decision.ACCEPTED)
        # What an earlier request erased from this version is no longer in it, nor is what its training left out.
        gone = {*version.erased_ids, *version.left_out}
        still_known = sorted(set(accepted.values_list("example_id", flat=True)) - gone)
        if still_known:
            number += 1
            yield Item(
                request=request,
                number=number,
                model_name=version.name,
                snapshot=version.snapshot,
                example_ids=still_known,
            )
