"""A model that is in use is handed over as a folder, whole and as recorded, or not at all."""

from __future__ import annotations

import shutil
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from tests.factories import model_version
from unlearning_jobs.engine.artefacts import model_digest
from unlearning_jobs.models import ModelVersion

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]


@pytest.fixture
def version(artefacts: Path) -> ModelVersion:
    folder = artefacts / "models" / "keeper"
    (folder / "adapter").mkdir(parents=True)
    for name in ("model.safetensors", "config.json", "tokenizer.json", "lethe.json", "adapter/adapter_model.safetensors"):
        (folder / name).write_text(name)
    return model_version(name="keeper", path="models/keeper", digest=model_digest(folder))


def exported(folder: Path, name: str = "keeper") -> str:
    said = StringIO()
    call_command("model_export", name, folder=folder, stdout=said)
    return said.getvalue()


def test_the_version_in_use_is_copied_with_the_digest_of_the_record(version: ModelVersion, tmp_path: Path) -> None:
    said = exported(tmp_path / "out")
    assert model_digest(tmp_path / "out") == version.digest
    assert (tmp_path / "out" / "adapter" / "adapter_model.safetensors").exists()
    assert f"keeper v1 is in {tmp_path / 'out'}, with the digest {version.digest}." in said
    assert "copy_register NAME --model keeper:1" in said


def test_what_is_not_in_use_is_not_handed_over(version: ModelVersion, tmp_path: Path) -> None:
    ModelVersion.objects.filter(pk=version.pk).update(state="quarantined")
    with pytest.raises(CommandError, match="keeper v1 is in the state “Quarantined”"):
        exported(tmp_path / "out")
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]


def test_a_model_that_nobody_knows_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no model warden"):
        exported(tmp_path / "out", "warden")


def test_files_that_were_changed_are_not_handed_over(version: ModelVersion, tmp_path: Path) -> None:
    (settings.ARTEFACTS / version.path / "model.safetensors").write_text("other weights")
    with pytest.raises(CommandError, match="not those that the record names"):
        exported(tmp_path / "out")
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]


@pytest.mark.usefixtures("version")
def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    with pytest.raises(CommandError, match="exists; name a new one"):
        exported(tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_a_folder_beside_it_stays(version: ModelVersion, tmp_path: Path) -> None:
    beside = tmp_path / "out.draft"
    beside.mkdir()
    (beside / "mine").write_text("mine")
    exported(tmp_path / "out")
    assert model_digest(tmp_path / "out") == version.digest
    assert sorted(path.name for path in tmp_path.iterdir() if "out" in path.name) == ["out", "out.draft"]


def test_there_is_nowhere_to_copy_to(version: ModelVersion, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=f"{version.name} could not be copied"):
        exported(tmp_path / "missing" / "out")


def test_files_that_are_gone_leave_nothing_half_written(version: ModelVersion, tmp_path: Path) -> None:
    shutil.rmtree(settings.ARTEFACTS / version.path)
    with pytest.raises(CommandError, match="could not be copied"):
        exported(tmp_path / "out")
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]
