"""KLoM, against values that follow from its definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import entropy

from unlearning_jobs.engine.evaluation.metrics.klom import BINS, CLIP, FLOOR, klom, klom_of_splits


def test_identical_sets_are_at_zero(rng: np.random.Generator) -> None:
    margins = rng.normal(size=(60, 7))
    assert klom(margins, margins[::-1]) == pytest.approx(np.zeros(7))


def test_disjoint_sets_are_at_the_log_of_the_floor(rng: np.random.Generator) -> None:
    low, high = rng.uniform(0, 1, (50, 3)), rng.uniform(5, 6, (50, 3))
    low[0], high[0] = 0, 6
    assert (klom(low, high) <= math.log(1 / FLOOR)).all()
    assert klom(np.zeros((50, 3)), np.ones((50, 3))) == pytest.approx([math.log(1 / FLOOR)] * 3)
    assert klom(np.ones((50, 3)), np.zeros((50, 3))) == pytest.approx([math.log(1 / FLOOR)] * 3)


def test_the_largest_margin_is_counted() -> None:
    """Public code drops what falls on the last edge; half of these models would be lost."""
    unlearned, oracles = np.zeros((50, 1)), np.zeros((50, 1))
    unlearned[:25] = 1.0
    assert klom(unlearned, oracles)[0] == pytest.approx(0.5 * math.log(0.5 / FLOOR) + 0.5 * math.log(0.5))


def test_it_is_the_divergence_of_the_histograms_from_unlearned_to_oracle() -> None:
    unlearned, oracles = np.repeat([0.0, 1.0], [10, 40])[:, None], np.repeat([0.0, 1.0], [30, 20])[:, None]
    assert klom(unlearned, oracles)[0] == pytest.approx(0.2 * math.log(0.2 / 0.6) + 0.8 * math.log(0.8 / 0.4))


def test_it_is_scipys_entropy_of_numpys_histograms_where_no_bin_is_empty(rng: np.random.Generator) -> None:
    unlearned, oracles = rng.uniform(0, 1, (4000, 1)) ** 0.8, rng.uniform(0, 1, (4000, 1))
    edges = np.linspace(min(unlearned.min(), oracles.min()), max(unlearned.max(), oracles.max()), BINS + 1)
    p, q = (np.histogram(group, edges)[0] / 4000 for group in (unlearned, oracles))
    assert klom(unlearned, oracles)[0] == pytest.approx(entropy(p, q), rel=1e-6)


def test_every_split_of_the_same_models_is_measured_like_two_groups(rng: np.random.Generator) -> None:
    margins = rng.normal(size=(40, 600))
    first = np.stack([rng.permutation(40) < 15 for _ in range(3)])
    expected = [klom(margins[split], margins[~split]) for split in first]
    assert klom_of_splits(margins, first) == pytest.approx(np.stack(expected))


def test_models_that_all_agree_are_alike() -> None:
    assert klom(np.ones((50, 2)), np.ones((50, 2))) == pytest.approx([0.0, 0.0])


def test_margins_are_clipped() -> None:
    unlearned, oracles = np.full((50, 1), 10 * CLIP), np.full((50, 1), CLIP)
    assert klom(unlearned, oracles) == pytest.approx([0.0])
    assert klom(-np.inf * np.ones((50, 1)), oracles) == pytest.approx([math.log(1 / FLOOR)])


@pytest.mark.parametrize(("models", "published"), [(50, 0.88), (100, 0.40), (200, 0.16)])
def test_between_equal_groups_it_is_not_zero_and_falls_as_models_are_added(
    rng: np.random.Generator, models: int, published: float
) -> None:
    """The mean over examples that the reference measured between oracles; normal margins come close."""
    floor = klom(rng.normal(size=(models, 400)), rng.normal(size=(models, 400))).mean()
    assert floor == pytest.approx(published, rel=0.35)
