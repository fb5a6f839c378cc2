"""Signs the reports of unlearning jobs. Runs in the signing process, which hashes every artefact itself."""

from __future__ import annotations

import json
from pathlib import Path

from django.conf import settings

from compliance.evidence.statements import (
    MODEL_SUBJECT,
    Method,
    Statement,
    Subject,
    UnlearningReport,
    forget_set_digest,
    report_folder,
)
from compliance.formats.canonical import format_time, sha256_hex
from compliance.formats.errors import FormatError
from compliance.formats.record_kinds import RecordKind
from compliance.formats.results import WITHHELD
from compliance.record.errors import ContradictionError, StaleStateError
from compliance.record.head import alarm_on_inconsistency
from compliance.record.models import Attestation
from compliance.record.signing import attestation_sign, checkpoint_sign, entry_require, report_signed_before
from unlearning_jobs.engine.artefacts import file_digest, model_digest
from unlearning_jobs.engine.catalogue import METHODS
from unlearning_jobs.engine.contracts import JobResult, JobSpec
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.models import Job
from unlearning_jobs.selectors import answers_destroyed
from unlearning_jobs.states import JobState

MOST_NAMED = 5
REPORT_FILES = ("result.json", "spec.json", "outputs")


def report_sign(*, job_id: int) -> Attestation:
    """Sign the report of a completed unlearning job, whatever its verdict, and a checkpoint of the record that holds it.

    Raises:
        StaleStateError: there is nothing to report on; nothing is signed.
        ContradictionError: an artefact is not what the job reported, or the report contradicts the record or its own
            files; nothing is signed, and an alarm stands.
    """
    # 1. Load the job and what the engine wrote.
    job = Job.objects.select_related("snapshot", "recipe", "base", "result_version").get(pk=job_id)
    if job.kind != Job.Kind.UNLEARN or job.state != JobState.COMPLETED:
        message = f"Job {job_id} ({job.kind}, {job.state}) has no report: only completed unlearning jobs have one."
        raise StaleStateError(message)
    # A report that this process has signed stands: by now its model may have been destroyed on purpose.
    if existing := report_signed_before(subject=job.subject, item=job.item, attempt=job.attempt):
        return existing
    folder = settings.ARTEFACTS / job.output
    # 2. Hash every artefact here, and state what the job did; signing compares it with what its worker recorded.
    with alarm_on_inconsistency():
        raw, result = _result_read(folder, job)
        model = _model_checked(folder, result, job)
    entry_require(subject=job.subject, kind=RecordKind.JOB_COMPLETED, attempt=(job.item, job.attempt))
    files = {f"{report_folder(job.item, job.attempt)}/{name}": path for name, path in _report_files(folder).items()}
    digests = {name: file_digest(path) for name, path in files.items()}
    digests[f"{report_folder(job.item, job.attempt)}/result.json"] = sha256_hex(raw)  # of the bytes that were read above
    subjects = (Subject(MODEL_SUBJECT, model), *(Subject(name, digest) for name, digest in digests.items()))
    statement = Statement(subjects, _predicate(job, result))
    # 3. Sign, and then a checkpoint, so that a bundle can prove that the statement is in the record.
    stored = {name: str(path.relative_to(settings.ARTEFACTS)) for name, path in files.items()}
    attestation = attestation_sign(statement=statement, subject=job.subject, files=stored)
    checkpoint_sign()
    return attestation


def _report_files(folder: Path) -> dict[str, Path]:
    """Return the files that the report covers, by their path below the run's folder: all that may leave the operator."""
    files: dict[str, Path] = {}
    for name in REPORT_FILES:
        path = folder / name
        paths = sorted(path.rglob("*")) if path.is_dir() else [path]
        files |= {p.relative_to(folder).as_posix(): p for p in paths if p.is_file()}
    return {name: path for name, path in files.items() if name not in WITHHELD}


def _result_read(folder: Path, job: Job) -> tuple[bytes, JobResult]:
    """Return what the job left as its result (ContradictionError)."""
    try:
        raw = (folder / "result.json").read_bytes()
        return raw, JobResult.from_json(json.loads(raw))
    except (OSError, ValueError, FormatError) as error:
        raise _changed(job, ["result.json"]) from error


def _model_checked(folder: Path, result: JobResult, job: Job) -> str:
    """Return the digest of the model, when it and every other file are what the job reported (ContradictionError).

    Answers may have gone with a model that gave them.
    """
    try:
        digest = model_digest(folder / "model")
    except (OSError, SpecError):
        digest = ""
    gone = WITHHELD if answers_destroyed(job) else frozenset()
    changed = [
        name
        for name, expected in result.files.items()
        if (found := _digest_or_nothing(folder / name)) != expected and not (name in gone and not found)
    ]
    if digest != result.model_digest or changed:
        raise _changed(job, changed or ["model"])
    return digest


def _digest_or_nothing(path: Path) -> str:
    try:
        return file_digest(path)
    except OSError:
        return ""


def _changed(job: Job, names: list[str]) -> ContradictionError:
    listed = ", ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")
    message = f"Artefacts of job {job.pk} changed, or went, after it had ended: {listed}. Nothing was signed."
    return ContradictionError(message)


def _predicate(job: Job, result: JobResult) -> UnlearningReport:
    spec = JobSpec.from_json(job.spec)
    evaluation, method, protocol = result.evaluation, spec.method, spec.protocol
    if not (evaluation and method and protocol and spec.model and job.started_at and job.finished_at):
        message = "The job has no evaluation to report on."
        raise StaleStateError(message)
    return UnlearningReport(
        request=job.subject.removeprefix("request:"),
        item=job.item,
        attempt=job.attempt,
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
        verdict=evaluation.verdict,
        does_not_show=evaluation.limits,
        environment=dict(result.environment),
    )
