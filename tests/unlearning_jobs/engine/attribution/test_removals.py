"""Sets to leave out are of the size asked for, and of four kinds in turn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unlearning_jobs.engine.attribution.removals import SMALLEST, draw_removals, draw_size
from unlearning_jobs.engine.catalogue.datamodels import LARGEST_SHARE
from unlearning_jobs.engine.families.arrays import Arrays

EXAMPLES, CLASSES = 120, 4
MARGINS = np.random.default_rng(6).normal(size=EXAMPLES)


@pytest.fixture
def data() -> Arrays:
    rng = np.random.default_rng(0)
    return Arrays(
        torch.from_numpy(rng.normal(size=(EXAMPLES, 2)).astype(np.float32)),
        torch.arange(EXAMPLES, dtype=torch.int64) % CLASSES,
    )


@pytest.mark.parametrize("size", [1, 7, 40, EXAMPLES - 1])
def test_every_set_leaves_out_as_many_as_asked_for(data: Arrays, size: int) -> None:
    removed = draw_removals(data, MARGINS, size, 8, np.random.default_rng(1))
    assert removed.sum(axis=1).tolist() == [size] * 8


def test_the_same_generator_draws_the_same_sets(data: Arrays) -> None:
    first, second = (draw_removals(data, MARGINS, 7, 8, np.random.default_rng(1)) for _ in range(2))
    assert np.array_equal(first, second)


def test_every_second_of_four_sets_holds_neighbours(data: Arrays) -> None:
    removed = draw_removals(data, MARGINS, 8, 300, np.random.default_rng(2))
    spread = [float(data.inputs.numpy()[row].std(axis=0).mean()) for row in removed]
    scattered, near = np.mean(spread[0::4]), np.mean(spread[1::4])
    assert near < scattered / 2


def test_every_third_set_holds_one_class_while_half_of_it_suffices(data: Arrays) -> None:
    half = EXAMPLES // CLASSES // 2
    labels = data.labels.numpy()
    for size, classes in ((half, 1), (half + 1, 2), (4 * half, 4)):
        removed = draw_removals(data, MARGINS, size, 30, np.random.default_rng(3))[2::4]
        assert {len(set(labels[row].tolist())) for row in removed} == {classes}


def test_every_fourth_set_holds_at_least_half_of_the_hardest(data: Arrays) -> None:
    hardest = np.argsort(MARGINS)[:20]
    removed = draw_removals(data, MARGINS, 20, 200, np.random.default_rng(7))
    held = removed[:, hardest].sum(axis=1)
    assert held[3::4].min() >= 5
    assert 14 < held[3::4].mean() < 16, "three quarters on average, since up to one half is passed over"
    assert held[0::4].mean() < 5


def test_sizes_lie_between_a_few_and_the_largest_share() -> None:
    rng = np.random.default_rng(4)
    sizes = [draw_size(1000, rng) for _ in range(500)]
    assert min(sizes) == SMALLEST
    assert max(sizes) <= LARGEST_SHARE * 1000
    assert 15 < np.median(sizes) < 35, "all orders of magnitude alike: the middle is the geometric mean, 22"


@pytest.mark.parametrize("examples", [2, 3, 6, 30])
def test_of_a_tiny_corpus_something_is_left(examples: int) -> None:
    rng = np.random.default_rng(5)
    assert all(1 <= draw_size(examples, rng) < examples for _ in range(50))
