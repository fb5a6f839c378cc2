"""Distributions that forecasts need. scipy loads when the first one is used, not when a web process starts."""

from __future__ import annotations

from typing import Any


def student_quantile(freedom: float, probability: float) -> float:
    """Return the value below which Student's t with these degrees of freedom lies with this probability."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, probability))


def normal_probability(value: Any) -> Any:
    """Return the probability that a standard normal number lies below the value, or below each of an array."""
    from scipy.special import ndtr

    return ndtr(value)


def chi_squared_quantile(freedom: float, probability: Any) -> Any:
    """Return the value below which chi-squared with these degrees of freedom lies with each of these probabilities."""
    from scipy.special import chdtri

    return chdtri(freedom, 1 - probability)  # chdtri counts from above
