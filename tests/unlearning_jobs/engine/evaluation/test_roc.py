"""The ROC curve of known scores."""

from __future__ import annotations

import numpy as np
import pytest

from unlearning_jobs.engine.evaluation.roc import auc, true_positive_rate

POSITIVE, NEGATIVE = np.array([3.0, 2.0, 1.0]), np.array([2.0, 0.0, -1.0, -2.0])


def test_the_auc_counts_pairs_and_ties_half() -> None:
    assert auc(POSITIVE, NEGATIVE) == pytest.approx((4 + 3.5 + 3) / 12)
    assert auc(NEGATIVE, POSITIVE) == pytest.approx(1 - auc(POSITIVE, NEGATIVE))


@pytest.mark.parametrize(("allowed", "rate"), [(0.0, 1 / 3), (0.24, 1 / 3), (0.25, 1.0), (1.0, 1.0)])
def test_the_true_positive_rate_never_takes_more_negatives_than_allowed(allowed: float, rate: float) -> None:
    assert true_positive_rate(POSITIVE, NEGATIVE, false_positive_rate=allowed) == pytest.approx(rate)


def test_equal_scores_are_nowhere_above_a_threshold() -> None:
    assert true_positive_rate(np.ones(5), np.ones(5), false_positive_rate=0.5) == 0.0
