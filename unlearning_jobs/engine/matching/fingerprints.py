"""Fingerprints of passages (Schleimer, Wilkerson and Aiken 2003, Winnowing: local algorithms for document fingerprinting).

A fingerprint is a number for five words in a row. Of any four neighbours, the text keeps the smallest, and a query is looked
up with all of its own: eight words in a row that both have are always found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .numbering import number
from .vectorised import Block

Prints = NDArray[np.uint32]

VERSION: Final = "winnowed-5-4/3"
LENGTH: Final = 5
WINDOW: Final = 4
NONE: Final = 0xFFFFFFFF
"""No fingerprint has this value; it stands where five words belong to two texts."""
FACTORS: Final = tuple(pow(0xD1342543DE82EF95, power, 1 << 64) for power in range(1, LENGTH + 1))


def fingerprints(block: Block) -> Prints:
    """Return the fingerprint that begins at each word; the last words of a text have none."""
    prints = _grams(block.numbers)
    ends = block.firsts[1:-1]
    crossing = (ends[:, None] - np.arange(1, LENGTH)).ravel()
    prints[crossing[(crossing >= 0) & (crossing < len(prints))]] = NONE
    return prints


def query_fingerprints(asked: Sequence[str]) -> Prints:
    """Return all fingerprints of a query's words."""
    return np.unique(grams(asked))


def grams(asked: Sequence[str]) -> Prints:
    """Return the fingerprint that begins at each of these folded words; the last four have none."""
    return _grams(np.array([number(word) for word in asked], np.uint64))


def kept(prints: Prints) -> NDArray[np.int64]:
    """Return the places of the fingerprints that the texts keep."""
    if not len(prints):
        return np.zeros(0, np.int64)
    places: NDArray[np.int64] = np.flatnonzero((prints == _smallest(prints)) & (prints != NONE))
    return places


def kept_among(prints: Prints, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return those of the places whose fingerprints the texts keep. Cheaper than `kept` if there are few."""
    around = places[:, None] + np.arange(1 - WINDOW, WINDOW)
    padded = np.concatenate([np.full(WINDOW, NONE, np.uint32), prints, np.full(WINDOW, NONE, np.uint32)])
    values = padded[around + WINDOW]
    own = prints[places]
    windows = np.stack([values[:, i : i + WINDOW].min(axis=1) for i in range(WINDOW)], axis=1)
    found: NDArray[np.int64] = places[(windows == own[:, None]).any(axis=1) & (own != NONE)]
    return found


def _grams(numbers: NDArray[np.uint64]) -> Prints:
    count = len(numbers) - LENGTH + 1
    if count <= 0:
        return np.zeros(0, np.uint32)
    total = numbers[:count] * np.uint64(FACTORS[0])
    for place in range(1, LENGTH):
        total += numbers[place : place + count] * np.uint64(FACTORS[place])
    total >>= np.uint64(32)
    prints = total.astype(np.uint32)
    np.minimum(prints, NONE - 1, out=prints)
    return prints


def _smallest(prints: Prints) -> Prints:
    """Return, for each place, the largest of the minima of the windows that hold it."""
    padded = np.concatenate([np.full(WINDOW - 1, NONE, np.uint32), prints, np.full(WINDOW - 1, NONE, np.uint32)])
    minima = np.minimum(padded[:-1], padded[1:])
    minima = np.minimum(minima[:-2], minima[2:])  # of four neighbours
    pairs = np.maximum(minima[:-1], minima[1:])
    largest: Prints = np.maximum(pairs[:-2], pairs[2:])
    return largest
