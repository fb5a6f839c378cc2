"""The numbers of words: polynomials of their letters, by a base that everybody knows or by one that nobody does.

Modulo a power of two, there are words with the same number for many bases at once, and whoever looks for them finds them. So
what must tell words apart is a polynomial over a prime field with a secret base of each process: two words of n letters,
whatever they are, have the same number for fewer than n of the 2^61 bases.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.uint64]
Folded = NDArray[np.uint8] | NDArray[np.uint32]
WHOLE: Final = (1 << 64) - 1
PRIME: Final = (1 << 61) - 1
FIRST_POWERS: Final = 1 << 18
HALF: Final = np.uint64(31)
LOW: Final = np.uint64((1 << 31) - 1)
SHORT: Final = np.uint64(30)
SHORT_LOW: Final = np.uint64((1 << 30) - 1)
ONE: Final = np.uint64(1)
BITS: Final = np.uint64(61)
MOST: Final = np.uint64(PRIME)


class Ring:
    """Polynomials modulo 2^64. Made-up words may have the number of any other."""

    longest: Final = 1 << 62
    """Letters and blanks up to the next word that `of_all` has room for."""

    def __init__(self, base: int) -> None:
        self._base = base
        self._powers = self._inverses = np.ones(0, np.uint64)

    def of(self, word: str) -> int:
        """Return the number of a folded word."""
        total = 0
        for letter in reversed(word):
            total = (total * self._base + ord(letter)) & WHOLE
        return total

    def of_all(self, folded: Folded, begins: NDArray[np.int64]) -> Numbers:
        """Return the numbers of the words that begin at these places, with zeros for what is no letter."""
        if len(self._powers) < len(folded):
            bases = (self._base, pow(self._base, -1, 1 << 64))
            self._powers, self._inverses = (_powers(base, len(folded), np.multiply) for base in bases)
        products = np.multiply(folded, self._powers[: len(folded)], dtype=np.uint64)
        numbers: Numbers = np.add.reduceat(products, begins)
        numbers *= self._inverses[begins]
        return numbers


class Field:
    """Polynomials modulo the prime 2^61 - 1. Who does not know the base can make up no word with the number of another."""

    longest: Final = 1 << 12
    """A sum of so many products has room in 64 bits."""

    def __init__(self, base: int) -> None:
        self._base = base % (PRIME - 1) + 1
        self._high = self._low = self._inverses = np.ones(0, np.uint64)
        """Of each power, the bits from the 31st on, and those below; and the powers of the inverse."""

    def of(self, word: str) -> int:
        total = 0
        for letter in reversed(word):
            total = (total * self._base + ord(letter)) % PRIME
        return total

    def of_all(self, folded: Folded, begins: NDArray[np.int64]) -> Numbers:
        size = len(folded)
        if len(self._inverses) < size:
            powers = _powers(self._base, size, product)
            self._high, self._low = powers >> HALF, powers & LOW
            self._inverses = _powers(pow(self._base, -1, PRIME), size, product)
        letters = folded.astype(np.uint64)
        low = np.add.reduceat(letters * self._low[:size], begins)
        letters *= self._high[:size]
        high = np.add.reduceat(letters, begins)
        # 2^31 times a number: its bits from the 30th on count as ones again, because 2^61 is 1.
        return product(((high & SHORT_LOW) << HALF) + (high >> SHORT) + (low & MOST) + (low >> BITS), self._inverses[begins])


def product(first: Numbers, second: Numbers) -> Numbers:
    """Return the products modulo the prime 2^61 - 1 of numbers below 1.1 * 2^62 and numbers below the prime.

    No step needs more than 64 bits.
    """
    first_high, first_low, second_high, second_low = first >> HALF, first & LOW, second >> HALF, second & LOW
    middle = first_high * second_low
    middle += first_low * second_high
    first_high *= second_high
    first_high <<= ONE
    first_low *= second_low
    first_low += first_high
    first_low += middle >> SHORT
    middle &= SHORT_LOW
    middle <<= HALF
    first_low += middle
    numbers: Numbers = first_low & MOST
    first_low >>= BITS
    numbers += first_low
    numbers -= MOST * (numbers >= MOST)
    return numbers


def _powers(base: int, size: int, times: Callable[[Numbers, Numbers], Numbers]) -> Numbers:
    """Return powers of the base, at least so many."""
    powers, step = np.ones(1, np.uint64), np.uint64(base)
    while len(powers) < max(size, FIRST_POWERS):
        powers = np.concatenate([powers, times(powers, np.full(len(powers), step))])
        step = times(np.array([step]), np.array([step]))[0]
    return powers


Numbering = Ring | Field
PUBLIC: Final = Ring(0x9E3779B97F4A7C15)
SECRET: Final = Field(secrets.randbits(128))


@lru_cache(maxsize=262_144)
def number(word: str, numbering: Numbering = PUBLIC) -> int:
    """Return the number of a folded word: by default the one that is the same everywhere."""
    return numbering.of(word)
