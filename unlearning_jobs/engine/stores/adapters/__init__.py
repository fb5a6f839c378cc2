"""The stores that Lethe can erase from, one file each, and the one table that lists them.

A new store is a file here and a line in `ADAPTERS` (CONTRIBUTING.md, "A store"). Its package is imported when a spec names
it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from unlearning_jobs.engine.stores.store import Store, StoreError


@dataclass(frozen=True)
class Adapter:
    """Where the class of a store is, what it needs, and what a spec must say of it."""

    module: str
    name: str
    package: str = ""
    """As pip calls it; empty if everything that it needs is always installed."""
    needs: tuple[str, ...] = ("path",)
    may: tuple[str, ...] = ()


SIDECAR: Final = ("path", "documents")
ADAPTERS: Final[Mapping[str, Adapter]] = {
    "folder": Adapter("folder", "FolderStore"),
    "chroma": Adapter("chroma", "ChromaStore", "chromadb", ("path", "collection")),
    "pgvector": Adapter("pgvector", "PgvectorStore", "", ("dsn", "table", "key", "text"), ("vector", "fields")),
    "qdrant": Adapter("qdrant", "QdrantStore", "qdrant-client", ("path", "collection"), ("text",)),
    "faiss": Adapter("faiss_files", "FaissStore", "faiss-cpu", SIDECAR),
    "hnswlib": Adapter("hnswlib_files", "HnswlibStore", "hnswlib", (*SIDECAR, "space", "dimensions")),
    "dataset": Adapter("arrow_folder", "ArrowFolderStore", "", ("path",), ("key", "text", "vector")),
}


def open_store(kind: str, settings: Mapping[str, Any]) -> Store:
    """Open a store. `settings` are those of its line in `ADAPTERS`.

    Raises:
        StoreError: it is not there, is none of this kind, is of another version, or its package is not installed.
    """
    adapter = ADAPTERS[kind]
    try:
        module = importlib.import_module(f"{__name__}.{adapter.module}")
    except ModuleNotFoundError as error:
        if str(error.name).startswith("unlearning_jobs"):
            raise
        message = f"Stores of the kind {kind} need {adapter.package}: pip install -r requirements-stores.txt"
        raise StoreError(message, code="not_installed") from None
    store: Store = getattr(module, adapter.name)(**settings)
    return store
