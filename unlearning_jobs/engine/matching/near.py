"""Groups documents that are identical or nearly so, so that a person decides about them once.

Identical is: the same words. Nearly is: at least `NEAR` of the runs of three words that two documents have between them are
in both (their Jaccard similarity), estimated by MinHash (Broder 1997). Each group has a leader, to which all its members are
near: so a chain of small changes does not lead from one document to quite another one.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .words import words

NEAR: Final = 0.8
SHINGLE = 3
"""Words in a run."""
BANDS, ROWS = 32, 4
"""Two documents are compared if one of the bands of their signatures is equal: at similarity 0.8 missed once in 10^7."""
SEED = 20_260_401

Signature = NDArray[np.uint64]


@dataclass(frozen=True)
class Document:
    """A document to be grouped."""

    id: str
    text: str
    key: Hashable = ()
    """Only documents with the same key come into one group."""
    features: bytes | None = None
    """The bytes of an array; such documents are grouped only if they are identical."""

    @cached_property
    def folded(self) -> list[str]:
        """Return the words of the text, as they are compared."""
        return [word.text for word in words(self.text)]


@dataclass
class Groups:
    """Groups documents one after another. A document with a number, from an earlier grouping, keeps it."""

    next_number: int = 1
    _identical: dict[tuple[Hashable, bytes], int] = field(default_factory=dict)
    """The number of the group of documents that were seen."""
    _bands: defaultdict[tuple[Hashable, int, bytes], list[int]] = field(default_factory=lambda: defaultdict(list))
    """By band of their signatures, the leaders: their places in `_leaders`."""
    _leaders: Signature = field(default_factory=lambda: np.empty((64, BANDS * ROWS), dtype=np.uint64))
    """The signatures of the leaders, one in a row, and room for more."""
    _numbers: list[int] = field(default_factory=list)
    """The number of the group of each leader."""

    def add(self, document: Document, number: int | None = None) -> int:
        """Return the number of the document's group: the one given, that of a leader to which it is near, or a new one."""
        digest, signature = content_digest(document), None
        own = self._identical.get((document.key, digest))
        if own is None:
            signature = signature_of(document)
            own = self._near(document.key, signature)
        if own is None or number not in (None, own):  # it is new, or was grouped before, with another leader
            own = self._numbered(number)
            self._lead(document.key, own, signature)
        self._identical.setdefault((document.key, digest), own)
        return own

    def _numbered(self, number: int | None) -> int:
        taken = self.next_number if number is None else number
        self.next_number = max(self.next_number, taken + 1)
        return taken

    def _lead(self, key: Hashable, number: int, signature: Signature | None) -> None:
        if signature is None:
            return
        place = len(self._numbers)
        if place == len(self._leaders):
            self._leaders = np.concatenate([self._leaders, np.empty_like(self._leaders)])
        self._leaders[place] = signature
        self._numbers.append(number)
        for band, content in _bands(signature):
            self._bands[key, band, content].append(place)

    def _near(self, key: Hashable, signature: Signature | None) -> int | None:
        """Return the number of the most similar leader, of equals the first, if it is near enough."""
        if signature is None:
            return None
        places: set[int] = set()
        for band, content in _bands(signature):
            places.update(self._bands.get((key, band, content), ()))
        if not places:
            return None
        candidates = np.fromiter(places, dtype=np.intp)
        # All at once: texts that are much alike and not near have hundreds of candidates each.
        shares = (self._leaders[candidates] == signature).mean(axis=1)
        best = float(shares.max())
        return min(self._numbers[place] for place in candidates[shares == best]) if best >= NEAR else None


def content_digest(document: Document) -> bytes:
    """Return a digest that identical documents share, whatever their case, punctuation and white space."""
    folded = "\n".join(document.folded) or document.text
    return hashlib.sha256(folded.encode() + b"\0" + (document.features or b"")).digest()


def signature_of(document: Document) -> Signature | None:
    """Return the MinHash of a document's runs of words; None for arrays and for texts without words."""
    folded = document.folded
    if document.features is not None or not folded:
        return None
    runs = {" ".join(folded[i : i + SHINGLE]) for i in range(max(1, len(folded) - SHINGLE + 1))}
    hashes = np.array([_hashed(run) for run in runs], dtype=np.uint64)
    factors, offsets = _permutations()
    signature = np.full(BANDS * ROWS, np.iinfo(np.uint64).max, dtype=np.uint64)
    for part in np.array_split(hashes, max(1, len(hashes) // 4096)):  # a long text takes no more memory than a short one
        mixed = part[:, None] * factors + offsets
        signature = np.minimum(signature, (mixed ^ (mixed >> np.uint64(29))).min(axis=0))
    return signature


def similarity(one: Signature, other: Signature | None) -> float:
    """Return the estimated Jaccard similarity."""
    return 0.0 if other is None else float((one == other).mean())


def is_group(documents: Iterable[Document]) -> bool:
    """Return whether the documents, the leader first, still belong together: each is near or identical to the leader."""
    leader, *others = documents
    digest, signature = content_digest(leader), signature_of(leader)
    for other in others:
        if content_digest(other) == digest:
            continue
        theirs = signature_of(other)
        if theirs is None or signature is None or similarity(signature, theirs) < NEAR:
            return False
    return True


def _bands(signature: Signature) -> Iterable[tuple[int, bytes]]:
    return ((band, signature[band * ROWS : (band + 1) * ROWS].tobytes()) for band in range(BANDS))


def _hashed(run: str) -> int:
    return int.from_bytes(hashlib.blake2b(run.encode(), digest_size=8).digest(), "little")


@lru_cache(maxsize=1)
def _permutations() -> tuple[Signature, Signature]:
    dice = np.random.default_rng(SEED)
    draw = dice.integers(0, np.iinfo(np.uint64).max, (2, BANDS * ROWS), dtype=np.uint64)
    return draw[0] | np.uint64(1), draw[1]  # an odd factor loses nothing
