"""What every kind of store promises, on real stores with planted documents."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unlearning_jobs.engine.stores import StoreError
from unlearning_jobs.engine.stores.adapters import ADAPTERS, open_store
from unlearning_jobs.engine.stores.erasure import erase, find_documents, opened, read_everything
from unlearning_jobs.engine.stores.store import Document

from .conftest import SOUGHT, Planted, erased, searching

KEEP_BYTES = ("chroma", "pgvector", "faiss", "hnswlib")
"""Whose engine's own delete leaves bytes. Qdrant's local mode does where SQLite does not overwrite what it deletes."""
IN_FILES = tuple(kind for kind in ADAPTERS if kind != "pgvector")
HOLDS_OPEN = "import sys; f = open(sys.argv[1], 'rb'); print('open', flush=True); sys.stdin.read()"


@pytest.mark.parametrize("kind", ADAPTERS)
def test_what_is_erased_is_gone_from_bytes_and_answers_and_everything_else_stays_as_it_was(
    kind: str, plant_store: Planted, documents: list[Document], tmp_path: Path
) -> None:
    spec = searching(plant_store(kind), documents)
    with opened(spec) as store:
        before = read_everything(store, spec, documents[:SOUGHT])
    assert any(place["texts"] for place in before["places"])  # whoever finds nothing beforehand proves nothing

    result = erased(spec, tmp_path / "job")

    assert result["verdict"]["outcome"] == "passed", result["verdict"]
    assert result["guarantee"] == "exact"
    assert result["verdict"]["sentences"] == [f"residue in 0 of {len(result['places'])} places"]
    assert result["found_by"]["text"] == SOUGHT
    assert result["index_before"] != result["index_after"]
    with opened(spec) as store:
        left = {document.key: document for document in store.documents()}
    assert left.keys() == ({f"{one.key}" for one in documents[SOUGHT:]})
    for one in documents[SOUGHT:]:
        _assert_same(left[one.key], one)


@pytest.mark.parametrize("kind", KEEP_BYTES)
def test_the_engines_own_delete_leaves_bytes_and_is_seen_to(
    kind: str, plant_store: Planted, documents: list[Document]
) -> None:
    spec = searching(plant_store(kind), documents)
    keys = [one.key for one in documents[:SOUGHT]]
    with opened(spec) as store:
        store.delete(keys)
        assert store.get(keys) == []  # it looks clean
        read = read_everything(store, spec, documents[:SOUGHT])
    assert sum(place["texts"] + place["vectors"] for place in read["places"]) > 0


def test_what_the_memory_of_this_process_holds_does_not_come_into_the_new_files(
    plant_store: Planted, documents: list[Document], tmp_path: Path
) -> None:
    settings = plant_store("chroma")
    held = [one.text.encode() * (size + 1) for size in range(200) for one in documents]
    del held
    spec, job = searching(settings, documents), tmp_path / "job"
    approved = find_documents(spec, job).digest
    result = erase(spec, job, approved)
    if result["verdict"]["outcome"] == "failed":  # Chroma wrote its own memory out, however often it was rebuilt
        assert not result["verdict"]["sentences"][0].startswith("residue in 0 ")
        result = erase(spec, job, approved)  # what failed is done again
    assert result["verdict"]["outcome"] == "passed", result["verdict"]


@pytest.mark.parametrize("kind", ["chroma", "hnswlib"])
def test_an_erasure_by_the_engines_own_delete_alone_fails(
    kind: str, plant_store: Planted, documents: list[Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = searching(plant_store(kind), documents)
    with opened(spec) as store:
        monkeypatch.setattr(type(store), "rebuild", lambda _store: None)
    result = erased(spec, tmp_path / "job")
    assert result["verdict"]["outcome"] == "failed"
    assert result["guarantee"] == "none"
    assert result["asked_again"]["by_key"] == result["asked_again"]["found_again"] == 0  # every question is answered well
    assert not result["verdict"]["sentences"][0].startswith("residue in 0 ")


def test_what_qdrant_leaves_in_free_pages_is_seen_and_goes(plant_store: Planted, documents: list[Document]) -> None:
    settings = plant_store("qdrant")
    storage = Path(settings["path"]) / "collection" / "documents" / "storage.sqlite"
    with closing(sqlite3.connect(storage)) as database, database:
        database.execute("PRAGMA secure_delete = OFF")  # as SQLite is elsewhere
        database.execute("DELETE FROM points WHERE rowid <= ?", (SOUGHT,))
    spec, residue = searching(settings, documents), []
    for _ in range(2):
        with opened(spec) as store:
            read = read_everything(store, spec, documents[:SOUGHT])
            residue.append(sum(place["texts"] for place in read["places"]))
            store.rebuild()
    assert residue[0] > 0
    assert residue[1] == 0


@pytest.mark.parametrize("kind", ADAPTERS)
def test_deleting_and_rebuilding_twice_does_no_harm(kind: str, plant_store: Planted, documents: list[Document]) -> None:
    spec = searching(plant_store(kind), documents)
    for _ in range(2):
        with opened(spec) as store:
            store.check_writable()
            store.delete([one.key for one in documents[:SOUGHT]])
            store.rebuild()
    with opened(spec) as store:
        assert store.describe().count == len(documents) - SOUGHT


@pytest.mark.parametrize("kind", IN_FILES)
def test_a_path_where_nothing_is_is_said(kind: str, plant_store: Planted, tmp_path: Path) -> None:
    settings = plant_store(kind) | {"path": str(tmp_path / "elsewhere")}
    _assert_refused(settings, "wrong_path")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("kind", ["chroma", "qdrant", "dataset"])
def test_a_folder_of_something_else_is_said(kind: str, plant_store: Planted, tmp_path: Path) -> None:
    settings = plant_store(kind) | {"path": str(tmp_path / "photos")}
    (tmp_path / "photos").mkdir()
    _assert_refused(settings, "wrong_path")


@pytest.mark.parametrize("kind", ["chroma", "qdrant"])
def test_a_collection_that_is_not_there_is_said_and_none_is_made(kind: str, plant_store: Planted) -> None:
    settings = plant_store(kind)
    _assert_refused(settings | {"collection": "other"}, "wrong_path")
    _assert_refused(settings | {"collection": "other"}, "wrong_path")


@pytest.mark.parametrize("kind", IN_FILES)
def test_a_read_only_store_is_refused_before_anything_is_deleted(
    kind: str, plant_store: Planted, documents: list[Document], tmp_path: Path
) -> None:
    settings = plant_store(kind)
    spec = searching(settings, documents)
    for file in _files(settings):
        file.chmod(0o444)
    with pytest.raises(StoreError) as refused:
        erased(spec, tmp_path / "job")
    assert refused.value.code == "read_only"
    for file in _files(settings):
        file.chmod(0o644)
    with opened(spec) as store:
        assert store.describe().count == len(documents)


@pytest.mark.parametrize("kind", IN_FILES)
def test_a_store_that_another_process_has_open_is_refused(
    kind: str, plant_store: Planted, documents: list[Document], tmp_path: Path
) -> None:
    settings = plant_store(kind)
    holder = [sys.executable, "-c", HOLDS_OPEN, str(_files(settings)[0])]
    with subprocess.Popen(holder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        with pytest.raises(StoreError) as refused:
            erased(searching(settings, documents), tmp_path / "job")
        process.communicate(b"")
    assert refused.value.code == "locked"


@pytest.mark.parametrize(
    ("kind", "setting"), [("faiss", "path"), ("hnswlib", "path"), ("faiss", "documents"), ("dataset", "path")]
)
def test_a_store_of_another_version_is_refused(kind: str, setting: str, plant_store: Planted) -> None:
    settings = plant_store(kind)
    path = Path(settings[setting])
    file = path if path.is_file() else next(path.glob("*.arrow"))
    file.write_bytes(b"something of the future\n")
    _assert_refused(settings, "another_version")


def test_a_chroma_store_of_another_version_is_refused_and_not_migrated(plant_store: Planted) -> None:
    settings = plant_store("chroma")
    with sqlite3.connect(Path(settings["path"]) / "chroma.sqlite3") as database:
        database.execute("DELETE FROM migrations WHERE dir = 'sysdb' AND version > 5")
    _assert_refused(settings, "another_version")


def test_a_rebuild_that_was_killed_between_its_renames_is_finished(plant_store: Planted, documents: list[Document]) -> None:
    settings = plant_store("folder")
    path = Path(settings["path"])
    path.rename(path.with_name("folder.lethe-old"))
    with opened(searching(settings, documents)) as store:
        assert store.describe().count == len(documents)


def test_chroma_keeps_its_other_collections_and_their_settings(plant_store: Planted, documents: list[Document]) -> None:
    settings = plant_store("chroma")
    chromadb = pytest.importorskip("chromadb")
    client = chromadb.PersistentClient(settings["path"])
    other = client.create_collection("other", metadata={"owner": "us"}, embedding_function=None)
    other.add(ids=["a"], embeddings=[[1.0, 2.0]], documents=["x"])
    other.add(ids=["b"], embeddings=[[1.0, 3.0]], metadatas=[{"k": 1}])
    client.close()
    with opened(searching(settings, documents)) as store:
        store.rebuild()
    client = chromadb.PersistentClient(settings["path"])
    kept = client.get_collection("other", embedding_function=None)
    assert kept.metadata == {"owner": "us"}
    assert kept.get()["documents"] == ["x", None]
    assert client.get_collection("documents", embedding_function=None).configuration_json["hnsw"]["space"] == "cosine"
    client.close()


def test_a_rebuilt_store_has_the_rights_of_the_old_one_also_through_a_link(
    plant_store: Planted, documents: list[Document], tmp_path: Path
) -> None:
    settings = plant_store("dataset")
    folder = Path(settings["path"])
    folder.chmod(0o750)
    for file in folder.iterdir():
        file.chmod(0o640)
    (tmp_path / "link").symlink_to(folder)
    result = erased(searching(settings | {"path": str(tmp_path / "link")}, documents), tmp_path / "job")
    assert result["verdict"]["outcome"] == "passed"
    assert (tmp_path / "link").is_symlink()
    assert {stat.S_IMODE(one.stat().st_mode) for one in (folder, *folder.iterdir())} == {0o750, 0o640}


def _open(settings: dict[str, Any]) -> Any:
    return open_store(settings["kind"], {name: value for name, value in settings.items() if name != "kind"})


def _assert_refused(settings: dict[str, Any], code: str) -> None:
    with pytest.raises(StoreError) as refused:
        _open(settings)
    assert refused.value.code == code


def _files(settings: dict[str, Any]) -> list[Path]:
    path = Path(settings["path"])
    found = [one for one in path.rglob("*") if one.is_file()] if path.is_dir() else [path]
    return [file for file in found if file.name != ".lock"]


def _assert_same(left: Document, planted: Document) -> None:
    assert left.text == planted.text
    if left.vector is not None and planted.vector is not None:
        ours, theirs = (vector / np.linalg.norm(vector) for vector in (left.vector, planted.vector))
        assert np.allclose(ours, theirs, atol=1e-5)
