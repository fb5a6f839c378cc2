"""The permutation test, against closed forms, SciPy, and its promise under the null."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import mannwhitneyu
from scipy.stats import permutation_test as scipy_permutation_test

from unlearning_jobs.engine.evaluation.labellings import DRAWS
from unlearning_jobs.engine.evaluation.outputs import Array
from unlearning_jobs.engine.evaluation.permutation import permutation_test


def mean_auc_distance(treated: Array, oracles: Array) -> float:
    aucs = [
        mannwhitneyu(treated[:, x], oracles[:, x]).statistic / (len(treated) * len(oracles)) for x in range(treated.shape[1])
    ]
    return float(np.mean(np.abs(np.array(aucs) - 0.5)))


@pytest.mark.parametrize("direction", [-1, 1])
@pytest.mark.parametrize(("m", "n"), [(2, 8), (4, 8), (5, 5)])
def test_complete_separation_gives_the_smallest_possible_p(m: int, n: int, direction: int) -> None:
    rng = np.random.default_rng(0)
    finding = permutation_test(rng.normal(50 * direction, 1, (m, 6)), rng.normal(0, 1, (n, 6)), seed=1)
    assert finding.statistic == 0.5
    assert finding.exhaustive
    assert finding.labelings == math.comb(m + n, m)
    # The labeling itself; with equal groups its mirror image is as extreme.
    assert finding.p_value == pytest.approx((2 if m == n else 1) / math.comb(m + n, m))


def test_the_statistic_is_the_mean_distance_of_the_auc_from_one_half_also_with_ties() -> None:
    rng = np.random.default_rng(3)
    treated, oracles = rng.integers(0, 4, (4, 9)).astype(float), rng.integers(0, 4, (6, 9)).astype(float)
    assert permutation_test(treated, oracles, seed=1).statistic == pytest.approx(mean_auc_distance(treated, oracles))


def test_the_p_value_is_scipys_for_a_single_example() -> None:
    rng = np.random.default_rng(4)
    treated, oracles = rng.normal(0.8, 1, (4, 1)), rng.normal(0, 1, (6, 1))

    def statistic(a: Array, b: Array) -> float:
        return mean_auc_distance(a[:, None], b[:, None])

    expected = scipy_permutation_test((treated[:, 0], oracles[:, 0]), statistic, n_resamples=1000, alternative="greater")
    assert permutation_test(treated, oracles, seed=1).p_value == pytest.approx(expected.pvalue)


def test_equal_models_cannot_be_told_apart() -> None:
    finding = permutation_test(np.ones((4, 5)), np.ones((8, 5)), seed=1)
    assert (finding.statistic, finding.p_value) == (0.0, 1.0)


def test_what_rounding_alone_tells_apart_is_equal() -> None:
    margins = np.random.default_rng(7).normal(0, 5, 6)
    oracles = np.tile(margins, (8, 1))
    for noise in (1e-12, -1e-7):
        finding = permutation_test(np.tile(margins + noise, (4, 1)), oracles, seed=1)
        assert (finding.statistic, finding.p_value) == (0.0, 1.0)
    finding = permutation_test(np.tile(margins + 1e-3, (4, 1)), oracles, seed=1)
    assert finding.statistic == 0.5
    assert finding.p_value == pytest.approx(1 / math.comb(12, 4))


def test_rounding_is_judged_by_values_not_by_their_order() -> None:
    oracles = np.array([[0.0], [1.0], [2.0], [3.0]])
    treated = np.array([[3.0 + 1e-9], [1.0 - 1e-9]])
    assert permutation_test(treated, oracles, seed=1).statistic == pytest.approx(
        mean_auc_distance(treated.round(6), oracles)
    )


def test_many_models_are_compared_over_drawn_labellings() -> None:
    rng = np.random.default_rng(5)
    treated, oracles = rng.normal(0, 1, (9, 3)), rng.normal(0, 1, (12, 3))
    finding = permutation_test(treated, oracles, seed=1)
    assert (finding.exhaustive, finding.labelings) == (False, DRAWS)
    assert finding == permutation_test(treated, oracles, seed=1)
    far = permutation_test(treated + 50, oracles, seed=1)
    assert 1 / (1 + DRAWS) <= far.p_value <= 5 / (1 + DRAWS)  # the true labeling may be drawn too


def test_exchangeable_models_are_rejected_no_more_often_than_alpha_however_alike_the_examples_are() -> None:
    rng = np.random.default_rng(6)
    rejected = 0
    for _ in range(400):
        # All examples move together with the model: counted as replicates, they would reject almost always.
        models = rng.normal(0, 1, (12, 1)) + rng.normal(0, 0.05, (12, 40))
        rejected += permutation_test(models[:4], models[4:], seed=1).p_value <= 0.05
    assert rejected / 400 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)
