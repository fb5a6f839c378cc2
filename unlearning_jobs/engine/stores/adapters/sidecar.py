"""Indexes of vectors in a file, with a file of documents beside them: what FAISS and hnswlib have in common.

The documents are JSON lines with `label` (the number under which the index knows a vector), `key`, `text` and `fields`. A
vector without a line is that of a deleted document, and goes when the index is rebuilt.
"""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from unlearning_jobs.engine.stores.adapters.rebuilt import BATCH, require_same
from unlearning_jobs.engine.stores.files import (
    NEW,
    OLD,
    beside,
    file_places,
    remove_left_over,
    require_there,
    require_writable,
    shred,
    take_over_rights,
)
from unlearning_jobs.engine.stores.store import Description, Document, Place, StoreError, Vector

READY: Final = ".lethe-ready"
"""Ends the name of a file that says: both new files are whole, and are to take the places of the old ones."""
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Line:
    label: int
    document: Document


class SidecarStore(ABC):
    """An index file and its documents. A subclass knows the library."""

    engine: ClassVar[str]
    keeps_labels: bool = True

    def __init__(self, path: str, documents: str) -> None:
        self._path, self._documents = Path(path).resolve(), Path(documents).resolve()
        if beside(self._path, READY).exists():
            self._exchange()
        for file in (self._path, self._documents):
            require_there(file)
        self._loaded: Any = None
        self._lines: list[Line] | None = None
        self._index()
        self._all()

    @abstractmethod
    def _read(self) -> Any:
        """Return the index; raise StoreError with `unreadable` if the library cannot read it."""

    @abstractmethod
    def _vectors(self, labels: Labels) -> Vector:
        """Return the vectors of labels, in their order."""

    @abstractmethod
    def _search(self, vector: Vector, most: int) -> list[int]:
        """Return labels of the nearest vectors."""

    @abstractmethod
    def _write(self, path: Path, vectors: Vector, labels: Labels) -> None:
        """Write an index of the same kind with these vectors alone."""

    @abstractmethod
    def _dimensions(self) -> int: ...

    @abstractmethod
    def _beside(self, path: Path, documents: Path) -> Self:
        """Return a store of the same kind at other files."""

    def describe(self) -> Description:
        return Description(self.engine, len(self._all()), self._dimensions())

    def documents(self) -> Iterator[Document]:
        lines = self._all()
        for start in range(0, len(lines), BATCH):
            yield from self._with_vectors(lines[start : start + BATCH])

    def get(self, keys: Sequence[str]) -> list[Document]:
        wanted = set(keys)
        return self._with_vectors([line for line in self._all() if line.document.key in wanted])

    def nearest(self, vector: Vector, most: int) -> list[str]:
        by_label = {line.label: line.document.key for line in self._all()}
        return [by_label[label] for label in self._search(vector, most) if label in by_label]

    def check_writable(self) -> None:
        for file in (self._path, self._documents):
            require_writable(file)

    def delete(self, keys: Collection[str]) -> None:
        """Take documents out of the file of documents; their vectors no longer belong to anything."""
        gone = set(keys)
        left = [line for line in self._all() if line.document.key not in gone]
        new, old = beside(self._documents, NEW), beside(self._documents, OLD)
        _write_lines(new, left)
        take_over_rights(self._documents, new)
        self._documents.rename(old)
        new.rename(self._documents)
        shred(old)
        self.close()

    def rebuild(self) -> None:
        for file in (self._path, self._documents):
            remove_left_over(file)
        lines = self._all()
        labels = np.array([line.label for line in lines], dtype=np.int64)
        own = labels if self.keeps_labels else np.arange(len(lines), dtype=np.int64)
        vectors = self._vectors(labels) if len(lines) else np.empty((0, self._dimensions()), dtype=np.float32)
        self._write(beside(self._path, NEW), vectors, own)
        pairs = zip(own.tolist(), lines, strict=True)
        _write_lines(beside(self._documents, NEW), [Line(label, line.document) for label, line in pairs])
        new = self._beside(beside(self._path, NEW), beside(self._documents, NEW))
        require_same(self, new, [self._path, self._documents])
        beside(self._path, READY).touch()
        self._exchange()

    def places(self) -> list[Place]:
        return [*file_places(self._path), *file_places(self._documents)]

    def close(self) -> None:
        self._loaded = self._lines = None

    def unreadable(self) -> StoreError:
        message = f"The index is none that the installed {self.engine} reads: damaged, or of another version."
        return StoreError(message, code="another_version")

    def _exchange(self) -> None:
        """Put both new files in place; after a crash, those that are not there yet."""
        for file in (self._path, self._documents):
            new, old = beside(file, NEW), beside(file, OLD)
            if new.exists():
                if file.exists():
                    take_over_rights(file, new)
                    file.rename(old)
                new.rename(file)
            shred(old)
        beside(self._path, READY).unlink()

    def _index(self) -> Any:
        if self._loaded is None:
            self._loaded = self._read()
        return self._loaded

    def _all(self) -> list[Line]:
        if self._lines is None:
            self._lines = list(_read_lines(self._documents))
        return self._lines

    def _with_vectors(self, lines: Sequence[Line]) -> list[Document]:
        if not lines:
            return []
        vectors = self._vectors(np.array([line.label for line in lines], dtype=np.int64))
        of = [line.document for line in lines]
        return [Document(one.key, one.text, vector, one.fields) for one, vector in zip(of, vectors, strict=True)]


def _read_lines(file: Path) -> Iterator[Line]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                stored = json.loads(line)
                yield Line(int(stored["label"]), Document(stored["key"], stored["text"], None, stored.get("fields") or {}))
            except (ValueError, KeyError, TypeError):
                message = f"Line {number} of the file of documents is no document; see docs/stores.md."
                raise StoreError(message, code="another_version") from None


def _write_lines(file: Path, lines: Sequence[Line]) -> None:
    with file.open("w", encoding="utf-8") as out:
        for line in lines:
            one = line.document
            stored = {"label": line.label, "key": one.key, "text": one.text, "fields": dict(one.fields)}
            out.write(json.dumps(stored, ensure_ascii=False) + "\n")
        out.flush()
        os.fsync(out.fileno())
