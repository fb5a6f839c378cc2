"""Chroma, kept in a folder (`PersistentClient`).

Its delete takes a document out of the queries, and leaves text and vector in the file: in SQLite's free pages, in the queue
of writes (`embeddings_queue`), and in the HNSW index, where it is only marked (chroma-core/chroma#7662). Vacuuming leaves
the index as it was. So everything that stays is written into a new folder.

The index's file has room for more than it holds, and Chroma writes into that room whatever the memory held before: perhaps a
text that was just deleted, or a vector of the old index. So a process of its own writes the new folder, which is told what
stays and never opens the old one.
"""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
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
SPAWNED: Final = multiprocessing.get_context("spawn")
"""A process that begins with none of our memory."""
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
        _write_elsewhere(client, new)
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


def _write_elsewhere(client: Any, new: Path) -> None:
    """Have another process write every collection into a new folder, as far as it is told what they hold.

    Raises:
        StoreError: that process failed.
    """
    ours, theirs = SPAWNED.Pipe()
    writer = SPAWNED.Process(target=write_all, args=(str(new), theirs), daemon=True)
    writer.start()
    theirs.close()
    try:
        for collection in client.list_collections():
            for said in _told(client.get_collection(collection.name, embedding_function=None)):
                ours.send(said)
        ours.send(None)
    except BrokenPipeError:
        pass  # the status of its end says that it failed
    ours.close()
    writer.join()
    if writer.exitcode:
        message = f"The store could not be written anew (exit status {writer.exitcode}). The old one is as it was."
        raise StoreError(message)


def _told(collection: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what the writing process does for a collection: the method of Chroma's, and what it is called with."""
    hnsw = (collection.configuration_json or {}).get("hnsw")
    about = {"name": collection.name, "metadata": collection.metadata, "configuration": {"hnsw": hnsw} if hnsw else None}
    yield "create_collection", about
    for offset in range(0, collection.count(), BATCH):
        found = collection.get(limit=BATCH, offset=offset, include=INCLUDED)
        texts = found["documents"] if any(text is not None for text in found["documents"]) else None
        fields = found["metadatas"] if all(found["metadatas"]) else None
        if fields is None and any(found["metadatas"]):
            yield from _singly(found)
        else:
            yield "add", {"ids": found["ids"], "embeddings": found["embeddings"], "documents": texts, "metadatas": fields}


def _singly(found: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield documents of which some have no fields, which Chroma does not take among others."""
    for key, text, vector, fields in zip(*(found[name] for name in ("ids", *INCLUDED)), strict=True):
        texts = None if text is None else [text]
        yield "add", {"ids": [key], "embeddings": [vector], "documents": texts, "metadatas": [fields] if fields else None}


def write_all(new: str, told: Any) -> None:
    """Write a new folder, in a process of its own: do what is told until nothing more comes."""
    client: Any = chromadb.PersistentClient(new)
    collection: Any = None
    while (said := told.recv()) is not None:
        act, given = said
        if act == "create_collection":
            collection = client.create_collection(**given, embedding_function=None)
        else:
            collection.add(**given)
    client.close()


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
