"""What a worker does with a job: claim it under a lease, report on it, end it once. See ADR 0003."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.translation import ngettext

from compliance.formats.record_kinds import RecordKind
from compliance.formats.results import RESULT_VERSION
from compliance.record.services import SYSTEM, record_append
from unlearning_jobs.engine.contracts import JobSpec, Progress
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.leases import LEASE, ClaimLostError, NothingToClaimError, held
from unlearning_jobs.models import Job, JobRun, ModelVersion
from unlearning_jobs.queue import SIGN_TASK, enqueue_on_commit
from unlearning_jobs.selectors import erased_since
from unlearning_jobs.states import JobState
from unlearning_jobs.weights import as_checkpoint_problem, noted

from .ledger import snapshot_compare
from .transitions import job_finish, job_give_up, job_move, job_rerun, run_end
from .weights import weights_note


@dataclass(frozen=True)
class Claim:
    """A worker's right to write about a job. It ends when the job's fencing token is raised."""

    job_id: int
    token: int
    run: int


def job_claim(*, job_id: int, worker: str) -> Claim:
    """Start a run of the job under a lease.

    A job that was cancelled meanwhile, whose last run was lost, or that would use what was erased meanwhile, ends here; so
    does one from a checkpoint with the weights of a model.

    Raises:
        LedgerError: nobody can tell what was erased, because a key is missing; the job waits.
        NothingToClaimError: there is no such job, it has ended (now or before), or another worker has it under a lease.
    """
    # Before the transaction, because it may read the whole corpus. Why a corpus cannot be read, the engine says.
    with suppress(CorpusError, Job.DoesNotExist):
        job = Job.objects.select_related("snapshot", "recipe").get(pk=job_id)
        if job.recipe.checkpoint_id:
            weights_note()
        snapshot_compare(snapshot=job.snapshot)
    with transaction.atomic():
        # 1. Lock the row of a job that is queued, or whose worker fell silent.
        job = _claimable(job_id)
        # 2. The run of a silent worker is over.
        if job.state == JobState.RUNNING:
            run_end(job=job, outcome=JobRun.Outcome.LOST, detail="the worker stopped reporting")
        # 3. End the job if nobody wants it, it must not run or every run was lost; otherwise start the next run.
        if job.cancel_requested:
            job_finish(job=job, to=JobState.CANCELLED, kind=RecordKind.JOB_CANCELLED, actor=SYSTEM, data={})
        elif job.state == JobState.RUNNING and job.runs >= job.max_runs:
            job_give_up(job=job)
        elif erased := erased_since(job):
            _refuse_erased(job, len(erased))
        elif problem := _checkpoint_is_model(job):
            _refuse(job, "known_weights", problem)
        else:
            return _run_start(job, worker)
    # Raised after the commit: inside the transaction it would undo the end of the job.
    message = f"Job {job_id} ended before it was claimed: {job.state}."
    raise NothingToClaimError(message)


def _claimable(job_id: int) -> Job:
    job = Job.objects.select_for_update(no_key=True).filter(pk=job_id).first()
    if job is None:
        message = f"There is no job {job_id}."
        raise NothingToClaimError(message)
    if job.is_final:
        message = f"Job {job_id} has ended already: {job.state}."
        raise NothingToClaimError(message)
    if job.lease_until and job.lease_until > timezone.now():
        message = f"Job {job_id} is running under another worker's lease."
        raise NothingToClaimError(message)
    return job


def _checkpoint_is_model(job: Job) -> str:
    """Return why no job begins from the job's checkpoint whose weights are those of a model here; empty if it may."""
    checkpoint = job.recipe.checkpoint
    return as_checkpoint_problem(noted(checkpoint)) if checkpoint else ""


def _refuse_erased(job: Job, count: int) -> None:
    message = ngettext(
        "%(count)d example that this job would use has been erased since it was created.",
        "%(count)d examples that this job would use have been erased since it was created.",
        count,
    )
    _refuse(job, "erased_since", message % {"count": count})


def _refuse(job: Job, code: str, message: str) -> None:
    job.error_code, job.error_message = code, message
    job_finish(job=job, to=JobState.FAILED, kind=RecordKind.JOB_FAILED, actor=SYSTEM, data={"error": code})


