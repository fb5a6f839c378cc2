"""Chroma, kept in a folder (`PersistentClient`).

Its delete takes a document out of the queries, and leaves text and vector in the file: in SQLite's free pages, in the queue
of writes (`embeddings_queue`), and in the HNSW index, where it is only marked (chroma-core/chroma#7662). Vacuuming leaves
the index as it was. So everything that stays is written into a new folder.

The index's file has room for more than it holds, and Chroma writes into that room whatever the memory held before: perhaps a
text that was just deleted. So the new folder is written by a process of its own, in which memory is overwritten whenever it
is taken or given back (`MALLOC_PERTURB_` of the GNU C library).
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")

import chromadb
import numpy as np
from chromadb.errors import ChromaError, NotFoundError

from unlearning_jobs.engine.stores.adapters.rebuilt import BATCH, exchange_if_same, fresh
from unlearning_jobs.engine.stores.files import file_places, require_there, require_writable
from unlearning_jobs.engine.stores.store import Description, Document, Place, StoreError, Vector

DATABASE: Final = "chroma.sqlite3"
INCLUDED: Final[Any] = ["documents", "embeddings", "metadatas"]
VERSIONS: Final = "SELECT dir, max(version) FROM migrations GROUP BY dir"
PROJECT: Final = Path(__file__).parents[4]
OF_A_COLLECTION: Final = "SELECT name, config_json_str, schema_str FROM collections"


class ChromaStore:
    """One collection of a folder of Chroma's."""

    def __init__(self, path: str, collection: str) -> None:
        self._path, self._name = require_there(Path(path)), collection
        self._opened: Any = None
        _require_this_version(self._path / DATABASE)
        self._collection()

    def describe(self) -> Description:
        found = self._collection().get(limit=1, include=["embeddings"])["embeddings"]
        return Description(f"chroma {chromadb.__version__}", self._collection().count(), len(found[0]) if len(found) else 0)

    def documents(self) -> Iterator[Document]:
        yield from _pages(self._collection())

    def get(self, keys: Sequence[str]) -> list[Document]:
        return _documents(self._collection().get(ids=list(keys), include=INCLUDED)) if keys else []

    def nearest(self, vector: Vector, most: int) -> list[str]:
        most = min(most, self._collection().count())
        return list(self._collection().query(query_embeddings=[vector], n_results=most)["ids"][0]) if most else []

    def check_writable(self) -> None:
        self.close()
        require_writable(self._path)
        try:
            with closing(sqlite3.connect(self._path / DATABASE, timeout=1)) as database:
                database.execute("BEGIN IMMEDIATE")
                database.execute("ROLLBACK")
        except sqlite3.OperationalError:
            message = "Another process is writing to the store. Stop it first; nothing was deleted."
            raise StoreError(message, code="locked") from None

    def delete(self, keys: Collection[str]) -> None:
        if there := [document.key for document in self.get(list(keys))]:
            self._collection().delete(ids=there)

    def rebuild(self) -> None:
        new = fresh(self._path)
        client = self._client()
        if len(client.list_collections()) != len(_settings(self._path)):
            message = "The folder has collections of other tenants or databases, which would be lost. Nothing was rebuilt."
            raise StoreError(message, code="other_tenants")
        self.close()
        _copy_in_clean_memory(self._path, new)
        _take_over_settings(self._path, new)
        exchange_if_same(self._path, self, ChromaStore(str(new), self._name))

    def places(self) -> list[Place]:
        return file_places(self._path)

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
        self._opened = None

    def _client(self) -> Any:
        if self._opened is None:
            self._opened = chromadb.PersistentClient(str(self._path))
        return self._opened

    def _collection(self) -> Any:
        try:
            return self._client().get_collection(self._name, embedding_function=None)
        except NotFoundError:
            self.close()
            message = "The store has no collection of this name; check the spec."
            raise StoreError(message, code="wrong_path") from None
        except ChromaError as error:
            self.close()
            message = f"The store cannot be opened ({type(error).__name__})."
            raise StoreError(message) from None


