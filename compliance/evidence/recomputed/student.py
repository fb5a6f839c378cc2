"""Student's t for the differences between small groups of models, independent or paired."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean
from typing import Final

Numbers = Sequence[float]
RESOLUTION: Final = 1e-6
"""Absolute and relative difference up to which outputs count as equal."""
SMALLEST: Final = sys.float_info.min
ENOUGH: Final = 1e-12
TERMS: Final = 60


@dataclass(frozen=True)
class Difference:
    """A difference of means with one-sided bounds."""

    difference: float
    low: float
    high: float


@lru_cache(maxsize=4096)
def quantile(freedom: float, probability: float) -> float:
    """Return the value below which Student's t with these degrees of freedom lies with a probability from 1/2 to 1."""
    tail, high = 1 - probability, 1.0
    while upper_tail(high, freedom) > tail:
        high *= 2
    low = 0.0
    while high - low > ENOUGH * high:
        middle = (low + high) / 2
        low, high = (middle, high) if upper_tail(middle, freedom) > tail else (low, middle)
    return high


def upper_tail(value: float, freedom: float) -> float:
    """Return the probability that t lies above a value that is not negative: half an incomplete beta function."""
    return _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + value * value)) / 2


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function, by its continued fraction (Abramowitz and Stegun 26.5.8)."""
    if x in (0.0, 1.0):
        return x
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(b, a, 1 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    # The fraction from its end, which is short: x is below the mean of the distribution.
    value = 1.0
    for n in range(TERMS, 0, -1):
        m = n // 2
        if n % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        value = 1 + term / value
    return front / value


def welch(a: Numbers, b: Numbers, alpha: float) -> Difference:
    """Compare the means of two independent groups of at least two (Welch 1947)."""
    variances = variance(a) / len(a), variance(b) / len(b)
    total, freedom = sum(variances), 1.0
    if total**2 > SMALLEST:
        freedom = total**2 / (variances[0] ** 2 / (len(a) - 1) + variances[1] ** 2 / (len(b) - 1))
    return _interval(fmean(a) - fmean(b), total, freedom, alpha, resolution(a, b))


def one_sample(a: Numbers, b: Numbers, alpha: float) -> Difference:
    """Compare the means of two groups pair by pair."""
    differences = [x - y for x, y in zip(a, b, strict=True)]
    total = variance(differences) / len(differences)
    return _interval(fmean(differences), total, len(differences) - 1, alpha, resolution(a, b))


def variance(numbers: Numbers) -> float:
    """Return the variance with n - 1 in the denominator; `statistics` is exact, and slow."""
    middle = fmean(numbers)
    return sum((number - middle) ** 2 for number in numbers) / (len(numbers) - 1)


def deviation(numbers: Numbers) -> float:
    """Return the standard deviation with n - 1 in the denominator."""
    return math.sqrt(variance(numbers))


def reach(numbers: Numbers, level: float) -> float:
    """Return how far from the mean of the numbers a further one may lie; farther away, it lies with probability `level`."""
    n = len(numbers)
    return quantile(n - 1, 1 - level / 2) * math.sqrt(1 + 1 / n) * deviation(numbers)


def resolution(*groups: Numbers) -> float:
    """Return the resolution of differences between numbers of this size."""
    return RESOLUTION * max(1.0, *(abs(number) for group in groups for number in group))


def _interval(difference: float, total: float, freedom: float, alpha: float, narrowest: float) -> Difference:
    half_width = narrowest
    if total**2 > SMALLEST:
        half_width = max(half_width, quantile(freedom, 1 - alpha) * math.sqrt(total))
    return Difference(difference, difference - half_width, difference + half_width)
