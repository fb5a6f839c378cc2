"""Looks for many needles at every offset of raw bytes, whatever the format around them.

Texts are compared byte for byte. Vectors are read at every offset as 32-bit and 16-bit floats, and as 64-bit ones in either
order and as Python pickles them; numbers count as equal if they differ by rounding alone, for engines scale what they keep.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .needles import SHORTEST, VALUES, Needles, encoded
from .store import CHUNK

OVERLAP: Final = 512
"""Bytes of one chunk that are read again with the next: no needle is longer."""
BITS: Final = 22
"""Of the table that most offsets are dismissed by."""
MIX: Final = np.uint64(0x9E3779B97F4A7C15)
DROPPED: Final = 12
"""Bits of a 32-bit float that rounding may change; 11 of the mantissa stay."""
EQUAL: Final = 1e-5
EQUAL_HALF: Final = 6e-4

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]


@dataclass(frozen=True)
class Layout:
    """How numbers lie one after another: their type, how far apart they begin, and how well they are kept."""

    dtype: str
    stride: int
    equal: float = EQUAL


LAYOUTS: Final = (
    Layout("<f4", 4),
    Layout("<f2", 2, EQUAL_HALF),
    Layout("<f8", 8),
    Layout(">f8", 8),
    Layout(">f8", 9),  # a pickled list of floats: a letter before each
)


@dataclass(frozen=True)
class Hits:
    """How often needles were found; of what they say nothing is kept."""

    texts: int = 0
    vectors: int = 0

    def __add__(self, other: Hits) -> Hits:
        return Hits(self.texts + other.texts, self.vectors + other.vectors)

    @property
    def total(self) -> int:
        return self.texts + self.vectors


class Scanner:
    """Counts needles in bytes."""

    def __init__(self, needles: Needles) -> None:
        ways = {way for piece in needles.pieces for way in encoded(piece)}
        self._by_start: dict[bytes, list[bytes]] = {}
        for way in ways:
            self._by_start.setdefault(way[:SHORTEST], []).append(way)
        starts = np.frombuffer(b"".join(self._by_start), dtype="<u8").astype(np.uint64)
        self._texts = _table(starts)
        self._stretches = needles.stretches.astype(np.float64)
        self._wide, self._half = _Keys(needles.stretches, half=False), _Keys(needles.stretches, half=True)

    def begin(self) -> Counting:
        """Return what counts the needles in bytes that come in chunks."""
        return Counting(self)

    def count(self, data: bytes, end: int) -> Hits:
        """Return the needles that begin before `end`."""
        if not data.strip(b"\0"):
            return Hits()  # room that an engine keeps; it is read many times faster so
        padded = np.frombuffer(data + bytes(8 + 9 * VALUES), dtype=np.uint8)
        return Hits(
            self._count_texts(data, padded, end) if self._by_start else 0,
            self._count_vectors(padded, len(data), end) if len(self._stretches) else 0,
        )

    def _count_texts(self, data: bytes, padded: Bytes, end: int) -> int:
        words = _at_every_offset(padded, "<u8")[:end]
        candidates = np.flatnonzero(self._texts[_hashed(words)])
        return sum(self._begins(data, int(i)) for i in candidates)

    def _begins(self, data: bytes, offset: int) -> bool:
        ways = self._by_start.get(data[offset : offset + SHORTEST], ())
        return any(data.startswith(way, offset) for way in ways)

    def _count_vectors(self, padded: Bytes, size: int, end: int) -> int:
        count = 0
        for dtype, layouts in groupby(LAYOUTS, key=lambda layout: layout.dtype):
            numbers = _at_every_offset(padded, dtype)
            codes = (self._half if dtype == "<f2" else self._wide).codes(numbers)
            for layout in layouts:
                last = min(end, size - layout.stride * (VALUES - 1) - np.dtype(dtype).itemsize + 1)
                count += self._count_layout(layout, numbers, codes, last) if last > 0 else 0
        return count

    def _count_layout(self, layout: Layout, numbers: NDArray[np.generic], codes: Words, last: int) -> int:
        keys = self._half if layout.dtype == "<f2" else self._wide
        pairs = (codes[:last] << np.uint64(32)) | codes[layout.stride : layout.stride + last]
        candidates = np.flatnonzero(keys.table[_hashed(pairs)])
        candidates = candidates[np.isin(pairs[candidates], keys.all)]
        return sum(self._equal(numbers, int(i), layout, keys.rows_of(pairs[i])) for i in candidates)

    def _equal(self, numbers: NDArray[np.generic], offset: int, layout: Layout, rows: list[int]) -> bool:
        there = numbers[offset : offset + layout.stride * VALUES : layout.stride][:VALUES].astype(np.float64)
        wanted = self._stretches[rows]
        with np.errstate(invalid="ignore"):  # what is no number differs from every number
            return bool((np.abs(wanted - there) <= layout.equal * np.abs(wanted)).all(axis=1).any())


class Counting:
    """Counts needles in one sequence of bytes; one that lies across chunks counts once."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner, self._waiting = scanner, bytearray()
        self.size = 0
        self._hits = Hits()

    def add(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self._waiting += chunk
        if len(self._waiting) >= CHUNK + OVERLAP:
            self._count(len(self._waiting) - OVERLAP)

    def end(self) -> Hits:
        """Return the needles in all chunks. No more may come."""
        self._count(len(self._waiting))
        return self._hits

    def _count(self, end: int) -> None:
        self._hits += self._scanner.count(bytes(self._waiting), end)
        del self._waiting[:end]


class _Keys:
    """The first two numbers of each stretch, without the bits that rounding changes."""

    def __init__(self, stretches: NDArray[np.float32], *, half: bool) -> None:
        self._half = half
        self._rows: dict[int, list[int]] = {}
        firsts, seconds = (self._either_side(stretches[:, i]) for i in (0, 1))
        for first in firsts:
            for second in seconds:
                for row, key in enumerate(((first << np.uint64(32)) | second).tolist()):
                    rows = self._rows.setdefault(key, [])
                    if row not in rows[-1:]:
                        rows.append(row)
        self.all = np.array(list(self._rows), dtype=np.uint64)
        self.table = _table(self.all)

    def codes(self, numbers: NDArray[np.generic]) -> Words:
        if self._half:
            return numbers.view(np.uint16).astype(np.uint64) >> np.uint64(2)
        with np.errstate(all="ignore"):  # most offsets hold no number at all
            small = np.ascontiguousarray(numbers, dtype=np.float32)
        return (small.view(np.uint32) >> np.uint32(DROPPED)).astype(np.uint64)

    def rows_of(self, key: np.uint64) -> list[int]:
        return self._rows[int(key)]

    def _either_side(self, column: NDArray[np.float32]) -> list[Words]:
        """Return the codes of the numbers a little smaller and a little larger: nearly always the same."""
        if self._half:
            return [self.codes((column * np.float32(1 + s * EQUAL_HALF)).astype(np.float16)) for s in (-1, 0, 1)]
        return [self.codes(column * np.float32(1 + s * EQUAL)) for s in (-1, 1)]


def _at_every_offset(padded: Bytes, dtype: str) -> NDArray[np.generic]:
    width = np.dtype(dtype).itemsize
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)
    return np.ascontiguousarray(windows).view(dtype)[:, 0]


def _hashed(words: NDArray[np.generic]) -> Words:
    with np.errstate(over="ignore"):
        return (words.astype(np.uint64) * MIX) >> np.uint64(64 - BITS)


def _table(words: Words) -> NDArray[np.bool_]:
    table = np.zeros(1 << BITS, dtype=np.bool_)
    table[_hashed(words)] = True
    return table
