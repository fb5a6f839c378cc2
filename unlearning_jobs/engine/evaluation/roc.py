"""Measures of how well a score separates two samples."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from .outputs import Array


def auc(positive: Array, negative: Array) -> float:
    """Return the area under the ROC curve: P(positive > negative), ties counting half."""
    ranks = rankdata(np.concatenate([positive, negative]))
    m, n = len(positive), len(negative)
    # Mann and Whitney's U over all pairs.
    return float((ranks[:m].sum() - m * (m + 1) / 2) / (m * n))


def true_positive_rate(positive: Array, negative: Array, *, false_positive_rate: float) -> float:
    """Return the share of positives above the lowest threshold that at most this share of the negatives exceeds."""
    allowed = int(false_positive_rate * len(negative))
    threshold = np.sort(negative)[::-1][allowed] if allowed < len(negative) else -np.inf
    return float((positive > threshold).mean())
