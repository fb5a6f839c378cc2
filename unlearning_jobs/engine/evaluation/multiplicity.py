"""Adjusts several p-values so that each can be compared with the level as if it were the only one."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .outputs import Array


def holm(p_values: ArrayLike) -> Array:
    """Adjust for the family-wise error (Holm 1979): the probability of any wrong rejection is at most the level.

    The i-th smallest of k becomes the largest of (k - j + 1) p_j over all j up to i, at most 1. Valid for any dependence
    between the tests.

    Args:
        p_values: (k,).
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p)
    # The running maximum keeps the adjusted values in the order of the raw ones.
    steps = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    return _unsort(np.minimum(steps, 1.0), order)


def benjamini_hochberg(p_values: ArrayLike) -> Array:
    """Adjust for the false-discovery rate (Benjamini and Hochberg 1995).

    The expected share of wrong rejections among all rejections is at most the level. The i-th smallest of k becomes the
    smallest of k p_j / j over all j from i. Valid for independent tests and for tests that depend positively on each other.

    Args:
        p_values: (k,).
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p)
    steps = p[order] * len(p) / np.arange(1, len(p) + 1)
    # Likewise the running minimum, from the largest down.
    return _unsort(np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0), order)


def _unsort(ascending: Array, order: np.typing.NDArray[np.intp]) -> Array:
    original = np.empty_like(ascending)
    original[order] = ascending
    return original
