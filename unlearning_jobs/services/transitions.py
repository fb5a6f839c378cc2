"""Changes of a job's state. Callers hold the lock on the row; the row, its run and the record change together."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.services import SYSTEM, record_append
from unlearning_jobs.models import Job, JobRun
from unlearning_jobs.queue import RUN_TASK, enqueue_on_commit
from unlearning_jobs.ringing import first_ring
from unlearning_jobs.signals import job_finished
from unlearning_jobs.states import JOB_TRANSITIONS, JobState


def job_move(*, job: Job, to: JobState) -> None:
    """Take a job, locked by the caller, to another state and save it with the fields that were set on it.

    Raises:
        StaleStateError: the move is not allowed.
    """
    if to not in JOB_TRANSITIONS[JobState(job.state)]:
        raise StaleStateError(
            _("Job %(job)d is “%(state)s”; that cannot be done.") % {"job": job.pk, "state": job.get_state_display()}
        )
    job.state, job.rings, job.ring_at = to, 0, first_ring()
    if to != JobState.RUNNING:
        job.lease_until = None
    job.save()


def job_finish(*, job: Job, to: JobState, kind: RecordKind, actor: str, data: Mapping[str, object]) -> Job:
    """Take a job to a final state, record it as `kind`, and tell the receivers of `job_finished` on commit."""
    facts = {"job": job.pk, "run": job.runs, "item": job.item, "attempt": job.attempt}
    # The entry's time is never before that of the start, whatever this machine's clock says.
    job.finished_at = record_append(subject=job.subject, kind=kind, actor=actor, data=facts | dict(data)).created_at
    job_move(job=job, to=to)
    transaction.on_commit(lambda: job_finished.send(Job, job=job))
    return job


def run_end(*, job: Job, outcome: JobRun.Outcome, detail: str = "") -> None:
    """Write how the job's current run ended, onto its row and into the record."""
    JobRun.objects.filter(job=job, number=job.runs, outcome=JobRun.Outcome.RUNNING).update(
        outcome=outcome, detail=detail[:300], ended_at=timezone.now()
    )
    data = {"job": job.pk, "run": job.runs, "outcome": outcome.value}
    record_append(subject=job.subject, kind=RecordKind.JOB_RUN_ENDED, actor=SYSTEM, data=data)


def job_rerun(*, job: Job) -> Job:
    """Queue a job whose run was lost for another one, or fail it when its runs are used up."""
    if job.runs >= job.max_runs:
        return job_give_up(job=job)
    job.fencing_token += 1  # the worker of the lost run may still be alive: it can write nothing from here on
    job_move(job=job, to=JobState.QUEUED)
    enqueue_on_commit(RUN_TASK, job.pk, queue="jobs")
    return job


def job_give_up(*, job: Job) -> Job:
    """Fail a job whose every run was lost."""
    job.error_code = "runs_used_up"
    job.error_message = _(
        "The job's process ended %(count)d times without a result. Often the machine has too little memory."
    ) % {"count": job.runs}
    return job_finish(job=job, to=JobState.FAILED, kind=RecordKind.JOB_FAILED, actor=SYSTEM, data={"error": job.error_code})
