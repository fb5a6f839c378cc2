"""The life of a job in the database. Killing real workers is in tests/end_to_end/test_recovery.py."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.models import RecordEntry
from tests.factories import model_version, unlearning_job
from tests.queues import Queues
from unlearning_jobs.engine.contracts import Progress
from unlearning_jobs.leases import ClaimLostError, NothingToClaimError
from unlearning_jobs.models import Job, JobRun
from unlearning_jobs.services.jobs import job_cancel, jobs_reconcile
from unlearning_jobs.services.runs import (
    Claim,
    job_cancelled,
    job_claim,
    job_complete,
    job_fail,
    job_report,
    job_run_lost,
)
from unlearning_jobs.services.transitions import job_move
from unlearning_jobs.states import JOB_TRANSITIONS, JobState

pytestmark = pytest.mark.django_db


def claimed() -> Claim:
    return job_claim(job_id=unlearning_job().pk, worker="w1")


def lease_expires(claim: Claim) -> None:
    Job.objects.filter(pk=claim.job_id).update(lease_until=timezone.now() - timedelta(seconds=1))


def kinds(job_id: int) -> list[str]:
    subject = Job.objects.get(pk=job_id).subject
    return list(RecordEntry.objects.filter(subject=subject).values_list("kind", flat=True))


def test_a_claim_takes_the_job_under_a_lease() -> None:
    claim = claimed()
    job = Job.objects.get(pk=claim.job_id)

    assert (job.state, job.runs, claim.run) == (JobState.RUNNING, 1, 1)
    assert job.lease_until is not None
    assert job.lease_until > timezone.now()


def test_a_doubled_message_finds_nothing_to_claim() -> None:
    claim = claimed()

    with pytest.raises(NothingToClaimError, match="another worker's lease"):
        job_claim(job_id=claim.job_id, worker="w2")
    assert Job.objects.get(pk=claim.job_id).runs == 1


def test_an_expired_lease_can_be_claimed_by_another_worker() -> None:
    first = claimed()
    lease_expires(first)
    second = job_claim(job_id=first.job_id, worker="w2")

    assert second.token > first.token
    assert [a.outcome for a in JobRun.objects.filter(job_id=first.job_id)] == ["lost", "running"]


def test_a_worker_that_lost_its_claim_can_write_nothing() -> None:
    first = claimed()
    lease_expires(first)
    job_claim(job_id=first.job_id, worker="w2")

    with pytest.raises(ClaimLostError):
        job_report(claim=first, progress=Progress("training", 1, 2), curves=None)
    with pytest.raises(ClaimLostError):
        job_fail(claim=first, code="late", message="late")
    assert Job.objects.get(pk=first.job_id).state == JobState.RUNNING


def test_a_late_result_of_a_lost_claim_is_refused() -> None:
    first = claimed()
    lease_expires(first)
    job_claim(job_id=first.job_id, worker="w2")

    with pytest.raises(ClaimLostError):
        job_complete(claim=first, output="jobs/1", verdict="passed", data={}, version=model_version())


def test_a_heartbeat_extends_the_lease_and_shows_progress() -> None:
    claim = claimed()
    lease_expires(claim)

    assert job_report(claim=claim, progress=Progress("training oracles", 3, 8), curves={"loss": [[1, 2.5]]})
    job = Job.objects.get(pk=claim.job_id)
    assert (job.stage, job.done, job.total, job.curves) == ("training oracles", 3, 8, {"loss": [[1, 2.5]]})
    assert job.lease_until is not None
    assert job.lease_until > timezone.now()


def test_a_killed_run_is_queued_again_and_recorded() -> None:
    claim = claimed()
    job_run_lost(claim=claim, detail="killed by SIGKILL")
    second = job_claim(job_id=claim.job_id, worker="w1")

    assert second.run == 2
    assert kinds(claim.job_id).count("job.started") == 2
    assert kinds(claim.job_id).count("job.run_ended") == 1


def test_a_job_that_keeps_dying_fails_when_its_runs_are_used_up() -> None:
    job_id = unlearning_job().pk
    for _ in range(3):
        claim = job_claim(job_id=job_id, worker="w1")
        job_run_lost(claim=claim, detail="killed by SIGKILL")
    job = Job.objects.get(pk=job_id)

    assert (job.state, job.error_code) == (JobState.FAILED, "runs_used_up")
    assert "memory" in job.error_message
    with pytest.raises(NothingToClaimError, match="has ended already"):
        job_claim(job_id=job_id, worker="w1")


def test_an_engine_error_ends_the_job_at_once_with_its_message() -> None:
    claim = claimed()
    job_fail(claim=claim, code="bad_corpus", message="The corpus is empty.")
    job = Job.objects.get(pk=claim.job_id)

    assert (job.state, job.error_message) == (JobState.FAILED, "The corpus is empty.")
    assert kinds(job.pk)[-1] == "job.failed"


def test_a_cancellation_is_requested_once() -> None:
    job = claimed()
    job_cancel(job_id=job.job_id, actor="account:1")

    with pytest.raises(StaleStateError, match="requested already"):
        job_cancel(job_id=job.job_id, actor="account:1")
    assert RecordEntry.objects.filter(kind=RecordKind.JOB_CANCEL_REQUESTED).count() == 1


def test_cancelling_a_queued_job_ends_it() -> None:
    job = unlearning_job()
    job_cancel(job_id=job.pk, actor="account:1")

    assert Job.objects.get(pk=job.pk).state == JobState.CANCELLED
    with pytest.raises(NothingToClaimError, match="has ended already"):
        job_claim(job_id=job.pk, worker="w1")


def test_cancelling_a_running_job_tells_its_worker_at_the_next_heartbeat() -> None:
    claim = claimed()
    job_cancel(job_id=claim.job_id, actor="account:1")

    assert not job_report(claim=claim, progress=None, curves=None)
    job_cancelled(claim=claim)
    assert Job.objects.get(pk=claim.job_id).state == JobState.CANCELLED


def test_a_finished_job_cannot_be_cancelled() -> None:
    claim = claimed()
    job_fail(claim=claim, code="x", message="x")

    with pytest.raises(StaleStateError, match="ended already"):
        job_cancel(job_id=claim.job_id, actor="account:1")


def test_the_reconciler_queues_a_job_whose_worker_went_silent() -> None:
    claim = claimed()
    lease_expires(claim)

    assert jobs_reconcile() == 1
    job = Job.objects.get(pk=claim.job_id)
    assert job.state == JobState.QUEUED
    assert JobRun.objects.get(job=job).outcome == "lost"


def test_the_reconciler_leaves_a_healthy_job_alone() -> None:
    claim = claimed()

    assert jobs_reconcile() == 0
    assert Job.objects.get(pk=claim.job_id).state == JobState.RUNNING


def test_the_reconciler_rings_again_for_a_job_nobody_claimed(queues: Queues) -> None:
    job = unlearning_job()
    assert jobs_reconcile() == 0  # it has been rung for
    Job.objects.filter(pk=job.pk).update(ring_at=timezone.now())

    assert jobs_reconcile() == 1
    assert jobs_reconcile() == 0  # it has just rung
    assert len(queues) == 1


def test_one_item_has_one_live_job() -> None:
    base = model_version()
    unlearning_job(base)

    with pytest.raises(IntegrityError, match="job_one_live_per_item"), transaction.atomic():
        unlearning_job(base)


@pytest.mark.parametrize("state", [state for state, to in JOB_TRANSITIONS.items() if not to])
def test_nothing_follows_a_final_state(state: JobState) -> None:
    job = unlearning_job()
    Job.objects.filter(pk=job.pk).update(state=state, output="x")

    with pytest.raises(NothingToClaimError, match="has ended already"):
        job_claim(job_id=job.pk, worker="w1")


def test_a_job_that_does_not_exist_cannot_be_claimed() -> None:
    with pytest.raises(NothingToClaimError, match="There is no job"):
        job_claim(job_id=0, worker="w1")


def test_a_job_whose_last_run_fell_silent_fails_when_it_is_claimed() -> None:
    claim = claimed()
    lease_expires(claim)
    Job.objects.filter(pk=claim.job_id).update(max_runs=1)

    with pytest.raises(NothingToClaimError, match="ended before it was claimed: failed"):
        job_claim(job_id=claim.job_id, worker="w2")
    assert Job.objects.get(pk=claim.job_id).error_code == "runs_used_up"
    assert kinds(claim.job_id)[-2:] == ["job.run_ended", "job.failed"]


def test_a_silent_job_that_was_to_be_cancelled_is_cancelled_when_it_is_claimed() -> None:
    claim = claimed()
    job_cancel(job_id=claim.job_id, actor="account:1")
    lease_expires(claim)

    with pytest.raises(NothingToClaimError, match="ended before it was claimed: cancelled"):
        job_claim(job_id=claim.job_id, worker="w2")
    assert Job.objects.get(pk=claim.job_id).state == JobState.CANCELLED


@pytest.mark.parametrize(
    ("state", "to"), [(state, to) for state in JobState for to in JobState if to not in JOB_TRANSITIONS[state]]
)
def test_a_job_moves_only_where_the_table_leads(state: JobState, to: JobState) -> None:
    job = unlearning_job()
    Job.objects.filter(pk=job.pk).update(state=state, output="x", lease_until=timezone.now())
    job.refresh_from_db()

    with pytest.raises(StaleStateError, match="cannot be done"):
        job_move(job=job, to=to)
    job.refresh_from_db()
    assert job.state == state


def test_a_job_starts_after_its_approval_and_ends_after_its_start_whatever_its_workers_clock_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = unlearning_job()
    created = RecordEntry.objects.get(subject=job.subject, kind=RecordKind.JOB_CREATED).created_at
    monkeypatch.setattr(timezone, "now", lambda: created - timedelta(hours=1))
    claim = job_claim(job_id=job.pk, worker="w1")
    monkeypatch.setattr(timezone, "now", lambda: created - timedelta(hours=2))
    job = job_fail(claim=claim, code="OutOfMemory", message="Too little memory.")
    assert job.started_at is not None
    assert job.finished_at is not None
    assert created <= job.started_at <= job.finished_at
