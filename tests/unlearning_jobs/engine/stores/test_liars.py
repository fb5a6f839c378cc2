"""Stores that say that something is gone which is not, or lose something else: each is caught."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from unlearning_jobs.engine.stores import erasure, spec_from
from unlearning_jobs.engine.stores.adapters.folder import FolderStore
from unlearning_jobs.engine.stores.store import Document, Place, StoreError, Vector

from .conftest import SOUGHT, Planted, erased, searching


class Hides(FolderStore):
    """Answers as if documents were gone, and leaves their files where they are."""

    hidden: set[str] = set()

    def documents(self) -> Iterator[Document]:
        return (document for document in super().documents() if document.key not in self.hidden)

    def get(self, keys: Sequence[str]) -> list[Document]:
        return [document for document in super().get(keys) if document.key not in self.hidden]

    def delete(self, keys: Collection[str]) -> None:
        self.hidden.update(keys)


class StillKnowsKeys(Hides):
    """Hides documents from its lists, removes their files, and gives them out by key from a cache."""

    cache: dict[str, Document] = {}

    def get(self, keys: Sequence[str]) -> list[Document]:
        return [self.cache[key] for key in keys if key in self.cache]

    def delete(self, keys: Collection[str]) -> None:
        self.cache.update({document.key: document for document in FolderStore.get(self, list(keys))})
        FolderStore.delete(self, keys)


class StillNear(FolderStore):
    """Removes documents, and still returns one for its vector."""

    def documents(self) -> Iterator[Document]:
        return (replace(one, vector=_vector(one.key)) for one in super().documents())

    def describe(self) -> Any:
        return replace(super().describe(), dimensions=8, searches=True)

    def nearest(self, vector: Vector, most: int) -> list[str]:
        return ["1000"][:most] if len(vector) else []


class LosesAnother(FolderStore):
    """Deletes a document too many."""

    def delete(self, keys: Collection[str]) -> None:
        super().delete([*keys, "1050"])


class Renames(FolderStore):
    """Keeps what it should delete under another key."""

    def delete(self, keys: Collection[str]) -> None:
        for key in keys:
            (self._path / key).rename(self._path / f"{key}-gone")


class ReadsNothing(FolderStore):
    """Has a log that nobody may read."""

    def places(self) -> list[Place]:
        return [*super().places(), Place("log", "log", self._refuse)]

    def _refuse(self) -> Iterator[bytes]:
        message = "It may not be read."
        raise StoreError(message)


class HasNoPlaces(FolderStore):
    """Names no place where bytes could be."""

    def places(self) -> list[Place]:
        return []


def _vector(key: str) -> Vector:
    import numpy as np

    return np.random.default_rng(int(key)).normal(size=8).astype(np.float32)


@pytest.fixture
def job_in(plant_store: Planted, documents: list[Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    settings = plant_store("folder")

    def run(kind: type[FolderStore]) -> dict[str, Any]:
        monkeypatch.setattr(erasure, "open_store", lambda _kind, given: kind(**given))
        return erased(searching(settings, documents), tmp_path / "job")

    return run


def test_a_store_that_only_hides_what_it_should_delete_fails_by_its_bytes(job_in: Any) -> None:
    Hides.hidden = set()
    verdict = job_in(Hides)["verdict"]
    assert verdict["outcome"] == "failed"
    assert verdict["sentences"][0].startswith(f"residue in {SOUGHT} of ")


def test_a_store_that_still_gives_out_documents_by_key_fails(job_in: Any) -> None:
    StillKnowsKeys.hidden, StillKnowsKeys.cache = set(), {}
    verdict = job_in(StillKnowsKeys)["verdict"]
    assert verdict["outcome"] == "failed"
    assert f"{SOUGHT} deleted documents are still found by their keys" in verdict["sentences"]


def test_a_store_that_still_returns_a_document_for_its_vector_fails(job_in: Any) -> None:
    verdict = job_in(StillNear)["verdict"]
    assert verdict["outcome"] == "failed"
    assert "1 deleted documents are still found by their vectors" in verdict["sentences"]


def test_a_store_that_loses_another_document_fails(job_in: Any) -> None:
    result = job_in(LosesAnother)
    assert result["verdict"]["outcome"] == "failed"
    assert "what was to stay is not as it was" in result["verdict"]["sentences"]
    assert result["rest_before"] != result["rest_after"]


def test_a_store_that_keeps_documents_under_another_key_fails(job_in: Any) -> None:
    verdict = job_in(Renames)["verdict"]
    assert verdict["outcome"] == "failed"
    assert f"{SOUGHT} deleted documents are still found by the search that had found them" in verdict["sentences"]


def test_a_place_that_cannot_be_read_makes_the_outcome_inconclusive(job_in: Any) -> None:
    result = job_in(ReadsNothing)
    assert result["verdict"]["outcome"] == "inconclusive"
    assert "log could not be read" in result["verdict"]["sentences"]
    assert result["guarantee"] == "none"


def test_a_store_that_names_no_place_has_not_passed(job_in: Any) -> None:
    assert job_in(HasNoPlaces)["verdict"]["outcome"] == "inconclusive"


def test_a_text_that_also_stands_in_a_document_that_stays_has_not_passed(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    for name in ("erased-document", "erased-document-kept", "third", "fourth"):
        (tmp_path / "store" / name).write_text("hello", encoding="utf-8")
    spec = spec_from({"store": {"kind": "folder", "path": str(tmp_path / "store")}, "find": {"keys": ["erased-document"]}})
    verdict = erased(spec, tmp_path / "job")["verdict"]
    assert verdict["outcome"] == "inconclusive"
    assert "of 1 documents, nothing can be told from documents that stay" in verdict["sentences"]
