"""Reports of unlearning jobs, signed. Runs in the signing process, which hashes every artefact itself."""

from __future__ import annotations

import json
from pathlib import Path

from django.conf import settings

from compliance.evidence.canonical import format_time
from compliance.evidence.statements import (
    MODEL_SUBJECT,
    Method,
    Reason,
    Statement,
    Subject,
    UnlearningReport,
    Verdict,
    forget_set_digest,
)
from compliance.models import Attestation
from compliance.services import StaleStateError
from compliance.signing import attestation_sign, checkpoint_sign
from unlearning_jobs.engine.artefacts import file_digest, model_digest
from unlearning_jobs.engine.catalogue import METHODS
from unlearning_jobs.engine.contracts import Evaluation, JobResult, JobSpec
from unlearning_jobs.models import Job
from unlearning_jobs.states import JobState

REPORT_FILES = ("result.json", "spec.json", "outputs")


def report_sign(*, job_id: int) -> Attestation | None:
    """Signs the report of a completed unlearning job, whatever its verdict, and a checkpoint over it.

    Raises:
        StaleStateError: an artefact is not what the job reported; nothing is signed.
    """
    job = Job.objects.select_related("snapshot", "recipe").get(pk=job_id)
    if job.kind != Job.Kind.UNLEARN or job.state != JobState.COMPLETED:
        return None
    folder = settings.ARTEFACTS / job.output
    result = JobResult.from_json(json.loads((folder / "result.json").read_bytes()))
    files = {f"report/{job.item}-{job.attempt_of_item}/{name}": path for name, path in _report_files(folder).items()}
    subjects = [Subject(MODEL_SUBJECT, _model_checked(folder, result))]
    subjects += [Subject(name, file_digest(path)) for name, path in files.items()]
    statement = Statement(tuple(subjects), _predicate(job, result))
    stored = {name: str(path.relative_to(settings.ARTEFACTS)) for name, path in files.items()}
    attestation = attestation_sign(statement=statement, subject=job.subject, files=stored)
    checkpoint_sign()
    return attestation


def _report_files(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for name in REPORT_FILES:
        path = folder / name
        paths = sorted(path.rglob("*")) if path.is_dir() else [path]
        found |= {p.relative_to(folder).as_posix(): p for p in paths if p.is_file()}
    return found


def _model_checked(folder: Path, result: JobResult) -> str:
    digest = model_digest(folder / "model")
    changed = [name for name, expected in result.files.items() if file_digest(folder / name) != expected]
    if digest != result.model_digest or changed:
        message = f"Artefacts changed after the job ended: {', '.join(changed) or 'the model'}. Nothing was signed."
        raise StaleStateError(message)
    return digest


def _predicate(job: Job, result: JobResult) -> UnlearningReport:
    spec = JobSpec.from_json(job.spec)
    evaluation, method, protocol = result.evaluation, spec.method, spec.protocol
    if not (evaluation and method and protocol and spec.model and job.started_at and job.finished_at):
        message = "The job has no evaluation to report on."
        raise StaleStateError(message)
    return UnlearningReport(
        request=job.subject.removeprefix("request:"),
        item=job.item,
        attempt=job.attempt_of_item,
        method=Method(method.name, METHODS[method.name].guarantee, dict(method.config)),
        spec_sha256=result.spec_digest,
        protocol=protocol.to_json(),
        protocol_sha256=protocol.digest(),
        snapshot_sha256=job.snapshot.digest,
        manifest_root=job.snapshot.merkle_root,
        forget_set_sha256=forget_set_digest(spec.forget_ids),
        forget_count=len(spec.forget_ids),
        base_model_sha256=spec.model.digest,
        result_model_sha256=result.model_digest,
        recipe_sha256=job.recipe.digest,
        started_at=format_time(job.started_at),
        finished_at=format_time(job.finished_at),
        verdict=_verdict(evaluation),
        does_not_show=evaluation.limits,
        environment=dict(result.environment),
    )


def _verdict(evaluation: Evaluation) -> Verdict:
    verdict = evaluation.verdict
    reasons = tuple(Reason(reason.code, reason.sentence) for reason in verdict.reasons)
    return Verdict(verdict.outcome, verdict.direction, reasons)
