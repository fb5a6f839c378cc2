"""Welch's comparison, against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_ind

from unlearning_jobs.engine.evaluation.outputs import RESOLUTION
from unlearning_jobs.engine.evaluation.welch import welch


def test_bounds_are_those_of_the_two_sided_interval_at_twice_alpha() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(2, 3, 4), rng.normal(1, 1, 8)
    interval = ttest_ind(a, b, equal_var=False).confidence_interval(0.9)
    comparison = welch(a, b, 0.05)
    assert (comparison.low, comparison.high) == pytest.approx((interval.low, interval.high))
    assert comparison.difference == pytest.approx(a.mean() - b.mean())


@pytest.mark.parametrize("spread", [0.0, 1e-9])
def test_groups_without_spread_are_as_far_apart_as_they_are_up_to_rounding(spread: float) -> None:
    comparison = welch(2.0 + spread * np.arange(3.0), 0.5 + spread * np.arange(5.0), 0.05)
    assert (comparison.low, comparison.difference, comparison.high) == pytest.approx(
        (1.5 - 2 * RESOLUTION, 1.5, 1.5 + 2 * RESOLUTION)
    )


def test_spread_whose_square_is_no_number_any_more_is_none() -> None:
    comparison = welch(1e-90 * np.arange(3.0), 1e-90 * np.arange(5.0), 0.05)
    assert (comparison.low, comparison.high) == pytest.approx((-RESOLUTION, RESOLUTION))


@pytest.mark.parametrize("size", [1.0, 1e-3, 1e4])
def test_rounding_alone_places_nothing_on_either_side(size: float) -> None:
    rounded = np.full(4, size).astype(np.float32).astype(float)
    beside = np.nextafter(rounded.astype(np.float32), np.float32(np.inf)).astype(float)
    assert rounded[0] < beside[0]
    assert welch(beside, rounded, 0.05).low < 0 < welch(rounded, beside, 0.05).high


def test_spread_that_is_larger_than_rounding_counts_alone() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 1e-4, 4), rng.normal(0, 1e-4, 8)
    interval = ttest_ind(a, b, equal_var=False).confidence_interval(0.9)
    assert welch(a, b, 0.05).high == pytest.approx(interval.high)
