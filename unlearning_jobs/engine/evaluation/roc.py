"""Measures of how well a score separates two samples."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.stats import rankdata

from .outputs import Array

QUANTILE: Final = 1.959964
"""Of the normal distribution, for 95 % on both sides."""
SMALLEST: Final = 1e-9
"""As close to 0 and 1 as a bound is looked for: there, an estimate has no deviation at all."""


def auc(positive: Array, negative: Array) -> float:
    """Return the area under the ROC curve: P(positive > negative), ties counting half."""
    ranks = rankdata(np.concatenate([positive, negative]))
    m, n = len(positive), len(negative)
    # Mann and Whitney's U over all pairs.
    return float((ranks[:m].sum() - m * (m + 1) / 2) / (m * n))


def auc_interval(value: float, positive: int, negative: int) -> tuple[float, float]:
    """Return the 95 % interval of an AUC over a sample of examples: Newcombe 2006, method 5 (Statistics in Medicine 25(4)).

    It holds each possible true value against the deviation that the estimate would then have, so it has a width at 0 and 1,
    too, where the deviation of the estimate itself is none.

    Args:
        value: the estimate.
        positive: examples of the first sample.
        negative: examples of the second sample.
    """

    def beyond(true: float) -> float:
        """Return by how much the estimate is further away than chance explains, squared."""
        return float((value - true) ** 2 - QUANTILE**2 * _variance(true, positive, negative))

    low = 0.0 if value <= 0 else float(brentq(beyond, 0.0, min(value, 1 - SMALLEST)))
    high = 1.0 if value >= 1 else float(brentq(beyond, max(value, SMALLEST), 1.0))
    return low, high


def _variance(true: float, positive: int, negative: int) -> float:
    """Return the variance of an estimated AUC (Hanley and McNeil 1982), with Newcombe's mean size of both samples."""
    others = (positive + negative) / 2 - 1
    spread = 1 + others * ((1 - true) / (2 - true) + true / (1 + true))
    return true * (1 - true) * spread / (positive * negative)


def true_positive_rate(positive: Array, negative: Array, *, false_positive_rate: float) -> float:
    """Return the share of positives above the lowest threshold that at most this share of the negatives exceeds."""
    allowed = int(false_positive_rate * len(negative))
    threshold = np.sort(negative)[::-1][allowed] if allowed < len(negative) else -np.inf
    return float((positive > threshold).mean())
