"""Welch's t comparison of two small groups of models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from .outputs import RESOLUTION, Array

SMALLEST = float(np.finfo(float).tiny)
"""Below it a number has lost digits, and zero may stand for it."""


@dataclass(frozen=True)
class Welch:
    """Difference of means of two independent groups, with one-sided confidence bounds at level 1 - alpha each."""

    difference: float
    low: float
    high: float


def welch(a: Array, b: Array, alpha: float) -> Welch:
    """Mean of `a` minus mean of `b`, variances unequal (Welch 1947, Satterthwaite's degrees of freedom).

    [low, high] is the 1 - 2 alpha interval. Each group needs two models. The interval reaches at least as far as the
    outputs are rounded: models that are learned without a seed have no spread, and rounding alone must not place them.
    """
    parts = np.var(a, ddof=1) / len(a), np.var(b, ddof=1) / len(b)
    error2 = float(sum(parts))
    difference = float(np.mean(a) - np.mean(b))
    reach = RESOLUTION * max(1.0, float(np.abs(a).max()), float(np.abs(b).max()))
    if error2**2 > SMALLEST:
        freedom = error2**2 / (parts[0] ** 2 / (len(a) - 1) + parts[1] ** 2 / (len(b) - 1))
        reach = max(reach, float(stdtrit(freedom, 1 - alpha)) * error2**0.5)
    return Welch(difference, difference - reach, difference + reach)
