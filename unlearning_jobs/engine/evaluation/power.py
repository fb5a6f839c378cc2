"""How large a difference has to be for so many models to find it."""

from __future__ import annotations

from scipy.optimize import brentq
from scipy.special import ncfdtr, stdtrit

POWER = 0.8
LARGEST = 1e6
"""Standard deviations: an effect that any test finds."""


def power_of_t(effect: float, m: int, n: int, *, alpha: float) -> float:
    """Power of the two-sided t test of two groups with equal variance, at level alpha.

    As that of the F test that it is the root of: noncentral F with 1 and m + n - 2 degrees of freedom and noncentrality
    d^2 mn / (m + n) (Cohen 1988, chapters 2 and 8).

    Args:
        effect: d, difference of the means in standard deviations between models.
        m: models on one side; m + n at least 3.
        n: models on the other.
        alpha: two-sided level.
    """
    freedom = m + n - 2
    critical = float(stdtrit(freedom, 1 - alpha / 2))
    return 1 - float(ncfdtr(1, freedom, effect**2 * m * n / (m + n), critical**2))


def smallest_effect(m: int, n: int, *, alpha: float, power: float = POWER) -> float:
    """Smallest difference, in standard deviations between models, that the test finds with this power."""
    high = 1.0
    while high < LARGEST and power_of_t(high, m, n, alpha=alpha) < power:
        high *= 2
    return float(brentq(lambda effect: power_of_t(effect, m, n, alpha=alpha) - power, 0.0, high, xtol=1e-6))
