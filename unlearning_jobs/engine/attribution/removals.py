"""Sets of training examples to leave out, alike to what requests ask to erase."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unlearning_jobs.engine.catalogue.matching import LARGEST_SHARE
from unlearning_jobs.engine.families.arrays import Arrays

SMALLEST: Final = 5

Removals = NDArray[np.bool_]
"""(sets, examples): which examples each set leaves out."""


def draw_size(examples: int, rng: np.random.Generator) -> int:
    """How many examples to leave out, from SMALLEST to LARGEST_SHARE of them, all orders of magnitude alike."""
    low, high = math.log(min(SMALLEST, examples)), math.log(max(SMALLEST, LARGEST_SHARE * examples))
    return min(examples - 1, round(math.exp(rng.uniform(low, high))))


def draw_removals(data: Arrays, size: int, sets: int, rng: np.random.Generator) -> Removals:
    """Sets of `size` examples each: in turn scattered ones, neighbours of each other, and examples of the same class.

    Scattered examples alone would say little about a person's, which are alike: what several examples say together is
    missed only when all of them are gone.
    """
    features, labels = data.inputs.flatten(1).numpy(), data.labels.numpy()
    kinds = (
        lambda: rng.choice(len(labels), size, replace=False),
        lambda: _neighbours(features, size, rng),
        lambda: _classmates(labels, size, rng),
    )
    chosen = np.zeros((sets, len(labels)), dtype=np.bool_)
    for number, row in enumerate(chosen):
        row[kinds[number % len(kinds)]()] = True
    return chosen


def _neighbours(features: NDArray[np.float32], size: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Examples near one that is drawn; each is passed over with a probability that is drawn too, of up to one half."""
    centre = features[rng.integers(len(features))]
    nearest = np.argsort(np.square(features - centre).sum(axis=1), kind="stable")
    taken = rng.random(len(nearest)) < rng.uniform(0.5, 1)
    return np.concatenate([nearest[taken], nearest[~taken]])[:size]


def _classmates(labels: NDArray[np.int64], size: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Examples of one class, up to half of it; then of another one, and so on. Last of all, the other halves."""
    first, rest = [], []
    for label in rng.permutation(np.unique(labels)):
        members = rng.permutation(np.flatnonzero(labels == label))
        half = (len(members) + 1) // 2
        first.append(members[:half])
        rest.append(members[half:])
    return np.concatenate([*first, *rest])[:size]
