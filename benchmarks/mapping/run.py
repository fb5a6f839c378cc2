"""Measures the search of training data: speed, sizes, and what is found of copies that were edited.

    make bench-mapping [DOCUMENTS=100000]

Beside it stand tantivy alone, a winnowing prototype and PostgreSQL: that of BENCH_DATABASE_URL, or the local one, which has
no extension for trigrams. What was measured is kept under var/bench/mapping/<documents>; a second run goes on with what is
missing.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from compliance.local.services import database_start
from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.matching.index import SnapshotIndex

from . import ours, rivals, winnowing
from .corpus import Planted, write_corpus

VAR: Final = Path(__file__).resolve().parents[2] / "var" / "bench" / "mapping"
DOCUMENTS: Final = 100_000


def run(_data: Path | None = None) -> None:
    """Print the tables."""
    documents = int(os.environ.get("DOCUMENTS", str(DOCUMENTS)))
    bench = _Bench(VAR / str(documents), documents)
    for name, measured in bench.measure():
        print(f"\n### {name}\n")
        for what, value in measured.items():
            print(f"| {what} | {value:.3f} |", flush=True)


class _Bench:
    def __init__(self, folder: Path, documents: int) -> None:
        self.folder, self._documents = folder, documents
        folder.mkdir(parents=True, exist_ok=True)

    def measure(self) -> list[tuple[str, dict[str, float]]]:
        """Return what was measured, by the engine that was measured."""
        planted, snapshot, corpus = self._corpus()
        size = corpus["bytes"]
        built = self._kept("build", lambda: ours.build(snapshot, self.folder / "index", size))
        index = SnapshotIndex.open(self.folder / "index", snapshot, verify=False)
        tables = [("corpus", corpus), ("index", built)]
        tables.append(("phrases of ten words", self._kept("phrases", lambda: _latencies(snapshot, index, planted))))
        tables.append(("recall", self._kept("recall", lambda: ours.recalls(snapshot, index, planted))))
        tables.append(("sweep", self._kept("sweep", lambda: ours.sweep(snapshot, planted, size))))
        tables.append(
            ("tantivy alone", self._kept("tantivy", lambda: rivals.tantivy_alone(snapshot, planted, self._fresh(), size)))
        )
        tables.append(("winnowing prototype", self._kept("winnowing", lambda: winnowing.winnowing(snapshot, planted, size))))
        relational = self._kept("postgres", lambda: rivals.postgres(snapshot, planted, self._database(), size))
        return [*tables, ("PostgreSQL", relational)]

    def _database(self) -> str:
        return os.environ.get("BENCH_DATABASE_URL") or database_start(self.folder / "postgres", name="bench_mapping")

    def _corpus(self) -> tuple[Planted, Snapshot, dict[str, float]]:
        rows = self.folder / "corpus.jsonl"
        planted = self._kept("planted", lambda: asdict(write_corpus(rows, self._documents)))
        folder = self.folder / "snapshot"
        measured = self._kept("registration", lambda: self._register(rows, folder))
        return Planted(**planted), Snapshot.open(folder), measured

    def _register(self, rows: Path, folder: Path) -> dict[str, float]:
        shutil.rmtree(folder, ignore_errors=True)
        begun = time.process_time()
        snapshot_create([rows], folder)
        spent = time.process_time() - begun
        size = sum(len(example.text.encode()) for example in Snapshot.open(folder).examples())
        return {"documents": self._documents, "bytes": size, "registration without index MB/s": size / spent / 1e6}

    def _fresh(self) -> Path:
        folder = self.folder / "tantivy"
        shutil.rmtree(folder, ignore_errors=True)
        return folder

    def _kept(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what an earlier run measured, or measure it."""
        path = self.folder / f"{name}.json"
        if not path.exists():
            content = json.dumps(make(), ensure_ascii=False)
            path.write_text(content, encoding="utf-8")
        return json.loads(path.read_text(encoding="utf-8"))


def _latencies(snapshot: Snapshot, index: SnapshotIndex, planted: Planted) -> dict[str, float]:
    """Ask one query after the other: phrases, whole passages, names and addresses."""
    queries = ours.queries_of(planted)
    measured: dict[str, float] = {}
    kinds = {
        "phrase": ours.phrases(planted),
        "passage": [q for q in queries if q.id.startswith("passage")],
        "name": [q for q in queries if q.kind == "name"],
        "address": [q for q in queries if q.kind == "identifier"],
    }
    for kind, asked in kinds.items():
        ours.latencies(snapshot, index, asked[:20])  # the first ones fill the caches
        median, slowest, found = ours.latencies(snapshot, index, asked)
        measured |= {f"{kind}: p50 ms": median, f"{kind}: p99 ms": slowest, f"{kind}: examples found": found}
    return measured
