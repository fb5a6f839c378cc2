"""The null distribution of every comparison, against counting by hand and the power table."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import binom, mannwhitneyu

from unlearning_jobs.engine.evaluation.labellings import CHUNK, DRAWS, permute_labels
from unlearning_jobs.engine.evaluation.permutation import permutation_test


def test_an_examples_p_value_is_that_of_the_exact_mann_whitney_test(rng: np.random.Generator) -> None:
    treated, oracles = rng.normal(0.5, 1, (5, 30)), rng.normal(size=(6, 30))
    expected = mannwhitneyu(treated, oracles, method="exact")
    null = permute_labels(treated, oracles, seed=1)
    assert null.exhaustive
    assert null.auc == pytest.approx(expected.statistic / 30)
    assert null.p_value == pytest.approx(expected.pvalue)


def test_mean_and_largest_distance_are_those_of_every_labeling_one_by_one(rng: np.random.Generator) -> None:
    models = rng.integers(0, 5, (6, 4)).astype(float)  # with ties
    null = permute_labels(models[:2], models[2:], seed=1)
    distances = []
    for chosen in itertools.combinations(range(6), 2):
        rest = [i for i in range(6) if i not in chosen]
        pairs = models[list(chosen)][:, None] - models[rest][None]
        distances.append(np.abs(np.heaviside(pairs, 0.5).mean(axis=(0, 1)) - 0.5))
    assert null.mean == pytest.approx(np.mean(distances, axis=1))
    assert null.largest == pytest.approx(np.max(distances, axis=1))


def test_more_examples_than_are_compared_at_a_time_give_the_same(rng: np.random.Generator) -> None:
    treated, oracles = rng.normal(size=(3, CHUNK + 5)), rng.normal(size=(4, CHUNK + 5))
    null, last = permute_labels(treated, oracles, seed=1), permute_labels(treated[:, CHUNK:], oracles[:, CHUNK:], seed=1)
    assert null.p_value[CHUNK:] == pytest.approx(last.p_value)
    assert null.auc[CHUNK:] == pytest.approx(last.auc)
    assert (null.largest >= last.largest).all()


def test_drawn_labellings_never_give_zero_and_approach_the_exact_p_value(rng: np.random.Generator) -> None:
    treated, oracles = rng.normal(0.8, 1, (10, 40)), rng.normal(size=(10, 40))
    null = permute_labels(treated, oracles, seed=1)
    assert not null.exhaustive
    assert null.p_value == pytest.approx(mannwhitneyu(treated, oracles, method="exact").pvalue, abs=0.02)
    assert permute_labels(treated + 50, oracles, seed=1).p_value.min() >= 1 / (1 + DRAWS)


def test_exchangeable_models_are_rejected_as_often_as_the_level_says(rng: np.random.Generator) -> None:
    """200 draws at 5 %: the number of rejections lies in its binomial 99 % interval."""
    rejected = 0
    for _ in range(200):
        models = rng.normal(size=(12, 1)) + rng.normal(0, 0.5, (12, 20))
        rejected += permutation_test(models[:4], models[4:], seed=1).p_value <= 0.05
    low, high = binom.interval(0.99, 200, 0.05)
    assert low <= rejected <= high


@pytest.mark.parametrize(("effect", "models"), [(0.5, 64), (0.8, 26), (1.0, 17), (1.5, 9), (2.0, 6), (3.0, 4)])
def test_its_power_is_that_of_the_published_table(rng: np.random.Generator, effect: float, models: int) -> None:
    """So many models a side find so many standard deviations with 80 %: 600 tests, so a standard error of 1.6 points.

    Ranks cost 1 - 3/pi of the models that the t test of the table needs, hence about two points of power.
    """
    null = permute_labels(rng.normal(effect, 1, (models, 600)), rng.normal(size=(models, 600)), seed=1)
    assert (null.p_value <= 0.05).mean() == pytest.approx(0.8, abs=0.065)


def test_the_permutation_test_of_one_example_is_that_examples_test(rng: np.random.Generator) -> None:
    treated, oracles = rng.normal(1, 1, (4, 1)), rng.normal(size=(8, 1))
    assert permutation_test(treated, oracles, seed=1).p_value == permute_labels(treated, oracles, seed=1).p_value[0]