def _pages(collection: Any) -> Iterator[Document]:
    for offset in range(0, collection.count(), BATCH):
        yield from _documents(collection.get(limit=BATCH, offset=offset, include=INCLUDED))


def _documents(found: Any) -> list[Document]:
    rows = zip(found["ids"], found["documents"], found["embeddings"], found["metadatas"], strict=True)
    return [
        Document(key, text or "", np.asarray(vector, dtype=np.float32), fields or {}) for key, text, vector, fields in rows
    ]


def _copy_in_clean_memory(old: Path, new: Path) -> None:
    """Copy every collection into a new folder, in a process whose memory never gives away what it held.

    Raises:
        StoreError: that process failed.
    """
    command = [sys.executable, "-m", __name__, str(old.resolve()), str(new.resolve())]
    done = subprocess.run(  # noqa: S603  # our own module, and folders that were opened before
        command, env={**os.environ, "MALLOC_PERTURB_": "165"}, cwd=PROJECT, capture_output=True, check=False
    )
    if done.returncode:
        message = f"The store could not be written anew (exit status {done.returncode}). The old one is as it was."
        raise StoreError(message)


def copy_all(old: Path, new: Path) -> None:
    """Copy every collection of a folder of Chroma's into a new one."""
    client, copy = (chromadb.PersistentClient(str(path)) for path in (old, new))
    for collection in client.list_collections():
        _copy(client.get_collection(collection.name, embedding_function=None), copy)
    for opened in (client, copy):
        opened.close()  # type: ignore[attr-defined]  # its type does not tell


def _copy(collection: Any, copy: Any) -> None:
    hnsw = (collection.configuration_json or {}).get("hnsw")
    new = copy.create_collection(
        collection.name,
        metadata=collection.metadata,
        configuration={"hnsw": hnsw} if hnsw else None,
        embedding_function=None,
    )
    for offset in range(0, collection.count(), BATCH):
        found = collection.get(limit=BATCH, offset=offset, include=INCLUDED)
        texts = found["documents"] if any(text is not None for text in found["documents"]) else None
        fields = found["metadatas"] if all(found["metadatas"]) else None
        if fields is None and any(found["metadatas"]):
            _add_singly(new, found)
        else:
            new.add(ids=found["ids"], embeddings=found["embeddings"], documents=texts, metadatas=fields)


def _add_singly(new: Any, found: Any) -> None:
    """Add documents of which some have no fields, which Chroma does not take among others."""
    for key, text, vector, fields in zip(*(found[name] for name in ("ids", *INCLUDED)), strict=True):
        new.add(
            ids=[key],
            embeddings=[vector],
            documents=None if text is None else [text],
            metadatas=[fields] if fields else None,
        )


def _settings(path: Path) -> list[tuple[str, str | None, str | None]]:
    with closing(sqlite3.connect(path / DATABASE)) as database:
        return list(database.execute(OF_A_COLLECTION))


def _take_over_settings(old: Path, new: Path) -> None:
    """Set what cannot be given to `create_collection`, such as which embedding function belongs to a collection."""
    with closing(sqlite3.connect(new / DATABASE)) as database, database:
        for name, config, schema in _settings(old):
            database.execute(
                "UPDATE collections SET config_json_str = ?, schema_str = ? WHERE name = ?", (config, schema, name)
            )


def _require_this_version(database: Path) -> None:
    """Check the version before Chroma opens the store: it would migrate an older one on the spot."""
    if not database.is_file():
        message = f"{database.parent} is no folder of Chroma's: it has no {DATABASE}."
        raise StoreError(message, code="wrong_path")
    with tempfile.TemporaryDirectory() as scratch:
        client: Any = chromadb.PersistentClient(scratch)
        client.close()
        if _versions(database) != _versions(Path(scratch) / DATABASE):
            message = f"The store is of another version than the installed chroma {chromadb.__version__}."
            raise StoreError(message, code="another_version")


def _versions(database: Path) -> list[tuple[str, int]]:
    try:
        with closing(sqlite3.connect(database)) as opened:
            return sorted(opened.execute(VERSIONS))
    except sqlite3.DatabaseError:
        return []


if __name__ == "__main__":
    copy_all(*map(Path, sys.argv[1:]))
