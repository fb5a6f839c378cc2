"""An index is of the snapshot that was registered, whatever happens to the files while it is built or asked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unlearning_jobs.services.test_indexes import found, opened, registered, texts_of
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.index_runner import index_execute
from unlearning_jobs.models import CorpusSnapshot
from unlearning_jobs.services.indexes import index_begin_again
from unlearning_jobs.services.snapshots import snapshot_open
from unlearning_jobs.stamps import stamp_of
from unlearning_jobs.states import JobState

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts", "queues")]
LINES = tuple(f"stone {n} is grey" for n in range(4))


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unlearning_jobs.stamps.COARSEST", 0)  # what was written a moment ago counts as settled


def examples_of(snapshot: CorpusSnapshot, artefacts: Path) -> Path:
    return artefacts / snapshot.path / "examples.jsonl"


def test_an_index_of_files_that_changed_while_it_was_built_is_removed(tmp_path: Path, artefacts: Path) -> None:
    snapshot = registered(tmp_path, *LINES)
    file = examples_of(snapshot, artefacts)
    sound = file.read_bytes()

    def change_and_restore(done: int, _total: int) -> None:
        file.write_bytes(sound.replace(b"grey", b"blue") if done else sound)

    row = index_execute(index_id=texts_of(snapshot).pk, said=change_and_restore)
    file.write_bytes(sound)
    assert (row.state, row.digest) == (JobState.FAILED, "")
    assert not (artefacts / row.path).exists()

    index_begin_again(index_id=row.pk)
    index_execute(index_id=row.pk)
    assert found(snapshot, "stone 3 is grey") == ["e00000003"]


def test_every_byte_is_checked_before_an_index_is_built(tmp_path: Path, artefacts: Path) -> None:
    """A disk that loses bits by itself changes no time."""
    snapshot = registered(tmp_path, *LINES)
    file = examples_of(snapshot, artefacts)
    snapshot_open(snapshot=snapshot)
    file.write_bytes(file.read_bytes().replace(b"grey", b"blue"))
    CorpusSnapshot.objects.filter(pk=snapshot.pk).update(stamp=stamp_of(artefacts / snapshot.path))
    snapshot.refresh_from_db()
    row = index_execute(index_id=texts_of(snapshot).pk)
    assert row.state == JobState.FAILED


def test_what_a_build_from_other_files_has_left_is_not_continued(tmp_path: Path, artefacts: Path) -> None:
    snapshot, other = registered(tmp_path, *LINES), registered(tmp_path, "another text", name="other")
    row = texts_of(snapshot)
    index_execute(index_id=texts_of(other).pk)
    shutil.copytree(artefacts / texts_of(other).path / "passages", artefacts / f"{row.path}.building" / "passages")
    index_execute(index_id=row.pk)
    assert found(snapshot, "stone 3 is grey") == ["e00000003"]
    assert not list((artefacts / row.path).parent.glob("*.from.json"))


def test_files_behind_links_are_read_in_full_each_time(tmp_path: Path, artefacts: Path) -> None:
    snapshot = registered(tmp_path, *LINES)
    file, elsewhere = examples_of(snapshot, artefacts), tmp_path / "bigger-disk.jsonl"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    proven = snapshot_open(snapshot=snapshot)
    assert (proven.stamp, CorpusSnapshot.objects.get(pk=snapshot.pk).stamp) == ({}, {})
    elsewhere.write_bytes(elsewhere.read_bytes().replace(b"grey", b"blue"))
    with pytest.raises(CorpusError):
        proven.require_unchanged()
    with pytest.raises(CorpusError):
        snapshot_open(snapshot=snapshot)


def test_an_index_behind_a_link_is_not_relied_on(tmp_path: Path, artefacts: Path) -> None:
    snapshot = registered(tmp_path, *LINES)
    row = index_execute(index_id=texts_of(snapshot).pk)
    described = artefacts / row.path / "index.json"
    described.rename(tmp_path / "index.json")
    described.symlink_to(tmp_path / "index.json")
    assert not opened(snapshot).is_unchanged
