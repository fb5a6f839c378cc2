"""Welch's t for two small groups of models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from .outputs import RESOLUTION, Array

SMALLEST = float(np.finfo(float).tiny)
"""Smaller numbers have lost precision, and may be zero."""


@dataclass(frozen=True)
class Welch:
    """A difference of means of two independent groups, with one-sided confidence bounds at level 1 - alpha each."""

    difference: float
    low: float
    high: float


def welch(a: Array, b: Array, alpha: float) -> Welch:
    """Compare the mean of `a` with that of `b`, variances unequal (Welch 1947, Satterthwaite's degrees of freedom).

    [low, high] is the 1 - 2 alpha interval. Each group needs at least two models. The interval is never narrower than the
    resolution of the outputs: models trained without a seed have no spread, and rounding alone must not place them.
    """
    variances = np.var(a, ddof=1) / len(a), np.var(b, ddof=1) / len(b)  # of the two means
    variance = float(sum(variances))
    difference = float(np.mean(a) - np.mean(b))
    half_width = RESOLUTION * max(1.0, float(np.abs(a).max()), float(np.abs(b).max()))
    if variance**2 > SMALLEST:
        freedom = variance**2 / (variances[0] ** 2 / (len(a) - 1) + variances[1] ** 2 / (len(b) - 1))
        half_width = max(half_width, float(stdtrit(freedom, 1 - alpha)) * variance**0.5)
    return Welch(difference, difference - half_width, difference + half_width)
