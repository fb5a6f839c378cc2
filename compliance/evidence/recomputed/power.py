"""How large a difference between models a two-sided t test finds, by an integral over the spread that it estimates."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

from compliance.formats.limits import POWER

from .student import quantile

PARTS: Final = 2000
"""Of the integral, by Simpson's rule."""
FARTHEST: Final = 12.0
"""In units of 1 / sqrt(degrees of freedom), how far above 1 the estimated spread can lie."""
LARGEST: Final = 1e6
NEAR_ENOUGH: Final = 1e-7


@lru_cache(maxsize=256)
def detectable_effect(first: int, second: int, alpha: float) -> float:
    """Return the smallest difference, in standard deviations between models, that is found with a probability of `POWER`.

    Args:
        first: number of models on one side; together they are at least three.
        second: number of models on the other.
        alpha: two-sided level.
    """
    freedom = first + second - 2
    critical, scale = quantile(freedom, 1 - alpha / 2), math.sqrt(first * second / (first + second))
    low, high = 0.0, 1.0
    while high < LARGEST and _power(high * scale, critical, freedom) < POWER:
        high *= 2
    while high - low > NEAR_ENOUGH * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _power(middle * scale, critical, freedom) < POWER else (low, middle)
    return high


def _power(shift: float, critical: float, freedom: int) -> float:
    """Return the probability that |Z + shift| / S exceeds `critical`; Z is normal, S^2 chi-squared over its freedom."""
    highest = 1 + FARTHEST / math.sqrt(freedom)
    step, log_front = highest / PARTS, _log_front(freedom)
    total = 0.0
    for part in range(1, PARTS + 1):  # at 0 the density is 0, or multiplies a power that its neighbours have as well
        spread = part * step
        log_density = log_front + (freedom - 1) * math.log(spread) - freedom * spread * spread / 2
        beyond = _below(shift - critical * spread) + _below(-shift - critical * spread)
        total += (4 if part % 2 else 2 if part < PARTS else 1) * math.exp(log_density) * beyond
    if freedom == 1:
        total += math.exp(log_front) * (_below(shift) + _below(-shift))
    return total * step / 3


def _log_front(freedom: int) -> float:
    return math.log(2) + freedom / 2 * math.log(freedom / 2) - math.lgamma(freedom / 2)


def _below(value: float) -> float:
    """Return the probability that a normal variable lies below a value."""
    return math.erfc(-value / math.sqrt(2)) / 2
