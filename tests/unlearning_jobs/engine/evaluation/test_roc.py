"""The ROC curve of known scores."""

from __future__ import annotations

import numpy as np
import pytest

from unlearning_jobs.engine.evaluation.roc import auc, auc_interval, true_positive_rate

POSITIVE, NEGATIVE = np.array([3.0, 2.0, 1.0]), np.array([2.0, 0.0, -1.0, -2.0])


def test_the_auc_counts_pairs_and_ties_half() -> None:
    assert auc(POSITIVE, NEGATIVE) == pytest.approx((4 + 3.5 + 3) / 12)
    assert auc(NEGATIVE, POSITIVE) == pytest.approx(1 - auc(POSITIVE, NEGATIVE))


@pytest.mark.parametrize(("allowed", "rate"), [(0.0, 1 / 3), (0.24, 1 / 3), (0.25, 1.0), (1.0, 1.0)])
def test_the_true_positive_rate_never_takes_more_negatives_than_allowed(allowed: float, rate: float) -> None:
    assert true_positive_rate(POSITIVE, NEGATIVE, false_positive_rate=allowed) == pytest.approx(rate)


def test_equal_scores_are_nowhere_above_a_threshold() -> None:
    assert true_positive_rate(np.ones(5), np.ones(5), false_positive_rate=0.5) == 0.0


def test_the_interval_of_an_auc_ends_where_chance_would_just_explain_the_estimate() -> None:
    low, high = auc_interval(0.8, 30, 50)
    for true in (low, high):
        others = 40 - 1
        variance = true * (1 - true) / 1500 * (1 + others * (1 - true) / (2 - true) + others * true / (1 + true))
        assert abs(0.8 - true) == pytest.approx(1.959964 * variance**0.5, rel=1e-6)
    assert low < 0.8 < high


def test_where_everything_is_told_apart_few_examples_leave_more_open_than_many() -> None:
    (few, one), (many, _), (zero, above) = auc_interval(1.0, 5, 5), auc_interval(1.0, 100, 100), auc_interval(0.0, 5, 5)
    assert few < many < one == 1
    assert zero == 0
    assert above == pytest.approx(1 - few)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    truth, covered = 0.76024994, 0  # of two normal distributions one deviation apart
    for _ in range(1000):
        low, high = auc_interval(auc(rng.normal(1, 1, 20), rng.normal(0, 1, 30)), 20, 30)
        covered += low <= truth <= high
    assert 930 <= covered <= 985
