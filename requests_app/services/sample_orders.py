"""The life of a sample that is due: claimed under a lease, reported on, drawn, failed, repaired. See ADR 3."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db import transaction
from django.utils import timezone

from compliance.formats.record_kinds import RecordKind
from compliance.record.services import SYSTEM, record_append
from requests_app.models import ErasureRequest, Match, MissedSample, SampledExample
from requests_app.wording import RUNS_USED_UP, SEARCHED_AGAIN
from unlearning_jobs.engine.matching import VERSION
from unlearning_jobs.engine.matching.missed import Sample
from unlearning_jobs.leases import NothingToClaimError, held_row, lapsed, lease_extend
from unlearning_jobs.queue import enqueue_on_commit
from unlearning_jobs.ringing import first_ring, ring_again
from unlearning_jobs.states import JobState

from .findings import search_of
from .mapping import BY_HAND
from .requests import request_lock
from .samples import SAMPLE_TASK, known_in
from .searches import COPY


@transaction.atomic
def sample_claim(*, sample_id: int) -> MissedSample:
    """Start a run of a draw under a lease.

    Raises:
        NothingToClaimError: the sample is drawn, being drawn, failed or no longer wanted.
    """
    waiting = MissedSample.objects.filter(pk=sample_id, state=JobState.QUEUED).select_related("request", "snapshot__corpus")
    row = waiting.select_for_update(no_key=True, of=("self",)).first()
    if row is None:
        message = f"Sample {sample_id} does not wait to be drawn."
        raise NothingToClaimError(message)
    row.lease_take()
    row.state, row.started_at = JobState.RUNNING, row.started_at or timezone.now()
    row.save()
    return row


def sample_report(*, sample: MissedSample, **progress: float) -> None:
    """Write a heartbeat, with the progress if there is any, and extend the lease. It moves nothing, so it has no entry.

    Raises:
        ClaimLostError: the draw is no longer this worker's, or no longer wanted.
    """
    lease_extend(MissedSample.objects.all(), sample, **progress)


def known_examples(sample: MissedSample) -> set[str]:
    """Return what is not drawn."""
    return known_in(sample.request, sample.snapshot_id)


def added_examples(sample: MissedSample) -> int:
    """Count the accepted matches that were added by hand or as copies: no search had found them until then."""
    accepted = sample.request.matches.filter(snapshot=sample.snapshot_id, decision=Match.Decision.ACCEPTED)
    return accepted.filter(methods__contained_by=[BY_HAND, COPY]).count()


def is_outdated(sample: MissedSample) -> bool:
    """Return whether another search has ended since a sample was ordered. What that had not found is not drawn any more."""
    search = search_of(sample.request)
    return search is not None and search.pk != sample.search_id


@transaction.atomic
def sample_draw(*, sample: MissedSample, known: Collection[str], groups: Sequence[Sample]) -> MissedSample:
    """Keep what was drawn; officers can look at it from here on.

    If more is known by now, it is drawn once more. If another search has ended, it fails: an officer may order a sample of
    that.

    Raises:
        ClaimLostError: the draw is no longer this worker's, or no longer wanted.
    """
    request = request_lock(sample.request_id)
    row = _held(sample)
    if is_outdated(row):
        _fail(request, row, SEARCHED_AGAIN)
        return row
    if known_examples(row) != set(known):
        row.runs -= 1  # this run has not failed
        _again(request, row)
        return row
    row.matcher, row.known, row.added = VERSION, len(known), added_examples(row)
    row.populations = {group.group: group.population for group in groups}
    _end(row, JobState.COMPLETED)
    SampledExample.objects.bulk_create(
        SampledExample(sample=row, group=group.group, example_id=one) for group in groups for one in group.drawn
    )
    drawn = [{"group": one.group, "population": one.population, "drawn": sorted(one.drawn)} for one in groups]
    data = {"sample": row.number, "groups": drawn, "known": row.known, "added": row.added}
    record_append(subject=request.subject, kind=RecordKind.SAMPLE_DRAWN, actor=SYSTEM, data=data)
    return row


@transaction.atomic
def sample_fail(*, sample: MissedSample, error: str) -> None:
    """End a draw for a reason that another run would meet again. An officer may order another sample.

    Raises:
        ClaimLostError: the draw is no longer this worker's.
    """
    request = request_lock(sample.request_id)
    _fail(request, _held(sample), error)


@transaction.atomic
def sample_run_lost(*, sample: MissedSample) -> None:
    """Queue a draw whose run ended without a result for another one, or fail it when its runs are used up.

    Raises:
        ClaimLostError: the draw is no longer this worker's.
    """
    request = request_lock(sample.request_id)
    _again(request, _held(sample))


def samples_reconcile() -> int:
    """Queue again what dead workers have left, and ring for what waits; return how many."""
    touched = 0
    for pk, request_id in lapsed(MissedSample.objects.all()).values_list("pk", "request_id"):
        with transaction.atomic():
            request = request_lock(request_id)
            # The worker may have reported, or ended the draw, between the query and the lock.
            row = lapsed(MissedSample.objects.select_for_update(no_key=True)).filter(pk=pk).first()
            if row is not None:
                _again(request, row)
                touched += 1
    return touched + ring_again(MissedSample.objects.filter(state=JobState.QUEUED), SAMPLE_TASK, queue="matching")


def _fail(request: ErasureRequest, row: MissedSample, error: str) -> None:
    row.error_code = error[:40]
    _end(row, JobState.FAILED)
    data = {"sample": row.number, "error": row.error_code, "runs": row.runs}
    record_append(subject=request.subject, kind=RecordKind.SAMPLE_FAILED, actor=SYSTEM, data=data)


def _again(request: ErasureRequest, row: MissedSample) -> None:
    if row.runs >= row.max_runs:
        _fail(request, row, RUNS_USED_UP)
        return
    row.fencing_token += 1  # the worker of the lost run may still be alive: it can write nothing from here on
    row.state, row.lease_until, row.rings, row.ring_at = JobState.QUEUED, None, 0, first_ring()
    row.save()
    enqueue_on_commit(SAMPLE_TASK, row.pk, queue="matching")


def _end(row: MissedSample, state: JobState) -> None:
    row.state, row.lease_until, row.finished_at = state, None, timezone.now()
    row.save()


def _held(sample: MissedSample) -> MissedSample:
    """Lock and return the row of a draw, if it is still this worker's. Its request has been locked before."""
    return held_row(MissedSample.objects.select_for_update(no_key=True), sample)
