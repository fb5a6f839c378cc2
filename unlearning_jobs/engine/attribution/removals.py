"""Draws sets of training examples to leave out, similar to those that requests ask to erase."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unlearning_jobs.engine.catalogue.datamodels import LARGEST_SHARE
from unlearning_jobs.engine.families.arrays import Arrays

SMALLEST: Final = 5

Removals = NDArray[np.bool_]
"""(sets, known examples): which examples each set leaves out"""


def draw_size(examples: int, rng: np.random.Generator) -> int:
    """Draw how many examples to leave out: log-uniform from SMALLEST to LARGEST_SHARE of them."""
    low, high = math.log(min(SMALLEST, examples)), math.log(max(SMALLEST, LARGEST_SHARE * examples))
    return min(examples - 1, round(math.exp(rng.uniform(low, high))))


def draw_removals(data: Arrays, margins: NDArray[np.floating], size: int, sets: int, rng: np.random.Generator) -> Removals:
    """Draw sets of `size` examples each, in turn: scattered examples, neighbours, members of a class, and the hardest.

    Scattered examples alone would say little about the examples of a person, which resemble each other: the model misses
    what they have in common only when all of them are left out. They would also say little about examples with wrong
    labels. Even a few of these affect every prediction, but a scattered set holds at most one or so.

    Args:
        data: examples that may be left out.
        margins: margin of every example in models trained on it; the hardest examples have the lowest margins.
        size: number of examples in each set.
        sets: number of sets.
        rng: random number generator.
    """
    features, labels = data.inputs.flatten(1).numpy(), data.labels.numpy()
    hardest_first = np.argsort(margins, kind="stable")
    kinds: tuple[Callable[[], NDArray[np.intp]], ...] = (
        lambda: rng.choice(len(labels), size, replace=False),
        lambda: _neighbours(features, size, rng),
        lambda: _class_members(labels, size, rng),
        lambda: _most_of_the_first(hardest_first, size, rng),
    )
    removals = np.zeros((sets, len(labels)), dtype=np.bool_)
    for number, row in enumerate(removals):  # rows are views: assigning to them fills the array
        row[kinds[number % len(kinds)]()] = True
    return removals


def _neighbours(features: NDArray[np.float32], size: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return examples near a random one."""
    centre = features[rng.integers(len(features))]
    nearest_first = np.argsort(np.square(features - centre).sum(axis=1), kind="stable")
    return _most_of_the_first(nearest_first, size, rng)


def _most_of_the_first(order: NDArray[np.intp], size: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the first of these, where each may be skipped with a random probability of up to one half."""
    taken = rng.random(len(order)) < rng.uniform(0.5, 1)
    return np.concatenate([order[taken], order[~taken]])[:size]


def _class_members(labels: NDArray[np.int64], size: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return examples of one class, up to half of it, then of another class, and so on; the other halves come last."""
    first_halves, second_halves = [], []
    for label in rng.permutation(np.unique(labels)):
        members = rng.permutation(np.flatnonzero(labels == label))
        half = (len(members) + 1) // 2
        first_halves.append(members[:half])
        second_halves.append(members[half:])
    return np.concatenate([*first_halves, *second_halves])[:size]
