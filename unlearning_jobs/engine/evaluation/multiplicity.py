"""Several p-values at once: adjusted so that each may be compared with the level as if it were the only one."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .outputs import Array


def holm(p_values: ArrayLike) -> Array:
    """Adjusted for the family-wise error (Holm 1979): the chance of any wrong rejection is at most the level.

    The i-th smallest of k becomes the largest of (k - j + 1) p_j over all j up to i, at most 1. Holds however the tests
    depend on one another.

    Args:
        p_values: (k,).
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p)
    steps = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    return _back_in_place(np.minimum(steps, 1.0), order)


def benjamini_hochberg(p_values: ArrayLike) -> Array:
    """Adjusted for the false-discovery rate (Benjamini and Hochberg 1995).

    Of what is rejected at a level, at most this share is expected to be wrong. The i-th smallest of k becomes the smallest
    of k p_j / j over all j from i. Holds for independent tests and for those that depend positively on one another.

    Args:
        p_values: (k,).
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p)
    steps = p[order] * len(p) / np.arange(1, len(p) + 1)
    return _back_in_place(np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0), order)


def _back_in_place(adjusted: Array, order: np.typing.NDArray[np.intp]) -> Array:
    found = np.empty_like(adjusted)
    found[order] = adjusted
    return found
