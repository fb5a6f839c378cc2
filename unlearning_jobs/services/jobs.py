"""The life of a job outside the workers: created, cancelled, repaired. The row is the truth; see ADR 0003."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from compliance.evidence.statements import UNLEARNING_REPORT
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.models import Attestation
from compliance.record.services import record_append
from unlearning_jobs.engine.contracts import JobSpec
from unlearning_jobs.leases import lapsed
from unlearning_jobs.models import CorpusSnapshot, Job, JobRun, ModelVersion, RegisteredRecipe
from unlearning_jobs.queue import RUN_TASK, SIGN_TASK, enqueue_on_commit
from unlearning_jobs.ringing import ring_again
from unlearning_jobs.states import JobState

from .transitions import job_finish, job_rerun, run_end


@transaction.atomic
def job_create(
    *,
    spec: JobSpec,
    subject: str,
    model_name: str,
    snapshot: CorpusSnapshot,
    recipe: RegisteredRecipe,
    actor: str,
    base: ModelVersion | None = None,
    item: str = "",
    attempt: int = 0,
) -> Job:
    """Write the job's row and its record entry, and ring a worker on commit."""
    job = Job.objects.create(
        kind=spec.kind,
        subject=subject,
        item=item,
        attempt=attempt,
        model_name=model_name,
        base=base,
        snapshot=snapshot,
        recipe=recipe,
        spec=spec.to_json(),
    )
    data = {"job": job.pk, "spec_sha256": spec.digest(), "item": item, "attempt": attempt}
    record_append(subject=subject, kind=RecordKind.JOB_CREATED, actor=actor, data=data)
    enqueue_on_commit(RUN_TASK, job.pk, queue="jobs")
    return job


@transaction.atomic
def job_cancel(*, job_id: int, actor: str) -> Job:
    """Cancel a job: a queued one at once, a running one at its worker's next heartbeat.

    Raises:
        StaleStateError: the job has ended already, or its cancellation has been requested before.
    """
    job = Job.objects.select_for_update(no_key=True).get(pk=job_id)
    if job.is_final:
        raise StaleStateError(_("This job has ended already."))
    if job.cancel_requested:
        raise StaleStateError(_("The cancellation of this job has been requested already."))
    job.cancel_requested = True
    job.save(update_fields=["cancel_requested"])
    record_append(subject=job.subject, kind=RecordKind.JOB_CANCEL_REQUESTED, actor=actor, data={"job": job.pk})
    if job.state == JobState.QUEUED:
        job_finish(job=job, to=JobState.CANCELLED, kind=RecordKind.JOB_CANCELLED, actor=actor, data={})
    return job


def jobs_reconcile() -> int:
    """Repair what lost messages and dead workers leave behind; return how many jobs were touched."""
    unclaimed = Job.objects.filter(state=JobState.QUEUED)
    return (
        _silent_runs_end()
        + ring_again(unclaimed, RUN_TASK, queue="jobs")
        + ring_again(_unsigned(), SIGN_TASK, queue="signing")
    )


def _silent_runs_end() -> int:
    """End the runs whose lease ran out, and queue their jobs again or fail them."""
    touched = 0
    for job_id in lapsed(Job.objects.all()).values_list("pk", flat=True):
        with transaction.atomic():
            # The worker may have reported, or another claimed the job, between the query and the lock.
            job = lapsed(Job.objects.select_for_update(no_key=True)).filter(pk=job_id).first()
            if job is not None:
                run_end(job=job, outcome=JobRun.Outcome.LOST, detail="the worker stopped reporting")
                job_rerun(job=job)
                touched += 1
    return touched


def _unsigned() -> QuerySet[Job]:
    """Return the jobs whose reports nobody has signed."""
    signed = Attestation.objects.filter(
        subject=OuterRef("subject"),
        item=OuterRef("item"),
        attempt=OuterRef("attempt"),
        predicate_type=UNLEARNING_REPORT,
    )
    return Job.objects.filter(~Exists(signed), kind=Job.Kind.UNLEARN, state=JobState.COMPLETED)
