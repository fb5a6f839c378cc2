"""Fingerprints of passages: sorted arrays on disk, one segment for each time that examples were added.

A fingerprint has 32 bits. A directory says where those with the same first bits begin, so that only the others are stored:
with the position of the example, six bytes for two and a half words of the text.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.corpora.create import example_id
from unlearning_jobs.engine.matching import fingerprints
from unlearning_jobs.engine.matching.kinds import query_needs
from unlearning_jobs.engine.matching.query import Query
from unlearning_jobs.engine.matching.vectorised import split

from .batches import batches
from .part import Callback, State, folder_state

Keys = NDArray[np.uint64]
"""Fingerprint and position of an example: 32 bits each."""

RUN: Final = 1 << 22
"""Keys that are sorted in memory."""
RANGES: Final = 64
MOST_SEGMENTS: Final = 8
LOW_BITS: Final = 16


class PassagesPart:
    """Names the examples that share a fingerprint with a passage."""

    name: ClassVar[str] = "passages"
    version: ClassVar[str] = fingerprints.VERSION

    def build(self, snapshot: Snapshot, folder: Path, *, previous: Path | None, on_progress: Callback) -> None:
        """Write a segment of the examples that the previous index lacks, beside the segments that it has."""
        kept = _segments(previous) if previous else []
        if len(kept) >= MOST_SEGMENTS:
            kept = []
        for segment in kept:
            shutil.copytree(segment, folder / segment.name, copy_function=_link)
        first = sum(int(_facts(segment)["examples"]) for segment in kept)
        scratch = folder / "scratch"
        scratch.mkdir()
        runs = list(_runs(snapshot, first, scratch, on_progress))
        _write_segment(folder / f"segment-{len(kept):02d}", runs, len(snapshot) - first)
        shutil.rmtree(scratch)

    def narrows(self, query: Query) -> bool:
        needs = query_needs(query)
        return needs is not None and bool(needs.passage)

    def candidates(self, snapshot: Snapshot, folder: Path, queries: Sequence[Query]) -> Iterator[tuple[str, str]]:
        """Yield the examples by looking up all fingerprints of each query in each segment."""
        del snapshot
        segments = _opened(folder, folder_state(folder))
        for query in queries:
            needs = query_needs(query)
            prints = fingerprints.query_fingerprints(needs.passage if needs else ())
            for segment in segments:
                for position in segment.holders(prints).tolist():
                    yield query.id, example_id(position)


@dataclass(frozen=True)
class Segment:
    """Sorted fingerprints of some examples."""

    directory: NDArray[np.uint32]
    low: NDArray[np.uint16] | NDArray[np.uint32]
    positions: NDArray[np.uint32]
    shift: int

    @classmethod
    def open(cls, folder: Path) -> Segment:
        facts = _facts(folder)
        low = np.uint16 if facts["shift"] <= LOW_BITS else np.uint32
        directory, lows, positions = (
            _mapped(folder / name, kind) for name, kind in (("directory", np.uint32), ("low", low), ("positions", np.uint32))
        )
        return cls(directory, lows, positions, int(facts["shift"]))

    def holders(self, prints: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Return the positions of the examples that have one of the fingerprints."""
        found = []
        for value in prints.tolist():
            high, low = value >> self.shift, value & ((1 << self.shift) - 1)
            begin, end = int(self.directory[high]), int(self.directory[high + 1])
            within = self.low[begin:end]
            first, last = np.searchsorted(within, np.array([low, low + 1], np.uint32))
            if first < last:
                found.append(self.positions[begin + first : begin + last])
        return np.unique(np.concatenate(found)) if found else np.zeros(0, np.uint32)


@lru_cache(maxsize=16)
def _opened(folder: Path, _state: State) -> list[Segment]:
    """Keep segments open from one search to the next."""
    return [Segment.open(path) for path in _segments(folder)]


def _runs(snapshot: Snapshot, first: int, scratch: Path, on_progress: Callback) -> Iterator[Path]:
    """Write the keys of the examples as sorted files, and yield these."""
    waiting: list[Keys] = []
    done, number = first, 0
    for texts in batches(islice(snapshot.examples(), first, None)):
        block = split(texts)
        prints = fingerprints.fingerprints(block)
        places = fingerprints.kept(prints)
        positions = np.searchsorted(block.firsts, places, "right") - 1 + done
        waiting.append(np.unique((prints[places].astype(np.uint64) << np.uint64(32)) | positions.astype(np.uint64)))
        done += len(texts)
        on_progress(done, len(snapshot))
        if sum(map(len, waiting)) >= RUN or done == len(snapshot):
            path = scratch / f"run-{number}"
            np.sort(np.concatenate(waiting)).tofile(path)
            yield path
            waiting, number = [], number + 1


def _write_segment(folder: Path, runs: Sequence[Path], examples: int) -> None:
    """Merge the sorted files, one range of fingerprints after the other, so that memory stays flat."""
    folder.mkdir()
    keys = [np.memmap(path, np.uint64, "r") for path in runs if path.stat().st_size]
    total = sum(map(len, keys))
    shift = 32 - max(8, (total // 8).bit_length())
    counts = np.zeros((1 << (32 - shift)) + 1, np.uint32)
    with (folder / "low").open("wb") as lows, (folder / "positions").open("wb") as positions:
        for part in range(RANGES):
            bounds = np.array([part, part + 1], np.float64) * (float(1 << 64) / RANGES)
            merged = np.sort(np.concatenate([np.zeros(0, np.uint64), *(_between(run, bounds) for run in keys)]))
            prints = (merged >> np.uint64(32)).astype(np.uint32)
            (prints & np.uint32((1 << shift) - 1)).astype(np.uint16 if shift <= LOW_BITS else np.uint32).tofile(lows)
            merged.astype(np.uint32).tofile(positions)
            counts[1:] += np.bincount(prints >> np.uint32(shift), minlength=len(counts) - 1).astype(np.uint32)
    np.cumsum(counts, dtype=np.uint32).tofile(folder / "directory")
    (folder / "segment.json").write_text(json.dumps({"examples": examples, "prints": total, "shift": shift}))


def _between(run: Keys, bounds: NDArray[np.float64]) -> Keys:
    first = np.searchsorted(run, np.uint64(bounds[0]))
    last = len(run) if bounds[1] >= float(1 << 64) else np.searchsorted(run, np.uint64(bounds[1]))
    return run[first:last]


def _mapped(path: Path, kind: type[np.unsignedinteger[Any]]) -> NDArray[Any]:
    """Return the file's numbers; as an array, of which parts are taken more quickly than of a map."""
    return np.asarray(np.memmap(path, kind, "r") if path.stat().st_size else np.zeros(0, kind))


def _segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("segment-*"))


def _facts(segment: Path) -> dict[str, int]:
    facts: dict[str, int] = json.loads((segment / "segment.json").read_bytes())
    return facts


def _link(source: str, target: str) -> None:
    """Share the file's content, which never changes, or copy it where a file system cannot share."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
