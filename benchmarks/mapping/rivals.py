"""The same phrases and passages in tantivy alone, and in PostgreSQL by full text and by trigrams."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import numpy as np
import psycopg2
import tantivy
from psycopg2.extensions import cursor as PsycopgCursor  # noqa: N812  # a class with a small name
from psycopg2.extras import execute_values

from unlearning_jobs.engine.corpora import Snapshot

from .corpus import Planted
from .ours import PHRASE

TOP: Final = 20
FULL_TEXT: Final = ("to_tsvector('simple', body)", "to_tsvector('simple', body) @@ phraseto_tsquery('simple', %s)")
TRIGRAMS: Final = ("body gin_trgm_ops", "body ILIKE '%%' || %s || '%%'")
"""What is indexed, and how it is asked for a phrase."""
Lookup = Callable[[str], Iterable[int]]


def timed(planted: Planted, ask: Lookup, count: int, *, points: bool = False) -> dict[str, float]:
    """Ask for phrases of ten words, with or without full stops; return median, 99th percentile and recall."""
    spent, hits = [], []
    for number, passage in enumerate(planted.passages[:count]):
        phrase = " ".join((passage if points else passage.replace(".", "")).split()[PHRASE])
        begun = time.perf_counter()
        found = set(ask(phrase))
        spent.append(1000 * (time.perf_counter() - begun))
        hits.append(planted.places[f"passage {number}"]["verbatim"] in found)
    return {"p50 ms": float(np.median(spent)), "p99 ms": float(np.quantile(spent, 0.99)), "recall": float(np.mean(hits))}


def edits(planted: Planted, ask: Lookup, count: int) -> dict[str, float]:
    """Ask for whole passages; return recall by kind of edit."""
    hits: dict[str, list[bool]] = {}
    for number, passage in enumerate(planted.passages[:count]):
        found = set(ask(passage.replace(".", "").lower()))
        for edit, place in planted.places[f"passage {number}"].items():
            hits.setdefault(edit, []).append(place in found)
    return {edit: float(np.mean(values)) for edit, values in hits.items()}


def tantivy_alone(snapshot: Snapshot, planted: Planted, folder: Path, size: float) -> dict[str, float]:
    """Phrases by positions; passages as the twenty best by BM25 of any of their words."""
    folder.mkdir(parents=True, exist_ok=True)
    fields = tantivy.SchemaBuilder()
    fields.add_text_field("text")
    fields.add_unsigned_field("position", fast=True)
    index = tantivy.Index(fields.build(), path=str(folder))
    begun = time.process_time()
    writer = index.writer(128 << 20, 1)
    for position, example in enumerate(snapshot.examples()):
        document = tantivy.Document()
        document.add_text("text", example.text)
        document.add_unsigned("position", position)
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()
    measured = {"build MB/s": size / (time.process_time() - begun) / 1e6}
    measured["index share"] = sum(f.stat().st_size for f in folder.iterdir()) / size
    index.reload()
    searcher, schema = index.searcher(), index.schema

    def positions(query: tantivy.Query, limit: int) -> list[int]:
        hits = [address for _score, address in searcher.search(query, limit).hits]
        return [int(p or 0) for p in searcher.fast_field_values("position", hits)] if hits else []

    def best(passage: str) -> list[int]:
        asked = [(tantivy.Occur.Should, tantivy.Query.term_query(schema, "text", w)) for w in sorted(set(passage.split()))]
        return positions(tantivy.Query.boolean_query(asked), TOP)

    measured |= timed(
        planted, lambda p: positions(tantivy.Query.phrase_query(schema, "text", list(p.lower().split())), 100), 300
    )
    return measured | edits(planted, best, 100)


def postgres(snapshot: Snapshot, planted: Planted, url: str, size: float) -> dict[str, float]:
    """Full text with phrases; and trigrams, where the database has their extension."""
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS documents")
        cursor.execute("CREATE TABLE documents (position integer, body text)")
        rows = ((i, example.text.replace("\0", " ")) for i, example in enumerate(snapshot.examples()))
        execute_values(cursor, "INSERT INTO documents VALUES %s", rows, page_size=5000)
        measured = _relational(cursor, planted, size, FULL_TEXT)
        cursor.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'")
        if cursor.fetchone():
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            measured |= {f"trigrams: {name}": value for name, value in _relational(cursor, planted, size, TRIGRAMS).items()}
        return measured


def _relational(cursor: PsycopgCursor, planted: Planted, size: float, way: tuple[str, str]) -> dict[str, float]:
    """Build an index over the texts, and ask for phrases by it."""
    indexed, condition = way
    begun = time.perf_counter()
    cursor.execute(f"CREATE INDEX bodies ON documents USING gin ({indexed})")
    measured = {"build MB/s": size / (time.perf_counter() - begun) / 1e6}
    cursor.execute("ANALYZE documents")
    cursor.execute("SELECT pg_relation_size('bodies')")
    row = cursor.fetchone()
    measured["index share"] = float(row[0] if row else 0) / size

    def ask(phrase: str) -> list[int]:
        cursor.execute(f"SELECT position FROM documents WHERE {condition}", (phrase,))  # noqa: S608  # a constant of ours
        return [found[0] for found in cursor.fetchall()]

    measured |= timed(planted, ask, len(planted.passages), points=way is TRIGRAMS)
    cursor.execute("DROP INDEX bodies")
    return measured
