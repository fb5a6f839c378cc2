"""What becomes of a model version, and of the models that were trained for its evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks as Commits

from compliance.models import RecordEntry
from compliance.services import NotAllowedError, StaleStateError
from tests.factories import model_version, unlearning_job
from tests.personas import Staff
from unlearning_jobs.models import ModelVersion
from unlearning_jobs.services.model_versions import model_cache, model_version_destroy
from unlearning_jobs.states import ModelState

pytestmark = pytest.mark.django_db


@pytest.fixture
def quarantined(artefacts: Path) -> ModelVersion:
    """A version out of use, with its files and a model that was trained on its corpus for an evaluation."""
    version = model_version(state="quarantined")
    for folder in (artefacts / version.path, model_cache(version.snapshot) / "0123" / "model"):
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes(b"weights")
    return version


def test_with_a_quarantined_version_go_the_models_that_have_seen_what_it_had_to_forget(
    quarantined: ModelVersion,
    artefacts: Path,
    staff: Staff,
    django_capture_on_commit_callbacks: Commits,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        destroyed = model_version_destroy(version=quarantined, by=staff.eva)

    assert (destroyed.state, destroyed.path) == (ModelState.DESTROYED, "")
    assert list(artefacts.rglob("*.safetensors")) == []
    assert RecordEntry.objects.get(subject=quarantined.subject).kind == "model.destroyed"


def test_nothing_is_deleted_unless_the_record_of_it_is_committed(
    quarantined: ModelVersion,
    artefacts: Path,
    staff: Staff,
    django_capture_on_commit_callbacks: Commits,
) -> None:
    with django_capture_on_commit_callbacks(execute=False):
        model_version_destroy(version=quarantined, by=staff.eva)

    assert len(list(artefacts.rglob("*.safetensors"))) == 2


def test_another_corpus_keeps_its_models(
    quarantined: ModelVersion, staff: Staff, django_capture_on_commit_callbacks: Commits
) -> None:
    other = model_cache(model_version().snapshot)
    other.mkdir(parents=True)
    with django_capture_on_commit_callbacks(execute=True):
        model_version_destroy(version=quarantined, by=staff.eva)

    assert other.exists()


def test_a_candidate_leaves_the_oracles_that_the_next_attempt_needs(
    artefacts: Path, staff: Staff, django_capture_on_commit_callbacks: Commits
) -> None:
    candidate = model_version(state="candidate")
    (artefacts / candidate.path).mkdir(parents=True)
    model_cache(candidate.snapshot).mkdir(parents=True)
    with django_capture_on_commit_callbacks(execute=True):
        model_version_destroy(version=candidate, by=staff.eva)

    assert not (artefacts / candidate.path).exists()
    assert model_cache(candidate.snapshot).exists()


def test_a_job_on_the_same_corpus_keeps_its_models_until_it_has_ended(quarantined: ModelVersion, staff: Staff) -> None:
    unlearning_job(model_version(snapshot=quarantined.snapshot))

    with pytest.raises(StaleStateError, match="queued or running"):
        model_version_destroy(version=quarantined, by=staff.eva)


def test_only_an_engineer_destroys(quarantined: ModelVersion, staff: Staff) -> None:
    with pytest.raises(NotAllowedError, match="engineer"):
        model_version_destroy(version=quarantined, by=staff.omar)
