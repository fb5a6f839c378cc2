"""The life of an erasure in a data store with a worker: claimed under a lease, listed, ended, failed. See ADR 3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.utils import timezone

from compliance.formats.record_kinds import RecordKind
from compliance.record.services import SYSTEM, record_append
from requests_app.models import ErasureRequest, StoreErasure
from requests_app.store_folders import job_folder
from requests_app.wording import RUNS_USED_UP
from unlearning_jobs.engine.stores.journal import facts_of
from unlearning_jobs.leases import NothingToClaimError, held_row, lapsed, lease_extend
from unlearning_jobs.queue import enqueue_on_commit
from unlearning_jobs.ringing import first_ring, ring_again
from unlearning_jobs.states import JobState

from .requests import request_lock
from .store_ends import erasure_end
from .store_erasures import STORE_TASK
from .stores_due import Stage

NOTHING: Final = "nothing"
"""The verdict of an erasure that found no document; nobody has to accept it."""
K = RecordKind


@dataclass(frozen=True)
class Result:
    """What the engine's result says, and the digest of its file."""

    verdict: str
    documents: int
    places: int
    sha256: str


@transaction.atomic
def store_erasure_claim(*, erasure_id: int) -> StoreErasure:
    """Start a run of the engine under a lease. One that erases may have deleted something from here on.

    Raises:
        NothingToClaimError: nothing waits for a worker.
    """
    waiting = StoreErasure.objects.filter(pk=erasure_id, state=JobState.QUEUED, stage__in=(Stage.FINDING, Stage.ERASING))
    row = waiting.select_for_update(no_key=True, of=("self",)).first()
    if row is None:
        message = f"Store erasure {erasure_id} does not wait for a worker."
        raise NothingToClaimError(message)
    row.lease_take()
    row.state, row.started_at = JobState.RUNNING, row.started_at or timezone.now()
    row.deleting = row.stage == Stage.ERASING
    row.save()
    return row


def store_erasure_report(*, row: StoreErasure) -> None:
    """Write a heartbeat, and extend the lease. It moves nothing, so it has no entry.

    Raises:
        ClaimLostError: the run is no longer this worker's, or no longer wanted.
    """
    lease_extend(StoreErasure.objects.all(), row)


@transaction.atomic
def store_erasure_list(*, row: StoreErasure, documents: int, of: int, listing_sha256: str) -> StoreErasure:
    """Keep what was found; officers can look at it from here on.

    Raises:
        ClaimLostError: the run is no longer this worker's, or no longer wanted.
    """
    request, row = _held(row)
    row.documents, row.of, row.listing_sha256 = documents, of, listing_sha256
    _done(row, Stage.LISTED)
    data = {"documents": documents, "of": of, "listing_sha256": listing_sha256}
    _record(request, row, K.STORE_ERASURE_LISTED, data)
    return row


@transaction.atomic
def store_erasure_nothing(*, row: StoreErasure) -> StoreErasure:
    """End an erasure that found no document: there is nothing to approve, and nothing to accept.

    Raises:
        ClaimLostError: the run is no longer this worker's, or no longer wanted.
    """
    request, row = _held(row)
    erasure_end(row, Stage.NOTHING, None)
    data = {"verdict": NOTHING, "documents": 0, "places": 0, "result_sha256": ""}
    _record(request, row, K.STORE_ERASURE_ENDED, data)
    return row


@transaction.atomic
def store_erasure_result(*, row: StoreErasure, result: Result) -> StoreErasure:
    """Keep the result of an erasure, for an officer to accept.

    Raises:
        ClaimLostError: the run is no longer this worker's.
    """
    request, row = _held(row)
    row.verdict, row.places, row.result_sha256 = result.verdict, result.places, result.sha256
    row.results += 1
    if result.verdict == StoreErasure.Verdict.PASSED:
        row.sought = ""  # nobody has it tried again
    _done(row, Stage.ENDED)
    data = {"verdict": row.verdict, "documents": result.documents, "places": row.places, "result_sha256": result.sha256}
    _record(request, row, K.STORE_ERASURE_ENDED, data)
    return row


@transaction.atomic
def store_erasure_fail(*, row: StoreErasure, error: str) -> None:
    """End a run for a reason that another run would meet again. An officer may have it tried again, or give it up.

    Raises:
        ClaimLostError: the run is no longer this worker's.
    """
    request, row = _held(row)
    _fail(request, row, error)


@transaction.atomic
def store_erasure_run_lost(*, row: StoreErasure) -> None:
    """Queue an erasure whose run ended without a result for another one, or fail it when its runs are used up.

    Raises:
        ClaimLostError: the run is no longer this worker's.
    """
    request, row = _held(row)
    _again(request, row)


def store_erasures_reconcile() -> int:
    """Queue again what dead workers have left, and ring for what waits; return how many."""
    touched = 0
    for pk, request_id in lapsed(StoreErasure.objects.all()).values_list("pk", "request_id"):
        with transaction.atomic():
            request = request_lock(request_id)
            # The worker may have reported, or ended the run, between the query and the lock.
            row = lapsed(StoreErasure.objects.select_for_update(no_key=True)).filter(pk=pk).first()
            if row is not None:
                _again(request, row)
                touched += 1
    return touched + ring_again(StoreErasure.objects.filter(state=JobState.QUEUED), STORE_TASK, queue="matching")


def _fail(request: ErasureRequest, row: StoreErasure, error: str) -> None:
    row.error_code = error[:40]
    row.deleting = row.stage == Stage.ERASING and facts_of(job_folder(row.pk), "deleting") is not None
    row.state, row.lease_until, row.finished_at = JobState.FAILED, None, timezone.now()
    row.save()
    _record(request, row, K.STORE_ERASURE_FAILED, {"error": row.error_code, "runs": row.runs})


def _again(request: ErasureRequest, row: StoreErasure) -> None:
    if row.runs >= row.max_runs:
        _fail(request, row, RUNS_USED_UP)
        return
    row.fencing_token += 1  # the worker of the lost run may still be alive: it can write nothing from here on
    row.state, row.lease_until, row.rings, row.ring_at = JobState.QUEUED, None, 0, first_ring()
    row.save()
    enqueue_on_commit(STORE_TASK, row.pk, queue="matching")


def _done(row: StoreErasure, stage: StoreErasure.Stage) -> None:
    row.stage, row.state, row.lease_until, row.finished_at = stage, JobState.COMPLETED, None, timezone.now()
    row.save()


def _held(row: StoreErasure) -> tuple[ErasureRequest, StoreErasure]:
    """Lock and return the request, then the row, if it is still this worker's."""
    request = request_lock(row.request_id)
    row = held_row(StoreErasure.objects.select_for_update(no_key=True), row)
    row.request = request
    return request, row


def _record(request: ErasureRequest, row: StoreErasure, kind: RecordKind, data: dict[str, object]) -> None:
    data = {"store_erasure": row.number} | data
    record_append(subject=request.subject, kind=kind, actor=SYSTEM, data=data)
