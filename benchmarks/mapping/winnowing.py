"""A winnowing prototype: fingerprints of five words, one of every four neighbours, in sorted arrays.

Schleimer, Wilkerson and Aiken 2003, Winnowing, SIGMOD, pp. 76-85. It names the documents that share fingerprints with what
is asked for and verifies nothing, which is what a first version of such a search looks like.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unlearning_jobs.engine.corpora import Snapshot

from .corpus import SEED, Planted
from .rivals import edits, timed

WORDS: Final = 5
WINDOW: Final = 4
CAP: Final = 1000
"""Documents with one fingerprint; what more than these share says nothing."""
REQUESTS: Final = 1000
WORD: Final = re.compile(r"\w+")
Hashes = NDArray[np.uint64]


class Fingerprints:
    """Numbers words as they come, by random numbers of 64 bits."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._random = random.Random(SEED)  # noqa: S311  # hashes, no secrets
        self._factors = np.array([self._random.getrandbits(64) | 1 for _ in range(WORDS)], np.uint64)

    def shingles(self, text: str) -> Hashes:
        """Return the hash of every run of five words: (runs,)."""
        words = WORD.findall(text.lower())
        if len(words) < WORDS:
            return np.empty(0, np.uint64)
        numbers = np.array([self._number(word) for word in words], np.uint64)
        runs = np.lib.stride_tricks.sliding_window_view(numbers, WORDS)  # (runs, words)
        mixed: Hashes = (runs * self._factors).sum(axis=1, dtype=np.uint64)
        return mixed ^ (mixed >> np.uint64(29))

    def winnowed(self, text: str) -> Hashes:
        """Return the least hash of every four neighbours, each once: (fingerprints,)."""
        runs = self.shingles(text)
        if len(runs) <= WINDOW:
            return np.unique(runs)
        least: Hashes = np.unique(np.lib.stride_tricks.sliding_window_view(runs, WINDOW).min(axis=1))
        return least

    def _number(self, word: str) -> int:
        if (number := self._numbers.get(word)) is None:
            number = self._numbers[word] = self._random.getrandbits(64)
        return number


def winnowing(snapshot: Snapshot, planted: Planted, size: float) -> dict[str, float]:
    """Build the arrays, ask for phrases and passages, and sweep for a thousand passages at once."""
    fingerprints = Fingerprints()
    # 1. Build: one pair (fingerprint, document) for each, sorted by the fingerprint.
    begun = time.process_time()
    parts = [fingerprints.winnowed(example.text) for example in snapshot.examples()]
    hashes = np.concatenate(parts)
    documents = np.repeat(np.arange(len(parts), dtype=np.uint32), [len(part) for part in parts])
    order = np.argsort(hashes, kind="stable")
    hashes, documents = hashes[order], documents[order]
    measured = {"build MB/s": size / (time.process_time() - begun) / 1e6}
    measured["index share"] = (hashes.nbytes + documents.nbytes) / size

    # 2. Ask: every run of five words is looked up, because its neighbours may differ from those in the document.
    def shared(text: str, fewest: int = 1) -> Iterable[int]:
        runs = np.unique(fingerprints.shingles(text))
        first, last = np.searchsorted(hashes, runs), np.searchsorted(hashes, runs, side="right")
        hits = [documents[a:b] for a, b in zip(first.tolist(), last.tolist(), strict=True) if 0 < b - a <= CAP]
        found, times = np.unique(np.concatenate(hits), return_counts=True) if hits else (np.empty(0, np.uint32),) * 2
        return map(int, found[times >= fewest])

    measured |= timed(planted, shared, len(planted.passages))
    measured |= edits(planted, lambda passage: shared(passage, 2), len(planted.passages))
    # 3. Sweep without the arrays.
    texts = [example.text for example in snapshot.examples()]
    asked = np.unique(np.concatenate([fingerprints.shingles(text) for text in _requests(planted, texts)]))
    begun = time.process_time()
    candidates = sum(1 for text in texts if _any_of(fingerprints.winnowed(text), asked))
    measured["sweep, candidates MB/s"] = size / (time.process_time() - begun) / 1e6
    return measured | {"candidates": float(candidates)}


def _requests(planted: Planted, texts: list[str]) -> list[str]:
    """Return a thousand passages: the planted ones, and documents that are asked for as they are."""
    rng = np.random.default_rng(SEED)
    others = rng.choice(len(texts), REQUESTS - len(planted.passages), replace=False).tolist()
    return [*planted.passages, *(texts[i] for i in others)]


def _any_of(found: Hashes, asked: Hashes) -> bool:
    places = np.minimum(np.searchsorted(asked, found), len(asked) - 1)
    return bool((asked[places] == found).any())
