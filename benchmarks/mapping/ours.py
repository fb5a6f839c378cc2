"""Lethe's own search: building the index, asking it, and the sweep."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.matching import Query, find_matches
from unlearning_jobs.engine.matching.index import SnapshotIndex, index_build
from unlearning_jobs.engine.matching.match import TextSearch
from unlearning_jobs.engine.matching.sweep import Sweep

from .corpus import SCRIPTS, Planted

PHRASE: Final = slice(20, 30)
REQUESTS: Final = 1000


def queries_of(planted: Planted) -> list[Query]:
    """Return every planted passage, name and address as a query."""
    found = [Query(f"passage {i}", "exact", value) for i, value in enumerate(planted.passages)]
    for script, values in planted.scripts.items():
        found += [Query(f"{script} {i}", "exact", value) for i, value in enumerate(values)]
    found += [Query(f"name {i}", "name", value) for i, value in enumerate(planted.names)]
    return found + [Query(f"address {i}", "identifier", value) for i, value in enumerate(planted.addresses)]


def build(snapshot: Snapshot, folder: Path, size: float) -> dict[str, float]:
    """Build the index; return megabytes of text a second, and the size of each part as a share of the text."""
    begun = time.process_time()
    index_build(snapshot, folder)
    measured = {"build MB/s": size / (time.process_time() - begun) / 1e6}
    for part in ("passages", "words"):
        measured[f"{part} share"] = sum(f.stat().st_size for f in (folder / part).rglob("*") if f.is_file()) / size
    return measured


def latencies(snapshot: Snapshot, index: SnapshotIndex, queries: Sequence[Query]) -> tuple[float, float, float]:
    """Return the median and the 99th percentile in milliseconds, and how many other examples were found per query."""
    spent, found = [], 0
    for query in queries:
        begun = time.perf_counter()
        found += len({match.example_id for match in find_matches(snapshot, [query], index=index)})
        spent.append(1000 * (time.perf_counter() - begun))
    return float(np.median(spent)), float(np.quantile(spent, 0.99)), found / len(queries)


def phrases(planted: Planted) -> list[Query]:
    return [Query(f"passage {i}", "exact", " ".join(value.split()[PHRASE])) for i, value in enumerate(planted.passages)]


def recalls(snapshot: Snapshot, index: SnapshotIndex, planted: Planted) -> dict[str, float]:
    """Return the share of planted documents that are found, by kind of edit, and the precision of names."""
    queries = queries_of(planted)
    found: defaultdict[str, set[int]] = defaultdict(set)
    for match in find_matches(snapshot, queries, index=index):
        found[match.query].add(snapshot.position(match.example_id))
    hits: defaultdict[str, list[bool]] = defaultdict(list)
    right = wrong = 0
    for query in queries:
        places = planted.places[query.id]
        kind = query.id.split()[0]
        for edit, place in places.items():
            hits[f"{kind}: {edit}"].append(place in found[query.id])
            if kind in SCRIPTS and edit == "10 % changed":
                hits["16 scripts: lowest, 10 % changed"].append(place in found[query.id])
        if kind == "name":
            right += len(found[query.id] & set(places.values()))
            wrong += len(found[query.id] - set(places.values()))
    measured = {name: float(np.mean(values)) for name, values in hits.items()}
    measured["name: precision"] = right / max(1, right + wrong)
    return measured


def sweep(snapshot: Snapshot, planted: Planted, size: float) -> dict[str, float]:
    """Return megabytes of text a second, with a thousand requests in one pass: candidates alone, and with the matches."""
    queries = queries_of(planted)
    rng = np.random.default_rng(1)
    queries = [queries[i] for i in rng.permutation(len(queries))[:REQUESTS].tolist()]
    search = TextSearch(queries)
    texts = [example.text for example in snapshot.examples()]
    prepared = Sweep(search.needs)
    list(prepared.candidates(texts[: len(texts) // 10]))
    begun = time.process_time()
    candidates = sum(1 for _ in prepared.candidates(texts))
    probed = time.process_time() - begun
    begun = time.process_time()
    list(search.sweep(texts, sweep=prepared))
    whole = time.process_time() - begun
    begun = time.process_time()
    list(find_matches(snapshot, queries))
    from_disk = time.process_time() - begun
    return {
        "sweep, candidates MB/s": size / probed / 1e6,
        "sweep, verified MB/s": size / whole / 1e6,
        "sweep of a snapshot on disk MB/s": size / from_disk / 1e6,
        "candidates": float(candidates),
    }
