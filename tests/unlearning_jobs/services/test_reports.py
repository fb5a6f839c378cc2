"""Which jobs have a report to sign, and what the signer refuses. What a signed report holds is in tests/compliance."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.conf import settings

from compliance.formats.canonical import canonical_json
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.models import Attestation, RecordEntry
from compliance.record.services import record_append
from tests.factories import unlearning_job
from tests.personas import Staff
from tests.staging import Stage, corpus, evaluation, trained
from unlearning_jobs.engine.artefacts import file_digest, model_digest
from unlearning_jobs.engine.contracts import JobSpec
from unlearning_jobs.models import Job
from unlearning_jobs.services.reports import report_sign

pytestmark = pytest.mark.django_db


@pytest.fixture
def failed(staff: Staff, signing: Path, artefacts: Path) -> Job:  # noqa: ARG001  # it is signed, and files are written
    """A job that ended with the verdict "failed", and whose report is not signed yet."""
    proposal = Stage.opened(staff, trained(corpus())).searched().evaluated("failed")
    assert proposal.job is not None
    return Job.objects.get(pk=proposal.job.pk)


def folder_of(job: Job) -> Path:
    return Path(settings.ARTEFACTS) / job.output


def change_result(job: Job, **changes: object) -> None:
    path = folder_of(job) / "result.json"
    path.write_bytes(canonical_json(json.loads(path.read_bytes()) | changes))


def assert_not_signed(job: Job, reason: str) -> None:
    with pytest.raises(StaleStateError, match=reason):
        report_sign(job_id=job.pk)
    assert not Attestation.objects.exists()
    assert not RecordEntry.objects.filter(kind=RecordKind.ATTESTATION_SIGNED).exists()


def test_a_job_that_has_not_completed_has_no_report_to_sign() -> None:
    with pytest.raises(StaleStateError, match="only completed unlearning jobs"):
        report_sign(job_id=unlearning_job().pk)
    assert not Attestation.objects.exists()


def test_the_result_that_was_recorded_is_signed(failed: Job) -> None:
    assert report_sign(job_id=failed.pk).attempt == failed.attempt


def test_a_result_that_was_swapped_after_the_job_is_not_signed(failed: Job) -> None:
    passed = evaluation(JobSpec.from_json(failed.spec), "passed").to_json()
    change_result(failed, evaluation=passed)
    assert_not_signed(failed, r"result_sha256 is \w+, recorded \w+; verdict is passed, recorded failed")


def test_a_result_with_other_bytes_and_the_same_verdict_is_not_signed(failed: Job) -> None:
    change_result(failed, train_examples=17)
    assert_not_signed(failed, r"says something else: result_sha256 is \w+, recorded \w+\. Nothing")


def test_a_model_that_was_swapped_together_with_the_result_is_not_signed(failed: Job) -> None:
    weights = folder_of(failed) / "model" / "model.safetensors"
    weights.write_bytes(b"other weights")
    files = json.loads((folder_of(failed) / "result.json").read_bytes())["files"]
    files["model/model.safetensors"] = file_digest(weights)
    change_result(failed, files=files, model_digest=model_digest(folder_of(failed) / "model"))
    assert_not_signed(failed, r"model_sha256 is \w+, recorded \w+")


def test_a_model_that_was_swapped_alone_is_not_signed(failed: Job) -> None:
    (folder_of(failed) / "model" / "model.safetensors").write_bytes(b"other weights")
    assert_not_signed(failed, "Artefacts changed after the job ended")


def test_an_attempt_that_the_record_completes_twice_is_not_signed(failed: Job) -> None:
    data = {"job": failed.pk, "run": 2, "item": failed.item, "attempt": failed.attempt}
    data |= {"result_sha256": "1" * 64, "model_sha256": "2" * 64, "verdict": "passed"}
    record_append(subject=failed.subject, kind=RecordKind.JOB_COMPLETED, actor="system", data=data)
    assert_not_signed(failed, "contains 2 entries job.completed; nothing was signed")
