"""Sets of training examples to leave out, alike to what requests ask to erase."""

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
"""(sets, examples): which examples each set leaves out."""


def draw_size(examples: int, rng: np.random.Generator) -> int:
    """How many examples to leave out, from SMALLEST to LARGEST_SHARE of them, all orders of magnitude alike."""
    low, high = math.log(min(SMALLEST, examples)), math.log(max(SMALLEST, LARGEST_SHARE * examples))
    return min(examples - 1, round(math.exp(rng.uniform(low, high))))


def draw_removals(data: Arrays, margins: NDArray[np.floating], size: int, sets: int, rng: np.random.Generator) -> Removals:
    """Sets of `size` examples each: in turn scattered ones, neighbours of each other, classmates, and the hardest.

    Scattered examples alone would say little about a person's, which are alike: what several examples say together is
    missed only when all of them are gone. And they say little about examples with wrong labels, few of which move every
    answer: a scattered set holds one or none of them.

    Args:
        data: the examples that may be left out.
        margins: of every example, as models say that were trained on it; the hardest have the lowest.
        size: of each set.
        sets: how many to draw.
        rng: draws them.
    """
    features, labels = data.inputs.flatten(1).numpy(), data.labels.numpy()
    hardest_first = np.argsort(margins, kind="stable")
    kinds: tuple[Callable[[], NDArray[np.intp]], ...] = (
        lambda: rng.choice(len(labels), size, replace=False),
        lambda: _neighbours(features, size, rng),
        lambda: _classmates(labels, size, rng),
        lambda: _most_of_the_first(hardest_first, size, rng),
    )
    chosen = np.zeros((sets, len(labels)), dtype=np.bool_)
    for number, row in enumerate(chosen):
        row[kinds[number % len(kinds)]()] = True
    return chosen


def _neighbours(features: NDArray[np.float32], size: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Examples near one that is drawn."""
    centre = features[rng.integers(len(features))]
    nearest_first = np.argsort(np.square(features - centre).sum(axis=1), kind="stable")
    return _most_of_the_first(nearest_first, size, rng)


def _most_of_the_first(order: NDArray[np.intp], size: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """The first of these; each is passed over with a probability that is drawn too, of up to one half."""
    taken = rng.random(len(order)) < rng.uniform(0.5, 1)
    return np.concatenate([order[taken], order[~taken]])[:size]


def _classmates(labels: NDArray[np.int64], size: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Examples of one class, up to half of it; then of another one, and so on. Last of all, the other halves."""
    first, rest = [], []
    for label in rng.permutation(np.unique(labels)):
        members = rng.permutation(np.flatnonzero(labels == label))
        half = (len(members) + 1) // 2
        first.append(members[:half])
        rest.append(members[half:])
    return np.concatenate([*first, *rest])[:size]
