"""Welch's comparison, against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_ind

from unlearning_jobs.engine.evaluation.welch import welch


def test_bounds_are_those_of_the_two_sided_interval_at_twice_alpha() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(2, 3, 4), rng.normal(1, 1, 8)
    interval = ttest_ind(a, b, equal_var=False).confidence_interval(0.9)
    found = welch(a, b, 0.05)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.difference == pytest.approx(a.mean() - b.mean())


def test_groups_without_spread_give_a_point() -> None:
    found = welch(np.full(3, 2.0), np.full(5, 0.5), 0.05)
    assert (found.low, found.difference, found.high) == (1.5, 1.5, 1.5)
