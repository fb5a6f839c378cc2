"""A version is called destroyed when its files are gone, and not before."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from compliance.accounts.errors import NotAllowedError
from compliance.formats.results import ANSWERS
from compliance.record.errors import StaleStateError
from compliance.record.models import RecordEntry
from tests.factories import model_version, unlearning_job
from tests.personas import Staff
from unlearning_jobs.models import Job, ModelVersion
from unlearning_jobs.services.destruction import model_version_destroy, model_version_files_delete
from unlearning_jobs.services.runs import runs_folder
from unlearning_jobs.services.trainings import model_cache
from unlearning_jobs.states import JobState, ModelState

pytestmark = pytest.mark.django_db


def with_files(version: ModelVersion) -> ModelVersion:
    """Its artefact, and a model that was trained on its corpus for an evaluation."""
    for folder in (Path(settings.ARTEFACTS) / version.path, model_cache(version.snapshot) / "0123" / "model"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.safetensors").write_bytes(b"weights")
    return version


@pytest.fixture
def quarantined(artefacts: Path) -> ModelVersion:
    """A version that has been replaced by another."""
    version = with_files(model_version(state="quarantined"))
    model_version(name=version.name, number=2, parent=version, snapshot=version.snapshot)
    assert len(list(artefacts.rglob("*.safetensors"))) == 2
    return version


def kinds(version: ModelVersion) -> list[str]:
    return list(RecordEntry.objects.filter(subject=version.subject).order_by("number").values_list("kind", flat=True))


def test_the_order_is_in_the_record_before_anything_is_deleted(
    quarantined: ModelVersion, artefacts: Path, staff: Staff
) -> None:
    ordered = model_version_destroy(version=quarantined, by=staff.eva)

    assert ordered.state == ModelState.DESTROYING
    assert kinds(quarantined) == ["model.destroying"]
    assert len(list(artefacts.rglob("*.safetensors"))) == 2


def test_with_a_version_that_was_in_use_go_the_models_that_have_seen_what_it_had_to_forget(
    quarantined: ModelVersion, artefacts: Path, staff: Staff
) -> None:
    model_version_destroy(version=quarantined, by=staff.eva)
    model_version_files_delete(version_id=quarantined.pk)

    quarantined.refresh_from_db()
    assert (quarantined.state, quarantined.path) == (ModelState.DESTROYED, "")
    assert kinds(quarantined) == ["model.destroying", "model.destroyed"]
    assert list(artefacts.rglob("*.safetensors")) == []


def test_another_corpus_keeps_its_models(quarantined: ModelVersion, staff: Staff) -> None:
    other = with_files(model_version())
    model_version_destroy(version=quarantined, by=staff.eva)
    model_version_files_delete(version_id=quarantined.pk)

    assert model_cache(other.snapshot).exists()


def test_a_candidate_leaves_the_oracles_that_the_next_attempt_needs(artefacts: Path, staff: Staff) -> None:
    active = model_version()
    parent = {"name": active.name, "snapshot": active.snapshot, "parent": active}
    candidate = with_files(model_version(state="candidate", number=2, **parent))
    path = artefacts / candidate.path
    model_version_destroy(version=candidate, by=staff.eva)
    model_version_files_delete(version_id=candidate.pk)

    assert not path.exists()
    assert model_cache(candidate.snapshot).exists()


def answered(job: Job, artefacts: Path) -> list[Path]:
    """What two runs of the job kept; the first one was lost after it had done its work."""
    files = [artefacts / runs_folder(job.pk) / f"run-{number}" / ANSWERS for number in (1, 2)]
    for file in files:
        file.parent.mkdir(parents=True)
        for name in (file.name, "examples.parquet"):
            (file.parent / name).write_bytes(b"PAR1")
    return files


@pytest.mark.parametrize("gave", ["base", "result_version"])
def test_with_a_version_go_the_answers_that_it_gave_and_no_others(artefacts: Path, staff: Staff, gave: str) -> None:
    version = with_files(model_version(state="quarantined"))
    active = model_version(name=version.name, number=2, parent=version, snapshot=version.snapshot)
    own = unlearning_job(version if gave == "base" else active)
    made = {} if gave == "base" else {"result_version": version}
    Job.objects.filter(pk=own.pk).update(state=JobState.CANCELLED, **made)
    other = unlearning_job(model_version())
    gone, left = answered(own, artefacts), answered(other, artefacts)
    model_version_destroy(version=version, by=staff.eva)
    assert all(map(Path.exists, gone))
    model_version_files_delete(version_id=version.pk)

    assert not any(map(Path.exists, gone))
    assert all(map(Path.exists, left))
    assert len(list(artefacts.rglob("examples.parquet"))) == 4, "numbers name nobody, and reports need them"


def test_files_that_cannot_be_deleted_are_never_called_destroyed(
    quarantined: ModelVersion, staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_folder: Path) -> None:
        raise PermissionError

    model_version_destroy(version=quarantined, by=staff.eva)
    monkeypatch.setattr("shutil.rmtree", refuse)
    with pytest.raises(PermissionError):
        model_version_files_delete(version_id=quarantined.pk)

    quarantined.refresh_from_db()
    assert quarantined.state == ModelState.DESTROYING


def test_nothing_is_deleted_without_an_order(quarantined: ModelVersion, artefacts: Path) -> None:
    with pytest.raises(StaleStateError, match="No destruction of model version"):
        model_version_files_delete(version_id=quarantined.pk)
    assert len(list(artefacts.rglob("*.safetensors"))) == 2


def test_a_job_on_the_same_corpus_keeps_its_models_until_it_has_ended(quarantined: ModelVersion, staff: Staff) -> None:
    result = ModelVersion.objects.get(parent=quarantined)
    job = unlearning_job(result)
    with pytest.raises(StaleStateError, match="queued or running"):
        model_version_destroy(version=quarantined, by=staff.eva)

    Job.objects.filter(pk=job.pk).update(state=JobState.CANCELLED)
    model_version_destroy(version=quarantined, by=staff.eva)
    unlearning_job(result)
    with pytest.raises(StaleStateError, match="queued or running"):
        model_version_files_delete(version_id=quarantined.pk)
    quarantined.refresh_from_db()
    assert quarantined.state == ModelState.DESTROYING


def test_only_an_engineer_destroys(quarantined: ModelVersion, staff: Staff) -> None:
    with pytest.raises(NotAllowedError, match="engineer"):
        model_version_destroy(version=quarantined, by=staff.omar)
