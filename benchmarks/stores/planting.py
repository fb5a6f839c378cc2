"""Makes stores of every kind with the same documents in them, of which some are about one invented person each."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from unlearning_jobs.engine.stores.store import Document

DIMENSIONS: Final = 384
WORDS: Final = ("harbour", "ledger", "window", "orchard", "signal", "copper", "lantern", "meadow", "engine", "gravel")
TABLE: Final = "lethe_planted"


def planted(count: int, *, dimensions: int = DIMENSIONS, seed: int = 0) -> list[Document]:
    """Return documents with random words, numbers that occur once, and random vectors."""
    numbers, words = np.random.default_rng(seed), random.Random(seed)  # noqa: S311  # made-up texts
    return [
        Document(
            key=str(1000 + i),
            text=f"Résumé {i * 7919 + 104729}: {' '.join(words.choices(WORDS, k=24))} said “{words.getrandbits(64):x}”.",
            vector=numbers.normal(size=dimensions).astype(np.float32),
            fields={"topic": words.choice(WORDS)},
        )
        for i in range(count)
    ]


def plant(kind: str, folder: Path, documents: Sequence[Document]) -> dict[str, Any]:
    """Make a store of this kind with the documents, and return what a spec says of it.

    Raises:
        ImportError: the package of the store is not installed.
    """
    return {"kind": kind, **MAKERS[kind](folder, documents)}


def _folder(folder: Path, documents: Sequence[Document]) -> dict[str, Any]:
    for document in documents:
        file = folder / "folder" / document.key
        file.parent.mkdir(exist_ok=True)
        file.write_text(document.text, encoding="utf-8")
    return {"path": str(folder / "folder")}


def _chroma(folder: Path, documents: Sequence[Document]) -> dict[str, Any]:
    os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
    import chromadb

    client: Any = chromadb.PersistentClient(str(folder / "chroma"))
    collection = client.create_collection("documents", metadata={"hnsw:space": "cosine"}, embedding_function=None)
    for batch in _batches(documents):
        collection.add(
            ids=[one.key for one in batch],
            documents=[one.text for one in batch],
            embeddings=[_vector(one) for one in batch],
            metadatas=[dict(one.fields) for one in batch],
        )
    client.close()
    return {"path": str(folder / "chroma"), "collection": "documents"}


def _qdrant(folder: Path, documents: Sequence[Document]) -> dict[str, Any]:
    from qdrant_client import QdrantClient, models

    client = QdrantClient(path=str(folder / "qdrant"))
    size = len(_vector(documents[0]))
    client.create_collection("documents", vectors_config=models.VectorParams(size=size, distance=models.Distance.COSINE))
    for batch in _batches(documents):
        points = [
            models.PointStruct(id=int(one.key), vector=_vector(one).tolist(), payload={"text": one.text, **one.fields})
            for one in batch
        ]
        client.upsert("documents", points=points)
    client.close()
    return {"path": str(folder / "qdrant"), "collection": "documents"}


def _pgvector(_folder: Path, documents: Sequence[Document]) -> dict[str, Any]:
    import psycopg2

    dsn = os.environ["DATABASE_URL"]
    connection = psycopg2.connect(dsn)
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS vector")
        cursor.execute(f"DROP TABLE IF EXISTS {TABLE}")
        size = len(_vector(documents[0]))
        cursor.execute(
            f"CREATE TABLE {TABLE} (id text PRIMARY KEY, body text, embedding vector({size}), topic text, source text)"
        )
        for one in documents:
            row = (one.key, one.text, str(_vector(one).tolist()), one.fields.get("topic"), one.fields.get("source"))
            cursor.execute(f"INSERT INTO {TABLE} VALUES (%s, %s, %s, %s, %s)", row)  # noqa: S608  # a name of ours
        cursor.execute(f"CREATE INDEX ON {TABLE} USING hnsw (embedding vector_l2_ops)")
        cursor.execute(f"ANALYZE {TABLE}")
    connection.close()
    columns = {"key": "id", "text": "body", "vector": "embedding", "fields": ["topic", "source"]}
    return {"dsn": dsn, "table": TABLE, **columns}


def _faiss(folder: Path, documents: Sequence[Document]) -> dict[str, Any]:
    import faiss

    index = faiss.IndexHNSWFlat(len(_vector(documents[0])), 16)
    index.add(np.stack([_vector(one) for one in documents]))
    faiss.write_index(index, str(folder / "index.faiss"))
    return {"path": str(folder / "index.faiss"), "documents": str(sidecar(folder / "faiss.jsonl", documents))}


def _hnswlib(folder: Path, documents: Sequence[Document]) -> dict[str, Any]:
    import hnswlib

    size = len(_vector(documents[0]))
    index = hnswlib.Index(space="cosine", dim=size)
    index.init_index(max_elements=len(documents), ef_construction=100, M=16)
    index.add_items(np.stack([_vector(one) for one in documents]), np.arange(len(documents)))
    index.save_index(str(folder / "index.hnsw"))
    beside = sidecar(folder / "hnswlib.jsonl", documents)
    return {"path": str(folder / "index.hnsw"), "documents": str(beside), "space": "cosine", "dimensions": size}


def _dataset(folder: Path, documents: Sequence[Document]) -> dict[str, Any]:
    import datasets

    rows = [{"id": one.key, "text": one.text, "vector": _vector(one).tolist(), **one.fields} for one in documents]
    datasets.Dataset.from_list(rows).save_to_disk(str(folder / "dataset"))
    return {"path": str(folder / "dataset"), "vector": "vector"}


def sidecar(file: Path, documents: Iterable[Document]) -> Path:
    """Write the file of documents that stands beside an index of vectors."""
    with file.open("w", encoding="utf-8") as out:
        for label, one in enumerate(documents):
            line = {"label": label, "key": one.key, "text": one.text, "fields": dict(one.fields)}
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
    return file


def _vector(document: Document) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    if document.vector is None:
        raise ValueError
    return document.vector


def _batches(documents: Sequence[Document]) -> Iterable[Sequence[Document]]:
    return (documents[start : start + 500] for start in range(0, len(documents), 500))


MAKERS: Final[Mapping[str, Callable[[Path, Sequence[Document]], dict[str, Any]]]] = {
    "folder": _folder,
    "chroma": _chroma,
    "pgvector": _pgvector,
    "qdrant": _qdrant,
    "faiss": _faiss,
    "hnswlib": _hnswlib,
    "dataset": _dataset,
}
