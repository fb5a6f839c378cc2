"""Runs the searches that one worker has claimed together: one pass over each snapshot for all of them.

The leases are kept by heartbeats: from the pass itself, and from a thread while one step takes long, such as checking a
large snapshot. Whatever is withdrawn or lost meanwhile is dropped, and the others go on. Nothing is written before the end.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from types import TracebackType
from typing import Any, Self

from django.conf import settings
from django.db import connection

from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.errors import CorpusError, EngineError
from unlearning_jobs.engine.matching import Query, find_matches, query_obstacle
from unlearning_jobs.engine.matching.self_test import self_test
from unlearning_jobs.leases import LEASE, ClaimLostError
from unlearning_jobs.models import CorpusSnapshot

from .models import Search, SearchOrder
from .services.accepted import active_versions
from .services.clusters import matches_cluster
from .services.queries import request_queries
from .services.search_orders import search_fail, search_report, search_run_lost, searches_claim
from .services.searches import Candidate, Found, SnapshotSearch, copies_find, search_complete

REPORT_SECONDS = 1.0
"""Shortest time between two writes to the rows."""
SILENT_AT_MOST = LEASE.total_seconds() / 4
"""The thread writes when nothing has been reported for this long."""


class Heartbeat:
    """Reports for the searches of a worker, and keeps those that are still its own."""

    def __init__(self, orders: Sequence[SearchOrder]) -> None:
        self.orders = list(orders)
        self._reported = time.monotonic()
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._while_silent, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def report(self, *, at_once: bool = False, **progress: float) -> None:
        """Write the progress, at most once a second.

        Raises:
            ClaimLostError: none of the searches is this worker's any more.
        """
        if at_once or time.monotonic() - self._reported >= REPORT_SECONDS:
            self._write(progress)
        if not self.orders:
            message = "Every search of this pass was taken over, or is no longer wanted."
            raise ClaimLostError(message)

    def drop(self, order: SearchOrder) -> None:
        """Report for a search no more: it has ended."""
        with self._lock:
            self.orders = [other for other in self.orders if other.pk != order.pk]

    def _write(self, progress: Mapping[str, float]) -> None:
        with self._lock:
            self._reported = time.monotonic()
            for order in self.orders:
                try:
                    search_report(order=order, **progress)
                except ClaimLostError:
                    self.orders = [other for other in self.orders if other.pk != order.pk]

    def _while_silent(self) -> None:
        while not self._stop.wait(min(REPORT_SECONDS, SILENT_AT_MOST)):
            if time.monotonic() - self._reported >= SILENT_AT_MOST:
                self._write({})
        connection.close()  # the thread's own


def request_map(*, request_id: int, worker: str = "") -> None:
    """Search the training data of every active model version for a request, and for all requests that wait with it.

    Raises:
        NothingToClaimError: the request is not waiting for a search.
        ClaimLostError: all of it was taken over meanwhile, or is no longer wanted.
    """
    orders = searches_claim(request_id=request_id, worker=worker)
    with Heartbeat(orders) as heartbeat:
        try:
            found = _pass(heartbeat)
            for order in list(heartbeat.orders):
                _save(order, found, heartbeat)
        except ClaimLostError:
            raise
        except EngineError as error:
            _end_all(heartbeat, error)
        except Exception:
            for order in heartbeat.orders:
                search_run_lost(order=order)
            raise


def _save(order: SearchOrder, found: Found, heartbeat: Heartbeat) -> None:
    copies_find(order, found)
    clusters = matches_cluster(order.request, found.snapshots_of(order), heartbeat.report)
    tested = [one for query, obstacle in found.asked[order.pk].items() if not obstacle for one in self_tested(query)]
    with suppress(ClaimLostError):  # it was taken over, or withdrawn: the others are still wanted
        search_complete(order=order, found=found, clusters=clusters, self_test=tested)
    heartbeat.drop(order)


def self_tested(query: Query) -> list[dict[str, Any]]:
    """Return how many edited copies of the query's own words this search finds."""
    return [{"query": query.id, **asdict(one)} for one in self_test(query)]


def _end_all(heartbeat: Heartbeat, error: EngineError) -> None:
    """Fail a search that cannot be done. Of several, nobody knows which one: each is tried again by itself."""
    for order in heartbeat.orders:
        if len(heartbeat.orders) == 1:
            search_fail(order=order, error=error.code)
        else:
            search_run_lost(order=order)


def _pass(heartbeat: Heartbeat) -> Found:
    """Search every snapshot once for the queries of all requests."""
    versions = active_versions()
    snapshots = list(dict.fromkeys(version.snapshot for version in versions))
    asked = {
        order.pk: {query: query_obstacle(query) for query in request_queries(order.request)} for order in heartbeat.orders
    }
    queries = [
        replace(query, id=f"{pk}/{query.id}") for pk, own in asked.items() for query, obstacle in own.items() if not obstacle
    ]
    sizes = [sum(snapshot.counts.values()) for snapshot in snapshots]
    heartbeat.report(at_once=True, total=sum(sizes), snapshots=len(snapshots))
    found: dict[CorpusSnapshot, SnapshotSearch] = {}
    for place, snapshot in enumerate(snapshots):
        found[snapshot] = _search(snapshot, queries, heartbeat, sum(sizes[:place]))
        heartbeat.report(at_once=True, done=sum(sizes[: place + 1]), snapshots_done=place + 1)
    return Found(versions, asked, found)


def _search(snapshot: CorpusSnapshot, queries: list[Query], heartbeat: Heartbeat, before: int) -> SnapshotSearch:
    """Search one snapshot. What cannot be read to its end does not count as searched."""
    candidates: defaultdict[int, dict[str, Candidate]] = defaultdict(dict)
    unsearched: defaultdict[int, set[str]] = defaultdict(set)

    def leave_out(example_id: str, wanted: set[str]) -> None:
        for query in wanted:
            unsearched[order_of(query)].add(example_id)

    try:
        files = Snapshot.open(settings.ARTEFACTS / snapshot.path, digest=snapshot.digest)
        matches = find_matches(
            files,
            queries,
            on_progress=lambda done, _all: heartbeat.report(done=before + done),
            on_unsearched=leave_out,
        )
        for match in matches:
            candidates[order_of(match.query)].setdefault(match.example_id, Candidate()).add(match)
    except CorpusError:
        return SnapshotSearch(Search.Target.UNREADABLE)
    outcome = Search.Target.TEXTS_ONLY if files.info.features else Search.Target.SEARCHED
    return SnapshotSearch(outcome, candidates, unsearched)


def order_of(query: str) -> int:
    """Return the key of the search that a query of the pass belongs to."""
    return int(query.partition("/")[0])
