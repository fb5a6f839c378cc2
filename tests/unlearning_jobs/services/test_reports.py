"""Which jobs have a report to sign, and what the signer refuses. What a signed report holds is in tests/compliance."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db.models import QuerySet

from compliance.evidence import dsse
from compliance.evidence.agreements import raw_outputs
from compliance.evidence.statements import Statement
from compliance.evidence.verification import verify_bundle
from compliance.formats.canonical import canonical_json, sha256_hex
from compliance.formats.record_kinds import RecordKind
from compliance.formats.results import ANSWERS
from compliance.record.bundles import BundleNotReadyError, bundle_seal, bundle_write
from compliance.record.errors import ContradictionError, LogInconsistentError, StaleStateError
from compliance.record.models import Attestation, RecordEntry, RecordLeaf
from compliance.record.recovery import log_recover
from compliance.record.selectors import alarm_standing, signing_refused
from compliance.record.services import record_append
from compliance.record.signing import checkpoint_sign
from tests.compliance.record.superuser import superuser, tree_rebuild
from tests.factories import unlearning_job
from tests.personas import ADA, Staff
from tests.staging import Stage, corpus, evaluation, trained
from unlearning_jobs.engine.artefacts import file_digest, model_digest
from unlearning_jobs.engine.contracts import JobSpec
from unlearning_jobs.models import Job, ModelVersion
from unlearning_jobs.services.reports import report_sign
from unlearning_jobs.states import ModelState

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


def assert_alarm(job: Job, reason: str) -> None:
    """Nothing is signed, and nothing can be released until somebody has looked."""
    with pytest.raises(ContradictionError, match=reason):
        report_sign(job_id=job.pk)
    assert not Attestation.objects.exists()
    alarm = alarm_standing()
    assert alarm is not None
    assert reason in alarm.reason


def test_a_job_that_has_not_completed_has_no_report_to_sign() -> None:
    with pytest.raises(StaleStateError, match="only completed unlearning jobs"):
        report_sign(job_id=unlearning_job().pk)
    assert not Attestation.objects.exists()


def test_the_result_that_was_recorded_is_signed(failed: Job) -> None:
    assert report_sign(job_id=failed.pk).attempt == failed.attempt


def test_a_result_that_was_swapped_after_the_job_is_not_signed(failed: Job) -> None:
    passed = evaluation(JobSpec.from_json(failed.spec), "passed").to_json()
    change_result(failed, evaluation=passed)
    assert_alarm(failed, "another verdict is reported than the worker recorded")


def test_a_result_with_other_bytes_and_the_same_verdict_is_not_signed(failed: Job) -> None:
    change_result(failed, train_examples=17)
    assert_alarm(failed, "result.json is not the file that the worker recorded")


def test_a_model_that_was_swapped_together_with_the_result_is_not_signed(failed: Job) -> None:
    weights = folder_of(failed) / "model" / "model.safetensors"
    weights.write_bytes(b"other weights")
    files = json.loads((folder_of(failed) / "result.json").read_bytes())["files"]
    files["model/model.safetensors"] = file_digest(weights)
    change_result(failed, files=files, model_digest=model_digest(folder_of(failed) / "model"))
    assert_alarm(failed, "another model is reported than the worker recorded")


def test_a_model_that_was_swapped_alone_is_not_signed(failed: Job) -> None:
    (folder_of(failed) / "model" / "model.safetensors").write_bytes(b"other weights")
    assert_alarm(failed, "changed, or went, after it had ended: model/model.safetensors")


@pytest.mark.parametrize("name", ["result.json", "outputs", "model"])
def test_what_went_after_the_job_is_noticed_and_nothing_is_signed(failed: Job, name: str) -> None:
    path = folder_of(failed) / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert_alarm(failed, f"changed, or went, after it had ended: {name}")


def test_a_report_that_was_signed_stands_after_its_model_was_destroyed(failed: Job) -> None:
    signed = report_sign(job_id=failed.pk)
    shutil.rmtree(folder_of(failed) / "model")
    assert report_sign(job_id=failed.pk) == signed
    assert alarm_standing() is None


def test_raw_outputs_that_give_other_estimates_are_not_signed(failed: Job) -> None:
    """Whoever ran the job lied about what was measured, and recorded the lie."""
    estimands = json.loads((folder_of(failed) / "result.json").read_bytes())["evaluation"]
    estimands["gap"] = 1000.0
    change_result(failed, evaluation=estimands)
    with superuser():
        entry_of(failed).update(body=recorded_anew(failed))
        tree_rebuild()
    assert_alarm(failed, "the raw outputs give another do-nothing gap")


@pytest.mark.parametrize("limit", ["pyarrow", "rows"])
def test_a_report_whose_raw_outputs_cannot_be_checked_is_not_signed(
    failed: Job, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    with monkeypatch.context() as broken:
        if limit == "pyarrow":
            broken.setitem(sys.modules, "pyarrow", None)
        else:
            broken.setattr(raw_outputs, "MAX_ROWS", 10)
        assert_not_signed(failed, "the raw outputs of .* cannot be checked here")
    assert alarm_standing() is None
    assert report_sign(job_id=failed.pk).attempt == failed.attempt


def entry_of(job: Job) -> QuerySet[RecordEntry]:
    return RecordEntry.objects.filter(subject=job.subject, kind=RecordKind.JOB_COMPLETED)


def recorded_anew(job: Job) -> bytes:
    """The entry about the job's end, as it would be if the worker had recorded the file that is there now."""
    body = json.loads(bytes(entry_of(job).get().body))
    body["data"]["result_sha256"] = file_digest(folder_of(job) / "result.json")
    return canonical_json(body)


