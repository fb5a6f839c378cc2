"""The life of an index: ordered, claimed under a lease, reported on, completed, failed, begun again. See ADR 3.

An index follows from its snapshot, so its moves have no entries in the record; a search keeps how it was answered.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.index_parts import kinds_for
from unlearning_jobs.leases import LEASE, ClaimLostError, NothingToClaimError, held, lapsed
from unlearning_jobs.models import CorpusIndex, CorpusSnapshot
from unlearning_jobs.queue import INDEX_TASK, enqueue_on_commit
from unlearning_jobs.ringing import first_ring, ring_again
from unlearning_jobs.stamps import Stamp
from unlearning_jobs.states import JobState, ModelState

RUNS_USED_UP = "runs_used_up"


@dataclass(frozen=True)
class IndexClaim:
    """A worker's right to build an index. It ends when the index's fencing token is raised."""

    pk: int
    token: int


@transaction.atomic
def indexes_order(*, snapshot: CorpusSnapshot) -> list[CorpusIndex]:
    """Order the indexes that a snapshot can have and lacks; return all that it has. Nobody is rung for at once.

    Whoever registers a corpus by hand builds them there and then; what they leave, the reconciler rings for.

    Raises:
        CorpusError: the snapshot cannot be read.
    """
    for kind in kinds_for(snapshot):
        CorpusIndex.objects.get_or_create(snapshot=snapshot, kind=kind)
    return list(snapshot.indexes.select_related("snapshot__corpus"))


@transaction.atomic
def indexes_build_order(*, snapshot: CorpusSnapshot) -> int:
    """Have the indexes built that a snapshot lacks or that could not be built; return how many were ordered now.

    What waits or is being built is left alone, so that ordering twice orders once.

    Raises:
        CorpusError: the snapshot cannot be read.
    """
    there = set(snapshot.indexes.values_list("pk", flat=True))
    ordered = 0
    for index in indexes_order(snapshot=snapshot):
        if index.pk not in there:
            enqueue_on_commit(INDEX_TASK, index.pk, queue="jobs")
            ordered += 1
        elif index.state == JobState.FAILED:
            ordered += index_begin_again(index_id=index.pk)
    return ordered


@transaction.atomic
def index_claim(*, index_id: int) -> IndexClaim:
    """Start a run of a build under a lease.

    Raises:
        NothingToClaimError: the index is built, has failed, or another worker builds it.
    """
    row = CorpusIndex.objects.select_for_update(no_key=True).filter(pk=index_id, state=JobState.QUEUED).first()
    if row is None:
        message = f"Index {index_id} does not wait to be built."
        raise NothingToClaimError(message)
    row.lease_take()
    row.state, row.started_at = JobState.RUNNING, timezone.now()
    row.save()
    return IndexClaim(row.pk, row.fencing_token)


def index_report(*, claim: IndexClaim, **progress: float) -> None:
    """Write a heartbeat, with the progress if there is any, and extend the lease.

    Raises:
        ClaimLostError: the build is no longer this worker's.
    """
    rows = held(CorpusIndex.objects.all(), pk=claim.pk, token=claim.token)
    if rows.update(lease_until=timezone.now() + LEASE, **progress) != 1:
        raise _lost(claim)


@transaction.atomic
def index_complete(*, claim: IndexClaim, digest: str, stamp: Stamp) -> None:
    """End a build: from here on, searches ask this index.

    Raises:
        ClaimLostError: the build is no longer this worker's.
    """
    row = _held(claim)
    row.digest, row.stamp = digest, stamp
    _end(row, JobState.COMPLETED)


@transaction.atomic
def index_fail(*, claim: IndexClaim, code: str) -> None:
    """End a build for a reason that another run would meet again. Searches go on reading the snapshot in full.

    Raises:
        ClaimLostError: the build is no longer this worker's.
    """
    row = _held(claim)
    row.error_code = code[:40]
    _end(row, JobState.FAILED)


@transaction.atomic
def index_run_lost(*, claim: IndexClaim) -> None:
    """Queue a build whose run ended without a result for another one, or fail it when its runs are used up.

    Raises:
        ClaimLostError: the build is no longer this worker's.
    """
    _again(_held(claim))


@transaction.atomic
def index_run_lapsed(*, index_id: int) -> bool:
    """Queue a build again whose worker has gone silent, or fail it as `index_run_lost`; return whether it had."""
    row = lapsed(CorpusIndex.objects.select_for_update(no_key=True)).filter(pk=index_id).first()
    if row is not None:  # the worker has not reported meanwhile, or ended the build
        _again(row)
    return row is not None


@transaction.atomic
def index_begin_again(*, index_id: int) -> bool:
    """Have an index that is damaged, outdated or has failed built again; return whether it was one that had ended."""
    ended = [JobState.COMPLETED, JobState.FAILED]
    row = CorpusIndex.objects.select_for_update(no_key=True).filter(pk=index_id, state__in=ended).first()
    if row is None:
        return False
    row.fencing_token += 1
    row.state, row.runs, row.digest, row.stamp, row.error_code = JobState.QUEUED, 0, "", {}, ""
    row.finished_at, row.rings, row.ring_at = None, 0, first_ring()
    row.save()
    enqueue_on_commit(INDEX_TASK, row.pk, queue="jobs")
    return True


def index_stamp(*, index_id: int, digest: str, stamp: Stamp) -> None:
    """Keep what the file system says of an index that was just checked in full."""
    CorpusIndex.objects.filter(pk=index_id, state=JobState.COMPLETED, digest=digest).update(stamp=stamp)


def indexes_reconcile() -> int:
    """Queue again what dead workers have left, order what models in use lack, and ring for what waits; return how many."""
    touched = 0
    for pk in lapsed(CorpusIndex.objects.all()).values_list("pk", flat=True):
        touched += index_run_lapsed(index_id=pk)
    # Corpora that were registered before there were indexes have none.
    for snapshot in CorpusSnapshot.objects.filter(model_versions__state=ModelState.ACTIVE, indexes=None).distinct():
        try:
            indexes_order(snapshot=snapshot)
        except CorpusError:  # the search says so; the next round tries again
            continue
    waiting = CorpusIndex.objects.filter(state=JobState.QUEUED)
    return touched + ring_again(waiting, INDEX_TASK, queue="jobs")


def _again(row: CorpusIndex) -> None:
    if row.runs >= row.max_runs:
        row.error_code = RUNS_USED_UP
        _end(row, JobState.FAILED)
        return
    row.fencing_token += 1  # the worker of the lost run may still be alive: it can write nothing from here on
    row.state, row.lease_until, row.rings, row.ring_at = JobState.QUEUED, None, 0, first_ring()
    row.save()
    enqueue_on_commit(INDEX_TASK, row.pk, queue="jobs")


def _end(row: CorpusIndex, state: JobState) -> None:
    row.state, row.lease_until, row.finished_at = state, None, timezone.now()
    row.save()


def _held(claim: IndexClaim) -> CorpusIndex:
    row = held(CorpusIndex.objects.select_for_update(no_key=True), pk=claim.pk, token=claim.token).first()
    if row is None:
        raise _lost(claim)
    return row


def _lost(claim: IndexClaim) -> ClaimLostError:
    return ClaimLostError(f"The build of index {claim.pk} is no longer this worker's.")
