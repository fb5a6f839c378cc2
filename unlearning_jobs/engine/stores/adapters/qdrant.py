"""Qdrant in local mode: a folder, with a SQLite file for each collection. A deleted point stays in the file's free pages,
unless SQLite was built to overwrite what it deletes, as Debian builds it.

Points are kept as pickles, which nothing here loads: numbers are read from them one instruction at a time.
"""

from __future__ import annotations

import base64
import importlib.metadata
import pickle
import pickletools
import shutil
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import numpy as np
from qdrant_client import QdrantClient

from unlearning_jobs.engine.stores.adapters.rebuilt import BATCH, exchange_if_same, fresh
from unlearning_jobs.engine.stores.files import file_places, require_there, require_writable
from unlearning_jobs.engine.stores.store import Description, Document, Place, StoreError, Vector

ABOUT: Final = "meta.json"
STORAGE: Final = "storage.sqlite"


class QdrantStore:
    """One collection of a local folder of Qdrant's, with one unnamed vector for each point."""

    def __init__(self, path: str, collection: str, text: str = "text") -> None:
        self._path, self._name, self._text = require_there(Path(path)), collection, text
        self._opened: Any = None
        if not (self._path / ABOUT).is_file():
            message = f"{self._path} is no local folder of Qdrant's: it has no {ABOUT}."
            raise StoreError(message, code="wrong_path")
        if not self._client().collection_exists(self._name):
            self.close()
            message = "The store has no collection of this name; check the spec."
            raise StoreError(message, code="wrong_path")
        if not hasattr(self._about().vectors, "size"):
            self.close()
            message = "The collection has several vectors, or none, for each point; one is what can be read back."
            raise StoreError(message, code="not_supported")

    def describe(self) -> Description:
        version = importlib.metadata.version("qdrant-client")
        return Description(f"qdrant-client {version}", self._client().count(self._name).count, self._about().vectors.size)

    def documents(self) -> Iterator[Document]:
        offset = None
        while True:
            points, offset = self._client().scroll(
                self._name, limit=BATCH, offset=offset, with_payload=True, with_vectors=True
            )
            yield from self._documents(points)
            if offset is None:
                return

    def get(self, keys: Sequence[str]) -> list[Document]:
        wanted: list[int | str] = [int(key) if key.isdigit() else key for key in keys]
        points = self._client().retrieve(self._name, ids=wanted, with_payload=True, with_vectors=True) if wanted else []
        return self._documents(points)

    def nearest(self, vector: Vector, most: int) -> list[str]:
        return [str(point.id) for point in self._client().query_points(self._name, query=vector.tolist(), limit=most).points]

    def check_writable(self) -> None:
        self.close()
        require_writable(self._path)

    def delete(self, keys: Collection[str]) -> None:
        there = [int(one.key) if one.key.isdigit() else one.key for one in self.get(list(keys))]
        if there:
            self._client().delete(self._name, points_selector=there)

    def rebuild(self) -> None:
        self.close()
        new = fresh(self._path)
        shutil.copytree(self._path, new, ignore=shutil.ignore_patterns(f"{STORAGE}*", ".lock"))
        for storage in self._path.rglob(STORAGE):
            with closing(sqlite3.connect(storage)) as database:
                database.execute("VACUUM INTO ?", (str(new / storage.relative_to(self._path)),))
        exchange_if_same(self._path, self, QdrantStore(str(new), self._name, self._text))

    def places(self) -> list[Place]:
        return file_places(self._path)

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
        self._opened = None

    def _client(self) -> Any:
        if self._opened is None:
            try:
                self._opened = QdrantClient(path=str(self._path))
            except RuntimeError:
                message = "The store is open in another process. Stop it first; nothing was deleted."
                raise StoreError(message, code="locked") from None
            except Exception as error:  # noqa: BLE001  # what a file of another version makes the library raise
                message = f"The store cannot be opened; it may be of another version ({type(error).__name__})."
                raise StoreError(message, code="another_version") from None
        return self._opened

    def _about(self) -> Any:
        return self._client().get_collection(self._name).config.params

    def _documents(self, points: Sequence[Any]) -> list[Document]:
        with closing(sqlite3.connect(self._path / "collection" / self._name / STORAGE)) as database:
            return [self._document(point, database) for point in points]

    def _document(self, point: Any, database: sqlite3.Connection) -> Document:
        fields = dict(point.payload or {})
        text = str(fields.pop(self._text, ""))
        given = np.asarray(point.vector, dtype=np.float32)
        return Document(str(point.id), text, _as_written(database, given, point.id), fields)


def _as_written(database: sqlite3.Connection, given: Vector, key: int | str) -> Vector:
    """Return a vector as the file has it: what the library gives is scaled to length 1 in some spaces."""
    row = base64.b64encode(pickle.dumps(key)).decode()
    for (pickled,) in database.execute("SELECT point FROM points WHERE id = ?", (row,)):
        numbers = [argument for code, argument, _ in pickletools.genops(pickled) if code.name == "BINFLOAT"]
        vector = np.asarray(numbers[: len(given)], dtype=np.float32)
        if len(vector) == len(given) and np.allclose(_unit(vector), _unit(given), atol=1e-4):
            return vector
    return given


def _unit(vector: Vector) -> Vector:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-30), dtype=np.float32)