def test_a_contradiction_that_somebody_has_seen_stops_nothing_else(failed: Job) -> None:
    """The alarm is cleared, and the report stays unsigned: it does not raise the same alarm again."""
    change_result(failed, train_examples=17)
    assert_alarm(failed, "result.json is not the file")
    with pytest.raises(LogInconsistentError):
        checkpoint_sign()
    log_recover(reason="The disk was damaged.")
    with pytest.raises(ContradictionError):
        report_sign(job_id=failed.pk)
    assert alarm_standing() is None
    assert not Attestation.objects.exists()
    assert signing_refused(failed.subject)
    with pytest.raises(BundleNotReadyError, match="the signing process refused it"):
        bundle_seal(subject=failed.subject, actor="system")


def test_what_is_signed_verifies(failed: Job, tmp_path: Path) -> None:
    report_sign(job_id=failed.pk)
    bundle_seal(subject=failed.subject, actor="system")
    checkpoint_sign()
    bundle_write(failed.subject, tmp_path / "bundle")
    assert verify_bundle(tmp_path / "bundle").passed


def test_what_models_answered_is_in_no_report_and_no_bundle(failed: Job, tmp_path: Path) -> None:
    result = json.loads((folder_of(failed) / "result.json").read_bytes())
    assert result["files"][ANSWERS] == file_digest(folder_of(failed) / ANSWERS)
    signed = report_sign(job_id=failed.pk)
    assert not [name for name in signed.files if "answers" in name]
    bundle_seal(subject=failed.subject, actor="system")
    checkpoint_sign()
    bundle_write(failed.subject, tmp_path / "bundle")
    files = [path for path in (tmp_path / "bundle").rglob("*") if path.is_file()]
    assert len(files) > 5
    assert not [path for path in files if "answers" in path.name or ADA.encode() in path.read_bytes()]


def test_answers_that_were_swapped_after_the_job_let_nothing_be_signed(failed: Job) -> None:
    (folder_of(failed) / ANSWERS).write_bytes(b"other answers")
    assert_alarm(failed, f"changed, or went, after it had ended: {ANSWERS}")


def test_answers_may_have_gone_with_a_model_that_gave_them(failed: Job) -> None:
    ModelVersion.objects.filter(jobs=failed).update(state=ModelState.DESTROYED)
    (folder_of(failed) / ANSWERS).unlink()
    assert report_sign(job_id=failed.pk).attempt == failed.attempt


def test_other_answers_in_their_place_are_noticed_even_then(failed: Job) -> None:
    ModelVersion.objects.filter(jobs=failed).update(state=ModelState.DESTROYED)
    (folder_of(failed) / ANSWERS).write_bytes(b"other answers")
    assert_alarm(failed, f"changed, or went, after it had ended: {ANSWERS}")


def test_an_attempt_that_the_record_completes_twice_is_not_signed(failed: Job) -> None:
    data = {"job": failed.pk, "run": 2, "item": failed.item, "attempt": failed.attempt}
    data |= {"result_sha256": "1" * 64, "model_sha256": "2" * 64, "verdict": "passed"}
    record_append(subject=failed.subject, kind=RecordKind.JOB_COMPLETED, actor="system", data=data)
    assert_not_signed(failed, "contains 2 entries job.completed; nothing was signed")


def hide_the_completion(job: Job) -> None:
    """Leave the entry in the signed log, but in the row of another request."""
    with superuser():
        entry_of(job).update(subject="request:LE-AAAA-AAAA")


def drop_an_entry(job: Job) -> None:
    entry = RecordEntry.objects.filter(subject=job.subject, kind=RecordKind.ITEM_DECIDED).get()
    with superuser():
        RecordLeaf.objects.filter(entry=entry).delete()
        entry.delete()


@pytest.mark.parametrize("attack", [hide_the_completion, drop_an_entry])
def test_nothing_is_signed_about_a_history_from_which_an_entry_was_taken(failed: Job, attack: Callable[[Job], None]) -> None:
    checkpoint_sign()
    attack(failed)
    with pytest.raises((LogInconsistentError, StaleStateError)):
        report_sign(job_id=failed.pk)
    assert not Attestation.objects.exists()


def test_an_envelope_that_a_stranger_signed_is_not_taken_for_the_report(failed: Job) -> None:
    statement = Statement.from_bytes(dsse.Envelope.from_bytes(bytes(report_sign(job_id=failed.pk).envelope)).body)
    forged = dsse.sign(statement.to_bytes(), Ed25519PrivateKey.generate()).to_bytes()
    with superuser(Attestation._meta.db_table):
        Attestation.objects.update(envelope=forged, sha256=sha256_hex(forged))
    with pytest.raises(LogInconsistentError, match="is not one that the signing process signed"):
        report_sign(job_id=failed.pk)
    assert alarm_standing()


def test_no_report_is_returned_while_an_alarm_stands(failed: Job, signing: Path) -> None:
    report_sign(job_id=failed.pk)
    (signing / "alarm").write_text("Somebody must look.")
    with pytest.raises(LogInconsistentError, match="Somebody must look"):
        report_sign(job_id=failed.pk)