def _run_start(job: Job, worker: str) -> Claim:
    # 1. Take the lease.
    job.lease_take()
    job.stage, job.curves = "starting", {}
    # 2. Record what starts, and under which protocol: verification compares it with the approved one.
    JobRun.objects.create(job=job, number=job.runs, worker=worker[:100])
    spec = JobSpec.from_json(job.spec)
    entry = record_append(
        subject=job.subject,
        kind=RecordKind.JOB_STARTED,
        actor=SYSTEM,
        data={
            "job": job.pk,
            "run": job.runs,
            "item": job.item,
            "attempt": job.attempt,
            "spec_sha256": spec.digest(),
            "protocol_sha256": spec.protocol.digest() if spec.protocol else "",
            "result_version": RESULT_VERSION,
        },
    )
    # 3. The entry's time is never before that of the approval, whatever this machine's clock says.
    job.started_at = job.started_at or entry.created_at
    job_move(job=job, to=JobState.RUNNING)
    return Claim(job.pk, job.fencing_token, job.runs)


def job_report(*, claim: Claim, progress: Progress | None, curves: Mapping[str, Sequence[Sequence[float]]] | None) -> bool:
    """Write a heartbeat, with progress and curves if there are any, and extend the lease.

    The state stays the same, so nothing goes into the record.

    Returns:
        Whether the worker should go on; False when somebody has requested the job's cancellation.

    Raises:
        ClaimLostError: the job is no longer this worker's.
    """
    values: dict[str, object] = {"lease_until": timezone.now() + LEASE}
    if progress is not None:
        values |= {"stage": progress.stage[:60], "done": progress.done, "total": progress.total}
    if curves is not None:
        values["curves"] = curves
    # One conditional update instead of lock and save: heartbeats come every second and must not wait for a lock.
    if held(Job.objects.all(), pk=claim.job_id, token=claim.token).update(**values) != 1:
        raise _claim_lost(claim)
    return not Job.objects.filter(pk=claim.job_id, cancel_requested=True).exists()


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
    """End the job with its result; the caller made `version` in the same transaction.

    Raises:
        ClaimLostError: the job is no longer this worker's.
    """
    job = _held(claim)
    job.output, job.verdict, job.result_version, job.costs = output, verdict, version, dict(costs or {})
    job.stage, job.done, job.total = "completed", 1, 1
    run_end(job=job, outcome=JobRun.Outcome.COMPLETED)
    if job.kind == Job.Kind.UNLEARN:
        enqueue_on_commit(SIGN_TASK, job.pk, queue="signing")
    return job_finish(job=job, to=JobState.COMPLETED, kind=RecordKind.JOB_COMPLETED, actor=SYSTEM, data=data)


@transaction.atomic
def job_fail(*, claim: Claim, code: str, message: str) -> Job:
    """End the job for a reason that another run would meet again; people read `message` as it is.

    Raises:
        ClaimLostError: the job is no longer this worker's.
    """
    job = _held(claim)
    job.error_code, job.error_message = code[:40], message
    run_end(job=job, outcome=JobRun.Outcome.FAILED, detail=code)
    return job_finish(job=job, to=JobState.FAILED, kind=RecordKind.JOB_FAILED, actor=SYSTEM, data={"error": job.error_code})


@transaction.atomic
def job_run_lost(*, claim: Claim, detail: str) -> Job:
    """End a run whose process died, and queue the job again or fail it when its runs are used up.

    Raises:
        ClaimLostError: the job is no longer this worker's.
    """
    job = _held(claim)
    run_end(job=job, outcome=JobRun.Outcome.KILLED, detail=detail)
    return job_rerun(job=job)


@transaction.atomic
def job_cancelled(*, claim: Claim) -> Job:
    """End a job whose process the worker has stopped because somebody requested its cancellation.

    Raises:
        ClaimLostError: the job is no longer this worker's.
    """
    job = _held(claim)
    run_end(job=job, outcome=JobRun.Outcome.CANCELLED)
    return job_finish(job=job, to=JobState.CANCELLED, kind=RecordKind.JOB_CANCELLED, actor=SYSTEM, data={})


def runs_folder(job_id: int) -> str:
    """Return the folder of all runs of a job, below ARTEFACTS."""
    return f"jobs/{job_id}"


def _held(claim: Claim) -> Job:
    """Return the job's row, locked, if the claim still holds."""
    job = held(Job.objects.select_for_update(no_key=True), pk=claim.job_id, token=claim.token).first()
    if job is None:
        raise _claim_lost(claim)
    return job


def _claim_lost(claim: Claim) -> ClaimLostError:
    return ClaimLostError(f"Job {claim.job_id} is no longer run {claim.run}'s: it ended, or was claimed or queued again.")
