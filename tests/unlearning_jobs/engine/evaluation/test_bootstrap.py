"""Intervals from resampled models and examples, against what they have to cover."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from unlearning_jobs.engine.evaluation.bootstrap import bootstrap_interval
from unlearning_jobs.engine.evaluation.outputs import Array


def difference(a: Array, b: Array) -> float:
    return float(a.mean() - b.mean())


def test_it_covers_the_truth_about_as_often_as_it_says() -> None:
    """Models vary much more than examples within them, so that examples alone would cover it in hardly any run."""
    rng, covered = np.random.default_rng(1), 0
    for _ in range(60):
        a = rng.normal(size=(20, 1)) + rng.normal(0, 0.1, (20, 30)) + 0.5
        b = rng.normal(size=(20, 1)) + rng.normal(0, 0.1, (20, 30))
        low, high = bootstrap_interval(difference, (a, b), seed=1, level=0.9, draws=99)
        covered += low <= 0.5 <= high
    assert binom.ppf(0.001, 60, 0.87) <= covered <= binom.ppf(0.999, 60, 0.92)


def test_examples_vary_too() -> None:
    """Models that agree, on examples that differ: without resampled examples the interval would be a point."""
    examples = np.random.default_rng(2).normal(size=50)
    low, high = bootstrap_interval(lambda a: float(a.mean()), (np.tile(examples, (5, 1)),), seed=1)
    assert high - low == pytest.approx(2 * 1.645 * examples.std() / 50**0.5, rel=0.15)


def test_both_groups_see_the_same_examples() -> None:
    """Models that differ by the same on every example, however much the examples differ, have a difference without error."""
    examples = 10 * np.random.default_rng(3).normal(size=40)
    a, b = np.tile(examples + 1, (4, 1)), np.tile(examples, (6, 1))
    assert bootstrap_interval(difference, (a, b), seed=1) == pytest.approx((1.0, 1.0))


def test_a_seed_repeats_it() -> None:
    groups = (np.random.default_rng(4).normal(size=(5, 6)), np.zeros((5, 6)))
    assert bootstrap_interval(difference, groups, seed=1) == bootstrap_interval(difference, groups, seed=1)
    assert bootstrap_interval(difference, groups, seed=1) != bootstrap_interval(difference, groups, seed=2)
