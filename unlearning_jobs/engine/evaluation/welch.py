"""Student's t for the differences between small groups of models, independent or paired."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from compliance.formats.protocol import FURTHER

from .outputs import RESOLUTION, Array

SMALLEST = float(np.finfo(float).tiny)
"""Smaller numbers have lost precision, and may be zero."""


@dataclass(frozen=True)
class Difference:
    """A difference of means, with one-sided confidence bounds at level 1 - alpha each."""

    difference: float
    low: float
    high: float


def welch(a: Array, b: Array, alpha: float) -> Difference:
    """Compare the means of two independent groups, variances unequal (Welch 1947, Satterthwaite's degrees of freedom).

    [low, high] is the 1 - 2 alpha interval. Each group needs at least two models. The interval is never narrower than the
    resolution of the outputs: models trained without a seed have no spread, and rounding alone must not place them.
    """
    variances = np.var(a, ddof=1) / len(a), np.var(b, ddof=1) / len(b)  # of the two means
    variance = float(sum(variances))
    freedom = 1.0
    if variance**2 > SMALLEST:
        freedom = float(variance**2 / (variances[0] ** 2 / (len(a) - 1) + variances[1] ** 2 / (len(b) - 1)))
    return _interval(float(np.mean(a) - np.mean(b)), variance, freedom, alpha, resolution(a, b))


def one_sample(differences: Array, alpha: float, *, resolution: float) -> Difference:
    """Compare the mean of at least two differences, one per pair of models, with zero; otherwise as `welch`."""
    variance = float(np.var(differences, ddof=1) / len(differences))
    return _interval(float(np.mean(differences)), variance, len(differences) - 1, alpha, resolution)


def prediction_reach(numbers: Array, level: float = FURTHER) -> float:
    """Return how far from the mean of at least two numbers a further one of the same normal distribution may lie.

    It lies farther away with the probability `level`, on both sides together.
    """
    n = len(numbers)
    return float(stdtrit(n - 1, 1 - level / 2) * (1 + 1 / n) ** 0.5 * np.std(numbers, ddof=1))


def resolution(*groups: Array) -> float:
    """Return the resolution of differences between numbers of this size."""
    return RESOLUTION * max(1.0, *[float(np.abs(group).max()) for group in groups])


def _interval(difference: float, variance: float, freedom: float, alpha: float, narrowest: float) -> Difference:
    half_width = narrowest
    if variance**2 > SMALLEST:
        half_width = max(half_width, float(stdtrit(freedom, 1 - alpha)) * variance**0.5)
    return Difference(difference, difference - half_width, difference + half_width)
