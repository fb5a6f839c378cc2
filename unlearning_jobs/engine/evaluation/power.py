"""How large a difference must be for a given number of models to detect it."""

from __future__ import annotations

from scipy.optimize import brentq
from scipy.special import ncfdtr, stdtrit

from compliance.formats.limits import POWER

LARGEST = 1e6
"""In standard deviations; any test detects an effect of this size."""


def power_of_t(effect: float, m: int, n: int, *, alpha: float) -> float:
    """Return the power of the two-sided t test for two groups of equal variance.

    It equals the power of the F test of t squared: noncentral F with 1 and m + n - 2 degrees of freedom and noncentrality
    d^2 mn / (m + n) (Cohen 1988, chapters 2 and 8).

    Args:
        effect: d, the difference of the means in standard deviations between models.
        m: number of models on one side; m + n must be at least 3.
        n: number of models on the other.
        alpha: two-sided level.
    """
    freedom = m + n - 2
    critical = float(stdtrit(freedom, 1 - alpha / 2))
    return 1 - float(ncfdtr(1, freedom, effect**2 * m * n / (m + n), critical**2))


def minimum_detectable_effect(m: int, n: int, *, alpha: float, power: float = POWER) -> float:
    """Return the smallest difference, in standard deviations between models, that the test detects with this power."""
    # Double the upper end until it is detected, then bisect.
    high = 1.0
    while high < LARGEST and power_of_t(high, m, n, alpha=alpha) < power:
        high *= 2
    return float(brentq(lambda effect: power_of_t(effect, m, n, alpha=alpha) - power, 0.0, high, xtol=1e-6))
