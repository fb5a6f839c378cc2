"""Finds the windows whose vectors are closest to a query's. All are compared, or a graph is followed where they are many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from usearch.index import Index

from .encoder import Vectors, unit
from .index.sealed import UNFINISHED, PartError
from .meaning_store import Bytes, as_bytes

ALL_COMPARED: Final = 500_000
"""Up to so many vectors all are compared: a quarter of a second for a query, and nothing is missed."""
GRAPH: Final = "neighbours.usearch"
BLOCK: Final = 65_536
SAMPLE: Final = 4_096
FEWEST: Final = 32
"""Vectors that a background needs."""
DEVIATIONS: Final = 2.5
"""Less shows more that is unrelated, more loses descriptions (docs/benchmarks/mapping-meaning.md)."""
TO_DEVIATION: Final = 1.4826
"""Ratio of the standard deviation to the median absolute deviation of a normal distribution."""


@dataclass(frozen=True)
class Near:
    """Rows of vectors and their cosines with the query, the closest first, all of them at or above the floor."""

    rows: NDArray[np.int64]
    cosines: Vectors
    floor: float
    above: int
    """Rows at or above the floor, of those that were compared."""


def graph_build(vectors: Bytes, folder: Path, *, all_compared: int, threads: int) -> bool:
    """Write the graph if there are more than `all_compared` vectors; return whether there are."""
    if len(vectors) <= all_compared:
        return False
    graph = Index(ndim=vectors.shape[1], metric="cos", dtype="i8")
    for at in range(0, len(vectors), BLOCK):
        graph.add(np.arange(at, min(at + BLOCK, len(vectors))), np.asarray(vectors[at : at + BLOCK]), threads=threads)
    graph.save(folder / GRAPH)
    return True


def near(vectors: Bytes, queries: Vectors, folder: Path, *, graph: bool, at_most: int) -> Near:
    """Return what is closest to any of a query's windows.

    The floor is the median of the query's cosines with a sample of the corpus plus 2.5 standard deviations, but at most half
    way to equality: half of a corpus may be about what is sought. The deviation is taken from the median absolute deviation,
    so that a few close texts do not raise the floor.
    """
    floor = _floor(vectors, queries)
    rows = _followed(folder, queries, 4 * at_most) if graph else np.arange(len(vectors), dtype=np.int64)
    blocks = [_best_cosines(vectors[rows[at : at + BLOCK]], queries) for at in range(0, len(rows), BLOCK)]
    cosines = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    kept = np.flatnonzero((cosines >= floor) & (cosines > 0))
    best = kept[np.argsort(-cosines[kept], kind="stable")][:at_most]
    return Near(rows[best], cosines[best], floor, len(kept))


def _floor(vectors: Bytes, queries: Vectors) -> float:
    sample = _sample(vectors, SAMPLE)
    if len(sample) < FEWEST:
        return 0.0
    cosines = (sample @ queries.T).max(axis=1)
    median = float(np.median(cosines))
    deviation = TO_DEVIATION * float(np.median(np.abs(cosines - median)))
    return max(0.0, min(median + DEVIATIONS * deviation, (1 + median) / 2))


def _sample(vectors: Bytes, size: int) -> Vectors:
    """Return rows from all over the corpus, always the same ones."""
    rows = np.unique(np.linspace(0, len(vectors) - 1, min(size, len(vectors))).astype(np.int64))
    return unit(np.asarray(vectors[rows], np.float32))


def _best_cosines(block: Bytes, queries: Vectors) -> Vectors:
    """Return for each row the largest cosine with one of the queries."""
    return np.asarray((unit(np.asarray(block, np.float32)) @ queries.T).max(axis=1))


def _followed(folder: Path, queries: Vectors, count: int) -> NDArray[np.int64]:
    graph = Index.restore(folder / GRAPH, view=True)
    if graph is None:
        raise PartError(UNFINISHED)
    found: Sequence[NDArray[np.uint64]] = [graph.search(row, count).keys for row in as_bytes(queries)]
    return np.unique(np.concatenate(found)).astype(np.int64)
