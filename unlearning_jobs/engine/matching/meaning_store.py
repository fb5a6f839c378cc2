"""Writes and reads the vectors of a snapshot's windows. A build that was killed goes on where it last was safe on disk.

vectors.i1     a row of bytes for each different window: its vector, scaled so that the largest component is 127
digests.b16    BLAKE2b of each different window's text, 16 bytes
windows.u4     for each window: row of its vector, position of its example, start and end in the example's text
building.json  until the part is sealed: what it is of, and how much of the files is valid
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from compliance.formats.canonical import canonical_json
from unlearning_jobs.engine.corpora import Snapshot

from .encoder import Encoder, Vectors
from .index.sealed import LOCK
from .meaning_windows import windows

Bytes = NDArray[np.int8]
Number = TypeVar("Number", np.int8, np.uint32)

VECTORS, DIGESTS, WINDOWS, BUILDING = "vectors.i1", "digests.b16", "windows.u4", "building.json"
FILES: Final = (VECTORS, DIGESTS, WINDOWS)
DIGEST_BYTES: Final = 16
NUMBERS: Final = 4
"""Numbers in a row of windows.u4."""
EXAMPLES_AT_ONCE: Final = 256
CHARACTERS_AT_ONCE: Final = 200_000
REMEMBERED: Final = 2_000_000
"""Windows whose repetitions are recognised; this bounds the memory."""
LARGEST: Final = 127


class Store:
    """The vectors and windows of a finished build, read from disk as needed."""

    def __init__(self, folder: Path, dimensions: int) -> None:
        self.vectors: Bytes = _map(folder / VECTORS, np.int8, dimensions)
        self.windows: NDArray[np.uint32] = _map(folder / WINDOWS, np.uint32, NUMBERS)
        self._folder = folder

    def places(self, rows: NDArray[np.int64]) -> NDArray[np.uint32]:
        """Return the rows of windows.u4 that have one of these vectors."""
        wanted = np.zeros(len(self.vectors), bool)
        wanted[rows] = True
        return np.asarray(self.windows[wanted[self.windows[:, 0]]])

    def rows(self) -> dict[bytes, int]:
        """Return the row of each vector by the digest of its window's text."""
        content = (self._folder / DIGESTS).read_bytes()
        return {content[at : at + DIGEST_BYTES]: at // DIGEST_BYTES for at in range(0, len(content), DIGEST_BYTES)}


def store_build(
    snapshot: Snapshot, folder: Path, encoder: Encoder, *, earlier: Store | None, on_progress: Callable[[int, int], None]
) -> None:
    """Encode the windows of all examples into the folder; go on if the folder holds a part of this very build.

    Args:
        snapshot: what to encode.
        folder: what another build left in it is removed.
        encoder: gives the vectors.
        earlier: vectors by the same encoder, used again for windows with the same text.
        on_progress: called with the number of examples that are safe on disk, and of all.
    """
    build = _Build(folder, encoder, snapshot.info.digest, earlier)
    examples = ((position, e.document) for position, e in enumerate(snapshot.examples()))
    for batch in _batches(islice(examples, build.examples, None)):
        build.add(batch)
        on_progress(build.examples, len(snapshot))


def _batches(examples: Iterable[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """Group examples, few at a time where they are long."""
    batch, characters = [], 0
    for position, text in examples:
        batch.append((position, text))
        characters += len(text)
        if len(batch) == EXAMPLES_AT_ONCE or characters >= CHARACTERS_AT_ONCE:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


class _Build:
    """Appends to the files, batch by batch. What a killed build had written beyond the last batch is cut off."""

    def __init__(self, folder: Path, encoder: Encoder, snapshot: str, earlier: Store | None) -> None:
        self._folder, self._encoder, self._earlier = folder, encoder, earlier
        self._key = {"snapshot": snapshot, "encoder": encoder.digest}
        self.examples, self._windows, self._vectors = self._resume()
        self._rows = Store(folder, encoder.dimensions).rows() if self._vectors else {}
        self._earlier_rows = earlier.rows() if earlier else {}

    def add(self, examples: Sequence[tuple[int, str]]) -> None:
        """Encode a batch of examples, and make it safe on disk."""
        if len(self._rows) > REMEMBERED:
            self._rows.clear()
        places, new = [], dict[bytes, str]()
        for position, text in examples:
            for start, end in windows(self._encoder, text):
                digest = hashlib.blake2b(text[start:end].encode(), digest_size=DIGEST_BYTES).digest()
                if digest not in self._rows:
                    self._rows[digest] = self._vectors + len(new)
                    new[digest] = text[start:end]
                places.append((self._rows[digest], position, start, end))
        self._append(VECTORS, self._vectors_of(new).tobytes())
        self._append(DIGESTS, b"".join(new))
        self._append(WINDOWS, np.array(places, "<u4").tobytes())
        self._vectors += len(new)
        self._windows += len(places)
        self.examples += len(examples)
        self._save()

    def _vectors_of(self, new: dict[bytes, str]) -> Bytes:
        vectors = np.zeros((len(new), self._encoder.dimensions), np.int8)
        missing = []
        for row, digest in enumerate(new):
            if self._earlier and digest in self._earlier_rows:
                vectors[row] = self._earlier.vectors[self._earlier_rows[digest]]
            else:
                missing.append(row)
        texts = list(new.values())
        vectors[missing] = as_bytes(self._encoder.encode([texts[row] for row in missing]))
        return vectors

    def _append(self, name: str, content: bytes) -> None:
        with (self._folder / name).open("ab") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def _save(self) -> None:
        state = self._key | {"examples": self.examples, "windows": self._windows, "vectors": self._vectors}
        draft = self._folder / f".{BUILDING}"
        draft.write_bytes(canonical_json(state))
        draft.rename(self._folder / BUILDING)

    def _resume(self) -> tuple[int, int, int]:
        """Cut the files to what is valid, and return how many examples, windows and vectors that is."""
        state = _read_state(self._folder / BUILDING)
        if any(state.get(name) != value for name, value in self._key.items()) or not self._valid(state):
            state = {"examples": 0, "windows": 0, "vectors": 0}
            for path in self._folder.iterdir():
                if path.name != LOCK:
                    path.unlink()
        for name, size in self._sizes(state).items():
            with (self._folder / name).open("ab") as file:
                file.truncate(size)
        return state["examples"], state["windows"], state["vectors"]

    def _valid(self, state: dict[str, Any]) -> bool:
        """Return whether the files are as long as the state says: after a power cut they may be shorter."""
        return all(_size(self._folder / name) >= size for name, size in self._sizes(state).items())

    def _sizes(self, state: dict[str, Any]) -> dict[str, int]:
        return {
            VECTORS: state["vectors"] * self._encoder.dimensions,
            DIGESTS: state["vectors"] * DIGEST_BYTES,
            WINDOWS: state["windows"] * NUMBERS * 4,
        }


def as_bytes(vectors: Vectors) -> Bytes:
    """Scale each row so that its largest component is 127, and round. The direction changes by less than a degree."""
    largest = np.abs(vectors).max(axis=1, keepdims=True, initial=0)
    return np.rint(vectors * (LARGEST / np.where(largest > 0, largest, 1))).astype(np.int8)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _read_state(path: Path) -> dict[str, Any]:
    try:
        state = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _map(path: Path, kind: type[Number], columns: int) -> NDArray[Number]:
    """Map a file as a table. An empty file cannot be mapped."""
    if not path.stat().st_size:
        return np.zeros((0, columns), kind)
    return np.memmap(path, kind, mode="r").reshape(-1, columns)
