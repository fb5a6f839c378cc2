"""The AUC of each example, against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from unlearning_jobs.engine.evaluation.metrics.auc_distance import AucDistance, aucs
from unlearning_jobs.engine.evaluation.permutation import permutation_test


def test_it_is_the_mann_whitney_statistic_as_a_share_of_the_pairs(rng: np.random.Generator) -> None:
    unlearned, oracles = rng.integers(0, 4, (5, 9)).astype(float), rng.integers(0, 4, (7, 9)).astype(float)
    assert aucs(unlearned, oracles) == pytest.approx(mannwhitneyu(unlearned, oracles).statistic / 35)


def test_its_mean_distance_from_one_half_is_the_permutation_tests_statistic(rng: np.random.Generator) -> None:
    unlearned, oracles = rng.normal(0.4, 1, (5, 9)), rng.normal(size=(7, 9))
    assert AucDistance().value(unlearned, oracles) == permutation_test(unlearned, oracles, seed=1).statistic


def test_overshot_counts_like_undershot(rng: np.random.Generator) -> None:
    unlearned, oracles = rng.normal(2, 1, (5, 9)), rng.normal(size=(7, 9))
    assert AucDistance().value(-unlearned, -oracles) == pytest.approx(AucDistance().value(unlearned, oracles))
