"""Registering checkpoints: once, whole, and only what can be used."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from compliance.record.errors import StaleStateError
from compliance.record.selectors import entries_of
from tests.checkpoints import registered, written
from unlearning_jobs.checkpoints import checkpoint_folder, checkpoint_problem
from unlearning_jobs.engine.contracts import CheckpointArchitecture
from unlearning_jobs.engine.errors import CheckpointError
from unlearning_jobs.engine.families.checkpoints import describe_checkpoint
from unlearning_jobs.models import Checkpoint
from unlearning_jobs.services.checkpoints import checkpoint_register

pytestmark = pytest.mark.usefixtures("artefacts")
REGISTER_AND_STOP = """
import django, os, signal, sys
django.setup()
from pathlib import Path
from django.conf import settings
from unlearning_jobs.engine.artefacts import checkpoint_digest
from unlearning_jobs.engine.contracts import CheckpointArchitecture
from unlearning_jobs.services import checkpoints
settings.ARTEFACTS = Path(sys.argv[1])
def stop(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
def describe(folder):
    return CheckpointArchitecture(checkpoint_digest(folder), 1, 1, 1, 1)
if sys.argv[3] == "copying":
    checkpoints.folder_keep = stop
else:
    from django.db.backends.postgresql.base import DatabaseWrapper
    place = checkpoints.draft_place
    def placed(*arguments):
        place(*arguments)
        DatabaseWrapper._commit = stop
    checkpoints.draft_place = placed
checkpoints.checkpoint_register(name="sailor", folder=Path(sys.argv[2]), describe=describe, actor="account:1")
"""


def left_in(artefacts: Path) -> set[str]:
    return {path.name for path in (artefacts / "checkpoints").iterdir() if path.name != ".lock"}


@pytest.mark.django_db
def test_a_checkpoint_is_copied_without_what_no_model_is_made_from(tmp_path: Path) -> None:
    folder = written(tmp_path / "downloaded", shard="8KB")
    (folder / "pytorch_model.bin").write_bytes(b"pickled, and never read")
    checkpoint = registered(folder)
    copy = checkpoint_folder(checkpoint)
    assert describe_checkpoint(copy) == describe_checkpoint(folder) == CheckpointArchitecture.from_json(checkpoint.about)
    assert {path.name for path in folder.iterdir()} - {path.name for path in copy.iterdir()} == {
        *("README.md", "pytorch_model.bin", "generation_config.json")
    }
    assert (checkpoint.kind, checkpoint.bytes) == ("llama", sum(path.stat().st_size for path in copy.iterdir()))
    [entry] = entries_of(subject="checkpoint:sailor")
    assert (entry.kind, dict(entry.data)) == ("checkpoint.registered", {"checkpoint_sha256": checkpoint.digest})


@pytest.mark.django_db
def test_the_same_checkpoint_again_is_the_same_row_and_no_second_entry(tmp_path: Path) -> None:
    folder = written(tmp_path / "downloaded")
    first = registered(folder)
    (folder / "README.md").write_text("Another text.")
    assert registered(folder) == first
    assert len(entries_of(subject="checkpoint:sailor")) == 1


@pytest.mark.django_db
def test_one_checkpoint_has_one_name_and_one_name_one_checkpoint(tmp_path: Path) -> None:
    folder, other = written(tmp_path / "downloaded"), written(tmp_path / "other", num_hidden_layers=1)
    registered(folder)
    with pytest.raises(StaleStateError, match="registered already, as “sailor”"):
        registered(folder, "rower")
    with pytest.raises(StaleStateError, match="another checkpoint “sailor”"):
        registered(other)
    assert Checkpoint.objects.count() == 1


@pytest.mark.django_db
def test_files_that_are_gone_or_changed_are_noticed_and_registering_again_replaces_them(tmp_path: Path) -> None:
    folder = written(tmp_path / "downloaded")
    checkpoint = registered(folder)
    copy = checkpoint_folder(checkpoint)
    assert checkpoint_problem(checkpoint) == ""
    for spoil in (lambda: shutil.rmtree(copy), lambda: (copy / "config.json").write_text("{}")):
        spoil()
        assert "are gone or have changed" in checkpoint_problem(checkpoint)
        assert registered(folder) == checkpoint
        assert checkpoint_problem(checkpoint) == ""


@pytest.mark.django_db
def test_what_cannot_be_used_leaves_nothing(tmp_path: Path, artefacts: Path) -> None:
    folder = written(tmp_path / "downloaded")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="its weights are pickled"):
        registered(folder)
    assert not (artefacts / "checkpoints").exists()
    assert not Checkpoint.objects.exists()


@pytest.mark.django_db
def test_shards_outside_of_the_folder_are_refused(tmp_path: Path) -> None:
    folder = written(tmp_path / "downloaded", shard="8KB")
    shard = next(folder.glob("model-*.safetensors"))
    index = folder / "model.safetensors.index.json"
    index.write_text(index.read_text().replace(shard.name, f"../{shard.name}"))
    with pytest.raises(CheckpointError, match="names files that are not in its folder"):
        registered(folder)


def full(_: object) -> Any:
    return shutil._ntuple_diskusage(1000, 999, 1)


def unreadable(folder: Path) -> CheckpointArchitecture:
    raise PermissionError(13, "Permission denied", str(folder / "model.safetensors"))


@pytest.mark.django_db
def test_a_full_disk_and_a_file_that_cannot_be_read_are_said_in_words(
    tmp_path: Path, artefacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path / "downloaded")
    with pytest.raises(CheckpointError, match=r"downloaded cannot be read or copied: model.safetensors: Permission denied"):
        checkpoint_register(name="sailor", folder=folder, describe=unreadable, actor="account:1")
    monkeypatch.setattr("unlearning_jobs.services.checkpoints.shutil.disk_usage", full)
    with pytest.raises(CheckpointError, match="The disk is too full"):
        registered(folder)
    assert left_in(artefacts) == set()


@pytest.mark.django_db
def test_a_folder_that_is_swapped_while_it_is_copied_is_not_registered(tmp_path: Path, artefacts: Path) -> None:
    folder, seen = written(tmp_path / "downloaded"), []

    def describe(one: Path) -> CheckpointArchitecture:
        seen.append(one)
        return replace(CheckpointArchitecture("1" * 64, 1, 1, 1, 1), base_sha256=str(len(seen)) * 64)

    with pytest.raises(CheckpointError, match="changed while it was copied"):
        checkpoint_register(name="sailor", folder=folder, describe=describe, actor="account:1")
    assert left_in(artefacts) == set()


# -- killed


@pytest.fixture
def environment(committed_database: None) -> dict[str, str]:  # noqa: ARG001  # other processes see its commits
    database = connection.get_connection_params()
    url = f"postgresql://{database['user']}@/{database['dbname']}?host={database['host']}"
    return os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "compliance.settings"}


@pytest.mark.parametrize("moment", ["copying", "committing"])
def test_a_registration_that_is_killed_leaves_nothing_registered_and_the_next_one_cleans_up(
    tmp_path: Path, artefacts: Path, environment: dict[str, str], moment: str
) -> None:
    folder = written(tmp_path / "downloaded")
    command = [sys.executable, "-c", REGISTER_AND_STOP, str(artefacts), str(folder), moment]
    killed = subprocess.run(command, env=environment, check=False, capture_output=True, timeout=60)
    assert killed.returncode == -9, killed.stderr.decode()
    assert len(left_in(artefacts)) == {"copying": 1, "committing": 2}[moment]
    assert not Checkpoint.objects.exists()
    checkpoint = registered(folder)
    assert left_in(artefacts) == {checkpoint.digest}


@pytest.mark.django_db
def test_the_database_refuses_to_change_what_a_checkpoint_is(tmp_path: Path) -> None:
    registered(written(tmp_path / "downloaded"))
    for sql in (
        "DELETE FROM unlearning_jobs_checkpoint",
        "UPDATE unlearning_jobs_checkpoint SET digest = repeat('0', 64)",
        "UPDATE unlearning_jobs_checkpoint SET path = 'checkpoints/other'",
        "UPDATE unlearning_jobs_checkpoint SET about = '{}'",
        "UPDATE unlearning_jobs_checkpoint SET name = 'other'",
    ):
        with (
            pytest.raises(DatabaseError, match="checkpoint_is"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(sql)
