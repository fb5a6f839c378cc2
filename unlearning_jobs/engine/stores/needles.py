"""What is looked for in raw bytes: pieces of texts and stretches of vectors that were deleted and stand nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, cast

import numpy as np

from .store import Document, Vector

PIECE: Final = 20
"""Characters of a piece. Whatever is left of a text is found if a whole piece of it is left: 39 characters at most are."""
SHORTEST: Final = 8
"""A text, key or field that is shorter says nothing about where it came from."""
VALUES: Final = 4
"""Numbers of a stretch of a vector: 16 bytes as float32."""
TINY: Final = 1e-6


@dataclass(frozen=True)
class Needles:
    """What is looked for. Both are personal data; nothing prints them."""

    pieces: frozenset[str]
    stretches: Vector
    """One row of `VALUES` numbers each."""
    untellable: int
    """Documents of which every piece and stretch stands in a document that stays, or which are too short."""


def make_needles(found: Iterable[Document], staying: Iterable[Document]) -> Needles:
    """Return what tells the found documents from those that stay.

    Args:
        found: the documents that are to be deleted.
        staying: all others, read once.
    """
    of = [(pieces_of(document), stretches_of(document.vector)) for document in found]
    pieces = {piece for its_pieces, _ in of for piece in its_pieces}
    marks = {mark for _, rows in of for mark in _marks(rows)}
    shared, shared_marks = _shared(pieces, marks, staying)
    own_rows = [rows[[mark not in shared_marks for mark in _marks(rows)]] for _, rows in of]
    untellable = sum(not (its - shared) and not len(rows) for (its, _), rows in zip(of, own_rows, strict=True))
    return Needles(frozenset(pieces - shared), np.concatenate(own_rows), untellable)


def pieces_of(document: Document) -> set[str]:
    """Return the pieces of a document's text, of its key, and of its fields that are texts."""
    return {piece for text in _texts(document) for piece in _cut(text)}


def _cut(text: str) -> Iterator[str]:
    if SHORTEST <= len(text) <= PIECE:
        yield text
    for start in range(0, len(text) - PIECE, PIECE):
        yield text[start : start + PIECE]
    if len(text) > PIECE:
        yield text[-PIECE:]


def stretches_of(vector: Vector | None) -> Vector:
    """Return the stretches of a vector, as it is and scaled to length 1; those with zeros in them say nothing."""
    if vector is None or (length := float(np.linalg.norm(vector))) == 0:
        return np.empty((0, VALUES), dtype=np.float32)
    both = np.stack([vector, vector / np.float32(length)])
    whole = both.shape[1] - both.shape[1] % VALUES
    rows = both[:, :whole].reshape(-1, VALUES)
    return np.asarray(rows[(np.abs(rows) > TINY).all(axis=1) & (rows.min(axis=1) < rows.max(axis=1))], dtype=np.float32)


def encoded(piece: str) -> set[bytes]:
    """Return a piece in the ways in which engines write texts: UTF-8, UTF-16, escaped as in JSON, and in small letters."""
    ways = set()
    for text in {piece, piece.lower()}:
        escaped = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
        ways |= {text.encode("utf-16-le", "surrogatepass"), text.encode("utf-16-be", "surrogatepass")}
        ways |= {one.encode("utf-8", "surrogatepass") for one in {text, *escaped}}
    return ways


def _shared(pieces: set[str], marks: set[int], staying: Iterable[Document]) -> tuple[set[str], set[int]]:
    """Return the pieces, and the marks of stretches, that also stand in documents that stay, in whatever place of theirs."""
    lengths: dict[int, set[str]] = {}
    for piece in pieces:
        lengths.setdefault(len(piece), set()).add(piece)
    shared: set[str] = set()
    shared_marks: set[int] = set()
    for document in staying:
        texts = list(_texts(document))
        for length, own in lengths.items():
            windows = (text[i : i + length] for text in texts for i in range(len(text) - length + 1))
            shared.update(own.intersection(windows))
        shared_marks.update(marks.intersection(_marks(stretches_of(document.vector))))
    return shared, shared_marks


def _marks(rows: Vector) -> list[int]:
    """Return a number for each stretch that is the same for equal ones, whatever was rounded."""
    whole = np.round(rows.astype(np.float64) * 1e4).astype(np.int64)
    with np.errstate(over="ignore"):
        return cast("list[int]", (whole @ np.array([1, 1_000_003, 998_244_353, 1_000_000_007_000_003])).tolist())


def _texts(document: Document) -> Iterator[str]:
    yield from (document.text, document.key)
    yield from (value for value in document.fields.values() if isinstance(value, str))
