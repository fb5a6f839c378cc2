"""U-LiRA, against the accuracy of the best possible guess."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from unlearning_jobs.engine.evaluation.metrics.u_lira import u_lira


@pytest.mark.parametrize(("m", "n"), [(4, 4), (4, 8), (8, 8), (30, 50)])
def test_equal_distributions_cannot_be_told_apart_with_any_number_of_models(
    rng: np.random.Generator, m: int, n: int
) -> None:
    accuracy = u_lira(rng.normal(size=(m, 4000)), rng.normal(size=(n, 4000)))
    assert accuracy.mean() == pytest.approx(0.5, abs=4 * accuracy.std() / 4000**0.5)


def test_it_reaches_the_accuracy_of_the_best_guess_between_shifted_normals(rng: np.random.Generator) -> None:
    accuracy = u_lira(rng.normal(2, 1, size=(100, 100)), rng.normal(0, 1, size=(100, 100)))
    assert accuracy.mean() == pytest.approx(norm.cdf(1), abs=0.01)


def test_and_between_normals_of_different_width(rng: np.random.Generator) -> None:
    """Best guess: the narrow one within x, where both densities are equal."""
    x = (2 * np.log(3) / (1 - 1 / 9)) ** 0.5
    best = 0.5 * (norm.cdf(x) - norm.cdf(-x)) + 0.5 * 2 * norm.cdf(-x / 3)
    accuracy = u_lira(rng.normal(0, 3, size=(100, 100)), rng.normal(0, 1, size=(100, 100)))
    assert accuracy.mean() == pytest.approx(best, abs=0.02)


def test_one_pair_left_out_is_judged_by_the_others_alone(rng: np.random.Generator) -> None:
    """Computed pair by pair with SciPy's densities."""
    unlearned, oracles = rng.normal(1, 1, (4, 1)), rng.normal(0, 2, (5, 1))
    right = []
    for i, u in enumerate(unlearned[:, 0]):
        for j, o in enumerate(oracles[:, 0]):
            others, other = np.delete(unlearned[:, 0], i), np.delete(oracles[:, 0], j)
            trained, never = norm(others.mean(), others.std(ddof=1)), norm(other.mean(), other.std(ddof=1))
            right += [trained.pdf(u) > never.pdf(u), never.pdf(o) > trained.pdf(o)]
    assert u_lira(unlearned, oracles) == pytest.approx([np.mean(right)])


def test_models_that_all_agree_are_a_matter_of_chance() -> None:
    assert u_lira(np.full((4, 2), 1e6), np.full((5, 2), 1e6)) == pytest.approx([0.5, 0.5])
