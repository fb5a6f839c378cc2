"""The life of a job: created, claimed under a lease, reported on, ended once. The row is the truth; see ADR 0003."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.evidence.statements import UNLEARNING_REPORT
from compliance.models import Attestation
from compliance.services import SYSTEM, StaleStateError, record_append
from unlearning_jobs.engine.contracts import JobSpec, Progress
from unlearning_jobs.models import CorpusSnapshot, Job, JobRun, ModelVersion, RegisteredRecipe
from unlearning_jobs.queue import enqueue, enqueue_on_commit
from unlearning_jobs.signals import job_finished
from unlearning_jobs.states import JobState

LEASE = timedelta(seconds=settings.JOB_LEASE_SECONDS)
"""How long a worker may be silent before somebody else takes the job over. Heartbeats come every second."""
RING_AGAIN_AFTER = timedelta(seconds=20)
"""A job that was queued this long ago and not claimed may have lost its message."""
RUN_TASK = "unlearning_jobs.job_run"
SIGN_TASK = "unlearning_jobs.report_sign"


@dataclass(frozen=True)
class Claim:
    """A worker's right to write about a job, good until somebody claims it with a higher token."""

    job_id: int
    token: int
    run: int


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
    """Writes the row and its record entry, and rings a worker on commit."""
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
    record_append(subject=subject, kind="job.created", actor=actor, data=data)
    enqueue_on_commit(RUN_TASK, job.pk, queue="jobs")
    return job


@transaction.atomic
def job_claim(*, job_id: int, worker: str) -> Claim | None:
    """Takes the job under a lease, or returns None when there is nothing to take.

    A doubled message finds the job running under a fresh lease and is a no-op. A job whose runs are used up fails.
    """
    now = timezone.now()
    job = Job.objects.select_for_update().filter(pk=job_id).first()
    if job is None or job.is_final or (job.state == JobState.RUNNING and job.lease_until and job.lease_until > now):
        return None
    if job.state == JobState.RUNNING:
        _run_end(job, JobRun.Outcome.LOST, "the worker stopped reporting")
    if job.cancel_requested:
        _finish(job, JobState.CANCELLED, kind="job.cancelled", actor=SYSTEM, data={})
        return None
    if job.runs >= job.max_runs:
        _give_up(job)
        return None
    job.state, job.runs, job.fencing_token = JobState.RUNNING, job.runs + 1, job.fencing_token + 1
    job.heartbeat_at, job.lease_until = now, now + LEASE
    job.started_at = job.started_at or now
    job.stage, job.done, job.total, job.curves = "starting", 0, 0, {}
    job.save()
    JobRun.objects.create(job=job, number=job.runs, worker=worker[:100])
    spec = JobSpec.from_json(job.spec)
    record_append(
        subject=job.subject,
        kind="job.started",
        actor=SYSTEM,
        data={
            "job": job.pk,
            "run": job.runs,
            "item": job.item,
            "attempt": job.attempt,
            "spec_sha256": spec.digest(),
            "protocol_sha256": spec.protocol.digest() if spec.protocol else "",
        },
    )
    return Claim(job.pk, job.fencing_token, job.runs)


def job_report(*, claim: Claim, progress: Progress | None, curves: Mapping[str, Sequence[Sequence[float]]] | None) -> bool:
    """Writes a heartbeat, with progress if there is any; returns whether the worker should go on.

    Not a change of state, so nothing goes into the record. False when the claim was lost or a cancel was asked for.
    """
    now = timezone.now()
    values: dict[str, object] = {"heartbeat_at": now, "lease_until": now + LEASE}
    if progress is not None:
        values |= {"stage": progress.stage[:60], "done": progress.done, "total": progress.total}
    if curves is not None:
        values["curves"] = curves
    held = Job.objects.filter(pk=claim.job_id, state=JobState.RUNNING, fencing_token=claim.token)
    return held.update(**values) == 1 and not Job.objects.filter(pk=claim.job_id, cancel_requested=True).exists()


@transaction.atomic
def job_complete(
    *,
    claim: Claim,
    output: str,
    verdict: str,
    data: Mapping[str, object],
    version: ModelVersion,
    costs: Mapping[str, object] | None = None,
) -> Job:
    """Ends the job with its result; the caller made `version` in the same transaction.

    Raises:
        StaleStateError: the claim was lost; nothing is written.
    """
    job = _held(claim)
    job.output, job.verdict, job.result_version, job.costs = output, verdict, version, dict(costs or {})
    job.stage, job.done, job.total = "completed", 1, 1
    _run_end(job, JobRun.Outcome.COMPLETED, "")
    if job.kind == Job.Kind.UNLEARN:
        enqueue_on_commit(SIGN_TASK, job.pk, queue="signing")
    return _finish(job, JobState.COMPLETED, kind="job.completed", actor=SYSTEM, data=data)


@transaction.atomic
def job_fail(*, claim: Claim, code: str, message: str) -> Job:
    """Ends the job for a reason that another run would meet again; `message` is shown as it is.

    Raises:
        StaleStateError: the claim was lost; nothing is written.
    """
    job = _held(claim)
    job.error_code, job.error_message = code[:40], message
    _run_end(job, JobRun.Outcome.FAILED, code)
    return _finish(job, JobState.FAILED, kind="job.failed", actor=SYSTEM, data={"error": job.error_code})


