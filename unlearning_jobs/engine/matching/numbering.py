"""The numbers of words: polynomials of their letters modulo 2^64.

Whoever knows the base can make up a word with the number of a name. Put into a corpus, it would hide the name, if words were
told apart by such numbers: so each process has a secret base for that.
"""

from __future__ import annotations

import secrets
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.uint64]
WHOLE: Final = (1 << 64) - 1


class Base:
    """A base of polynomials modulo 2^64. Its powers are worked out as far as texts need them."""

    def __init__(self, base: int) -> None:
        self.base = base | 1
        self._powers = self._inverses = np.ones(0, np.uint64)

    def powers(self, length: int) -> tuple[Numbers, Numbers]:
        """Return powers of the base and of its inverse, at least as many as asked for."""
        if len(self._powers) < length:
            size = max(1 << 18, 1 << (length - 1).bit_length())
            self._powers, self._inverses = (_powers(base, size) for base in (self.base, pow(self.base, -1, 1 << 64)))
        return self._powers, self._inverses


def _powers(base: int, size: int) -> Numbers:
    factors = np.full(size, base, np.uint64)
    factors[0] = 1
    return np.multiply.accumulate(factors)


PUBLIC: Final = Base(0x9E3779B97F4A7C15)
SECRET: Final = Base(secrets.randbits(64))


@lru_cache(maxsize=262_144)
def number(word: str, base: Base = PUBLIC) -> int:
    """Return the number of a folded word."""
    total = 0
    for letter in reversed(word):
        total = (total * base.base + ord(letter)) & WHOLE
    return total
