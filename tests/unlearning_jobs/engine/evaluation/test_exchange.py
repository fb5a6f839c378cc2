"""The tests of ranks within one model: against scipy, against the assignments that are drawn, and by simulation."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from compliance.formats.exchange import EXACT_UP_TO
from unlearning_jobs.engine.evaluation.exchange import exchange_test, rank_test, smallest_difference


@pytest.mark.parametrize(("n", "others"), [(1, 120), (3, 8), (8, 3), (30, 30), (20, 200), (60, 200), (200, 60)])
def test_p_values_are_those_of_mann_and_whitney(n: int, others: int) -> None:
    rng = np.random.default_rng(n)
    scores, unseen = rng.normal(size=n) + 0.4, rng.normal(size=others)
    method = "exact" if min(n, others) * (n + others) <= EXACT_UP_TO else "asymptotic"
    found = rank_test(scores, unseen)
    for p_value, side in ((found.p_value, "two-sided"), (found.p_above, "greater")):
        expected = cast("Any", mannwhitneyu)(scores, unseen, alternative=side, method=method, use_continuity=False)
        assert p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.above == pytest.approx((scores[:, None] > unseen[None, :]).mean())


def test_with_ties_they_are_what_drawn_assignments_approach() -> None:
    rng = np.random.default_rng(0)
    scores, unseen = rng.integers(0, 4, 12).astype(float), rng.integers(0, 4, 12).astype(float)
    drawn = exchange_test(np.concatenate([scores, unseen]), np.arange(24) < 12)
    found = rank_test(scores, unseen)
    assert found.above == pytest.approx(drawn.above)
    assert found.p_value == pytest.approx(drawn.p_value, abs=0.012)
    assert found.p_above == pytest.approx(drawn.p_above, abs=0.009)
    assert rank_test(np.ones(5), np.ones(300)).p_value == 1.0
    assert rank_test(np.ones(150), np.ones(300)).p_value == 1.0


@pytest.mark.parametrize(("n", "others"), [(12, 60), (60, 200)])
def test_where_nothing_differs_the_level_is_kept_and_what_is_within_sight_is_found(n: int, others: int) -> None:
    rng, alpha, runs = np.random.default_rng(1), 0.05, 300
    false, true = 0, 0
    for _ in range(runs):
        scores, unseen = rng.standard_t(3, size=n), rng.standard_t(3, size=others)
        smallest = smallest_difference(unseen, n, alpha)
        assert smallest is not None
        false += rank_test(scores, unseen).p_value <= alpha
        true += rank_test(scores + smallest, unseen).p_value <= alpha
    assert false / runs < alpha + 3 * (alpha * (1 - alpha) / runs) ** 0.5
    assert 0.75 < true / runs < 0.92


def test_with_few_examples_nothing_is_within_sight() -> None:
    assert smallest_difference(np.arange(4.0), 3, 0.05) is None
    assert smallest_difference(np.arange(1.0), 50, 0.05) is None
