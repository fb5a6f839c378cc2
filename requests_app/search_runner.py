"""Runs the searches that one worker has claimed together: one pass over each snapshot for all of them.

The leases are kept by heartbeats: from the pass itself, and from a thread while one step takes long, such as checking a
large snapshot. Whatever is withdrawn or lost meanwhile is dropped, and the others go on. Nothing is written before the end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from unlearning_jobs.engine.errors import EngineError
from unlearning_jobs.engine.matching import Query
from unlearning_jobs.engine.matching.kinds import MATCHERS
from unlearning_jobs.engine.matching.self_test import self_test
from unlearning_jobs.heartbeat import Heartbeat
from unlearning_jobs.leases import ClaimLostError
from unlearning_jobs.models import CorpusSnapshot

from .models import SearchOrder
from .services.accepted import learners
from .services.clusters import matches_cluster
from .services.queries import request_queries
from .services.search_orders import search_fail, search_report, search_run_lost, searches_claim
from .services.searches import Found, SnapshotSearch, contents_read, copies_find, search_complete
from .snapshot_search import snapshot_search


class SearchHeartbeat(Heartbeat):
    """Reports for the searches of a worker, and keeps those that are still its own."""

    def __init__(self, orders: Sequence[SearchOrder]) -> None:
        super().__init__()
        self.orders = list(orders)
        self._writing = threading.Lock()

    def report(self, *, at_once: bool = False, **progress: float) -> None:
        """Write the progress, at most once a second.

        Raises:
            ClaimLostError: none of the searches is this worker's any more.
        """
        super().report(at_once=at_once, **progress)
        if not self.orders:
            message = "Every search of this pass was taken over, or is no longer wanted."
            raise ClaimLostError(message)

    def drop(self, order: SearchOrder) -> None:
        """Report for a search no more: it has ended."""
        with self._writing:
            self.orders = [other for other in self.orders if other.pk != order.pk]

    def write(self, progress: Mapping[str, float]) -> None:
        with self._writing:
            self.reported = time.monotonic()
            for order in self.orders:
                try:
                    search_report(order=order, **progress)
                except ClaimLostError:
                    self.orders = [other for other in self.orders if other.pk != order.pk]


def request_map(*, request_id: int, worker: str = "") -> None:
    """Search the data of every active model version and every training under way, for all requests that wait together.

    Raises:
        NothingToClaimError: the request is not waiting for a search.
        ClaimLostError: all of it was taken over meanwhile, or is no longer wanted.
    """
    orders = searches_claim(request_id=request_id, worker=worker)
    with SearchHeartbeat(orders) as heartbeat:
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


def _save(order: SearchOrder, found: Found, heartbeat: SearchHeartbeat) -> None:
    copies_find(order, found)
    contents_read(order, found)
    clusters = matches_cluster(order.request, found.snapshots_of(order), heartbeat.report)
    tested = [one for query, obstacle in found.asked[order.pk].items() if not obstacle for one in self_tested(query)]
    with suppress(ClaimLostError):  # it was taken over, or withdrawn: the others are still wanted
        search_complete(order=order, found=found, clusters=clusters, self_test=tested)
    heartbeat.drop(order)


def self_tested(query: Query) -> list[dict[str, Any]]:
    """Return how many edited copies of the query's own words this search finds; nothing of pictures and meanings."""
    tested = self_test(query) if query.kind in MATCHERS else []
    return [{"query": query.id, **asdict(one)} for one in tested]


def _end_all(heartbeat: SearchHeartbeat, error: EngineError) -> None:
    """Fail a search that cannot be done. Of several, nobody knows which one: each is tried again by itself."""
    for order in heartbeat.orders:
        if len(heartbeat.orders) == 1:
            search_fail(order=order, error=error.code)
        else:
            search_run_lost(order=order)


def _pass(heartbeat: SearchHeartbeat) -> Found:
    """Search every snapshot once for the queries of all requests."""
    learning = learners()
    snapshots = list(dict.fromkeys(learner.snapshot for learner in learning))
    asked = {order.pk: request_queries(order.request) for order in heartbeat.orders}
    queries = [
        replace(query, id=f"{pk}/{query.id}") for pk, own in asked.items() for query, obstacle in own.items() if not obstacle
    ]
    sizes = [sum(snapshot.counts.values()) for snapshot in snapshots]
    heartbeat.report(at_once=True, total=sum(sizes), snapshots=len(snapshots))
    found: dict[CorpusSnapshot, SnapshotSearch] = {}
    for place, snapshot in enumerate(snapshots):
        before = sum(sizes[:place])
        found[snapshot] = snapshot_search(snapshot, queries, partial(_said, heartbeat, before))
        heartbeat.report(at_once=True, done=sum(sizes[: place + 1]), snapshots_done=place + 1)
    return Found(learning, asked, found)


def _said(heartbeat: SearchHeartbeat, before: int, done: int, _all: int) -> None:
    heartbeat.report(done=before + done)
