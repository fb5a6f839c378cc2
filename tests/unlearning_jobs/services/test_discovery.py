"""Lethe finds copies of its models in folders of the machine, registers each once, and says what it did not read."""

from __future__ import annotations

import shutil
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from compliance.record.selectors import entries_of
from tests.checkpoints import taken, written
from tests.unlearning_jobs.sailors import base, checkpoint, keeper, snapshot
from unlearning_jobs.engine.artefacts import file_digest
from unlearning_jobs.models import Copy, ModelVersion
from unlearning_jobs.services.copies import copy_retire
from unlearning_jobs.services.discovery import copies_discover

__all__ = ["base", "checkpoint", "keeper", "snapshot"]
"""Fixtures."""
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]


@pytest.fixture
def disk(keeper: ModelVersion, tmp_path: Path) -> Path:
    """A disk with a copy of the model in use, a model of somebody else, and weights in formats that are not read."""
    folder = tmp_path / "disk"
    folder.mkdir()
    taken(keeper, folder / "served" / "now")
    written(folder / "others", seed=9)
    (folder / "old").mkdir()
    (folder / "old" / "model.gguf").write_bytes(b"GGUF")
    return folder


def test_a_copy_is_found_by_its_weights_and_registered_as_found(keeper: ModelVersion, disk: Path) -> None:
    found = copies_discover(folders=[disk])
    [copy] = found.registered
    assert (copy.version, copy.kind, copy.discovered) == (keeper, "deployment", True)
    assert copy.place == str((disk / "served" / "now").resolve())
    assert copy.sha256 == keeper.weights_sha256
    assert (found.weights, found.looked_at) == (2, [disk])
    assert [line.partition(": ")[2] for line in found.unreadable] == ["weights in a format that is not read."]
    [entry] = [entry for entry in entries_of(subject=keeper.subject) if entry.kind == "copy.registered"]
    assert (entry.actor, entry.data["discovered"]) == ("system", True)


def test_a_second_look_registers_nothing_twice(disk: Path) -> None:
    copies_discover(folders=[disk])
    again = copies_discover(folders=[disk, disk / "served"])
    assert (again.registered, again.known) == ([], 2)
    assert Copy.objects.count() == 1


def test_one_that_is_there_again_after_it_was_retired_is_another_copy(disk: Path) -> None:
    [copy] = copies_discover(folders=[disk]).registered
    copy_retire(copy=copy, by=None)
    [again] = copies_discover(folders=[disk]).registered
    assert again.name == f"{copy.name}-2"


def test_what_lies_among_the_artefacts_is_no_copy(keeper: ModelVersion, settings: Settings) -> None:
    assert keeper
    found = copies_discover(folders=[Path(settings.ARTEFACTS), Path(settings.ARTEFACTS).parent])
    assert found.registered == []


def test_what_is_found_in_the_cache_is_a_cache_though_its_files_are_links(keeper: ModelVersion, tmp_path: Path) -> None:
    """As the libraries of Hugging Face keep it: revisions link to the files."""
    revision = tmp_path / "hub" / "models--example--keeper" / "snapshots" / "4f2a"
    blobs = tmp_path / "hub" / "models--example--keeper" / "blobs"
    taken(keeper, revision)
    blobs.mkdir()
    for file in [one for one in revision.iterdir() if one.is_file()]:
        blob = blobs / file_digest(file)
        shutil.move(file, blob)
        file.symlink_to(blob)
    [copy] = copies_discover(folders=[], cache=tmp_path / "hub").registered
    assert (copy.kind, copy.place) == ("cache", str(revision.resolve()))


def test_what_cannot_be_read_is_said_and_ends_nothing(disk: Path) -> None:
    (disk / "broken").mkdir()
    (disk / "broken" / "model.safetensors").write_bytes(b"no weights")
    (disk / "parts").mkdir()
    (disk / "parts" / "tensor.safetensors").write_bytes(b"no weights")
    found = copies_discover(folders=[disk / "nowhere", disk])
    assert len(found.registered) == 1
    said = "\n".join(found.unreadable)
    for words in (
        "nowhere: there is no such folder.",
        "no whole file of weights",
        "none of the names by which they are read",
    ):
        assert words in said


def test_the_command_looks_where_the_settings_say_and_says_what_it_did(
    disk: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.COPIES_FOLDERS = [str(disk)]
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    out = StringIO()
    call_command("copies_discover", stdout=out)
    said = out.getvalue()
    assert f"Looked at {disk} and all below it." in said
    assert "deployment of keeper v1" in said
    assert "model.gguf: weights in a format that is not read." in said
    assert "2 folders with weights: 1 copies registered, 0 known before." in said
    settings.COPIES_FOLDERS = []
    out = StringIO()
    call_command("copies_discover", stdout=out)
    assert "Nothing was looked at" in out.getvalue()