@transaction.atomic
def job_run_lost(*, claim: Claim, detail: str) -> Job:
    """The job's process died. Queues the job again, or fails it when its runs are used up.

    Raises:
        StaleStateError: the claim was lost; nothing is written.
    """
    job = _held(claim)
    _run_end(job, JobRun.Outcome.KILLED, detail)
    if job.runs >= job.max_runs:
        return _give_up(job)
    return _requeue(job)


@transaction.atomic
def job_cancel(*, job_id: int, actor: str) -> Job:
    """Asks for the end of a job. A queued one ends at once, a running one as soon as its worker looks.

    Raises:
        StaleStateError: the job has ended already.
    """
    job = Job.objects.select_for_update().get(pk=job_id)
    if job.is_final:
        raise StaleStateError(_("This job has ended already."))
    job.cancel_requested = True
    job.save(update_fields=["cancel_requested"])
    record_append(subject=job.subject, kind="job.cancel_requested", actor=actor, data={"job": job.pk})
    if job.state == JobState.QUEUED:
        _finish(job, JobState.CANCELLED, kind="job.cancelled", actor=actor, data={})
    return job


@transaction.atomic
def job_cancelled(*, claim: Claim) -> Job:
    """The worker has stopped the job's process because a cancel was asked for.

    Raises:
        StaleStateError: the claim was lost; nothing is written.
    """
    job = _held(claim)
    _run_end(job, JobRun.Outcome.CANCELLED, "")
    return _finish(job, JobState.CANCELLED, kind="job.cancelled", actor=SYSTEM, data={})


def jobs_reconcile() -> int:
    """Repairs what lost messages and dead workers leave behind; returns how many jobs it touched.

    Rings again for queued jobs that nobody claimed, and queues jobs whose lease has run out.
    """
    now = timezone.now()
    touched = 0
    for job_id in Job.objects.filter(state=JobState.RUNNING, lease_until__lt=now).values_list("pk", flat=True):
        with transaction.atomic():
            job = Job.objects.select_for_update().get(pk=job_id)
            if job.state == JobState.RUNNING and job.lease_until and job.lease_until < now:
                _run_end(job, JobRun.Outcome.LOST, "the worker stopped reporting")
                _give_up(job) if job.runs >= job.max_runs else _requeue(job)
                touched += 1
    waiting = Job.objects.filter(state=JobState.QUEUED).filter(
        Q(heartbeat_at__lt=now - RING_AGAIN_AFTER) | Q(heartbeat_at=None, created_at__lt=now - RING_AGAIN_AFTER)
    )
    for job_id in waiting.order_by("pk").values_list("pk", flat=True):
        Job.objects.filter(pk=job_id).update(heartbeat_at=now)
        enqueue(RUN_TASK, job_id, queue="jobs")
        touched += 1
    for job_id in _reports_unsigned().filter(finished_at__lt=now - RING_AGAIN_AFTER).values_list("pk", flat=True):
        enqueue(SIGN_TASK, job_id, queue="signing")
        touched += 1
    return touched


def _reports_unsigned() -> QuerySet[Job]:
    signed = Attestation.objects.filter(
        subject=OuterRef("subject"),
        item=OuterRef("item"),
        attempt=OuterRef("attempt"),
        predicate_type=UNLEARNING_REPORT,
    )
    return Job.objects.filter(~Exists(signed), kind=Job.Kind.UNLEARN, state=JobState.COMPLETED)


def _held(claim: Claim) -> Job:
    job = Job.objects.select_for_update().filter(pk=claim.job_id, state=JobState.RUNNING, fencing_token=claim.token).first()
    if job is None:
        raise StaleStateError(_("Another worker has taken this job over."))
    return job


def _run_end(job: Job, outcome: JobRun.Outcome, detail: str) -> None:
    JobRun.objects.filter(job=job, number=job.runs, outcome=JobRun.Outcome.RUNNING).update(
        outcome=outcome, detail=detail[:300], ended_at=timezone.now()
    )
    record_append(
        subject=job.subject,
        kind="job.run_ended",
        actor=SYSTEM,
        data={"job": job.pk, "run": job.runs, "outcome": outcome.value},
    )


def _requeue(job: Job) -> Job:
    job.state, job.lease_until, job.heartbeat_at = JobState.QUEUED, None, timezone.now()
    job.fencing_token = F("fencing_token") + 1
    job.save()
    job.refresh_from_db()
    enqueue_on_commit(RUN_TASK, job.pk, queue="jobs")
    return job


def _give_up(job: Job) -> Job:
    job.error_code = "runs_used_up"
    job.error_message = _(
        "The job's process ended %(count)d times without a result. Often the machine has too little memory."
    ) % {"count": job.runs}
    return _finish(job, JobState.FAILED, kind="job.failed", actor=SYSTEM, data={"error": job.error_code})


def _finish(job: Job, state: JobState, *, kind: str, actor: str, data: Mapping[str, object]) -> Job:
    job.state, job.finished_at, job.lease_until = state, timezone.now(), None
    job.save()
    facts = {"job": job.pk, "run": job.runs, "item": job.item, "attempt": job.attempt}
    record_append(subject=job.subject, kind=kind, actor=actor, data=facts | dict(data))
    transaction.on_commit(lambda: job_finished.send(Job, job=job))
    return job
