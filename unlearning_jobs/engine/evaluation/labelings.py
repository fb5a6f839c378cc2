"""What a comparison would give if it did not matter which models were unlearned and which are oracles.

Whole models change their label, for all examples at once, so that examples never count as replicates. The permutation
test over all examples and the tests example by example are read from the same labelings.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from .outputs import RESOLUTION, Array

EXHAUSTIVE_UP_TO = 20_000
DRAWS = 9_999
ROUNDING = 1e-12
CHANCE = 0.5
CHUNK = 256
"""Examples at a time: with all labelings about 40 MB."""


@dataclass(frozen=True)
class Relabelled:
    """|AUC - 1/2| of telling the groups apart by an example's margin, over all labelings of the models."""

    auc: Array
    """Of the models' true groups: (examples,)."""
    p_value: Array
    """Of each example alone, two-sided: (examples,)."""
    mean: Array
    """Of |AUC - 1/2| over the examples, per labeling: (labelings,)."""
    largest: Array
    """Likewise the largest: (labelings,)."""
    exhaustive: bool
    """Whether these are all labelings, the true one among them, or drawn ones."""

    def p_values(self, null: Array, observed: Array | float) -> Array:
        """Share of the labelings whose statistic is at least as large.

        (1 + number) / (1 + draws) where they were drawn, which is never zero (Phipson and Smyth 2010).

        Args:
            null: the statistic of every labeling (labelings,).
            observed: any number of observed values of it.
        """
        below = np.searchsorted(np.sort(null), np.asarray(observed) - ROUNDING)
        return _share(np.asarray(len(null) - below, dtype=float), len(null), exhaustive=self.exhaustive)


def relabel(treated: Array, oracles: Array, *, seed: int) -> Relabelled:
    """Compare the groups under their true labels, and under all labels that they might as well have had.

    All C(m + n, m) labelings are tried where they are at most 20,000; else 9,999 drawn ones.

    Args:
        treated: margins (m, examples).
        oracles: margins (n, examples).
        seed: of the drawn labelings.
    """
    m, n = len(treated), len(oracles)
    ranks = rank_models(treated, oracles)
    labels = _labels(m, n, seed=seed)
    exhaustive = math.comb(m + n, m) <= EXHAUSTIVE_UP_TO
    auc = _auc(np.repeat([[1.0, 0.0]], [m, n], axis=1), ranks)[0]
    total, largest, reached = np.zeros(len(labels)), np.zeros(len(labels)), np.zeros(len(auc))
    for start in range(0, len(auc), CHUNK):
        part = slice(start, start + CHUNK)
        distance = np.abs(_auc(labels, ranks[:, part]) - CHANCE)
        total += distance.sum(axis=1)
        largest = np.maximum(largest, distance.max(axis=1))
        reached[part] = (distance >= np.abs(auc[part] - CHANCE) - ROUNDING).sum(axis=0)
    return Relabelled(
        auc, _share(reached, len(labels), exhaustive=exhaustive), total / len(auc), largest, exhaustive=exhaustive
    )


def rank_models(treated: Array, oracles: Array) -> Array:
    """Rank of every model by its margin, example by example, ties averaged: (m + n, examples).

    Margins that only rounding tells apart are ties.
    """
    values = np.concatenate([treated, oracles])
    order = np.argsort(values, axis=0)
    ascending = np.take_along_axis(values, order, axis=0)
    distinct = ~np.isclose(ascending[1:], ascending[:-1], rtol=RESOLUTION, atol=RESOLUTION)
    levels = np.zeros_like(values)
    np.put_along_axis(levels, order[1:], np.cumsum(distinct, axis=0), axis=0)
    return np.asarray(rankdata(levels, axis=0))


def _labels(m: int, n: int, *, seed: int) -> Array:
    """1 for the models called treated: (labelings, models)."""
    if math.comb(m + n, m) > EXHAUSTIVE_UP_TO:
        rng = np.random.default_rng(seed)
        return np.asarray(rng.permuted(np.tile(np.repeat([1.0, 0.0], [m, n]), (DRAWS, 1)), axis=1))
    chosen = np.array(list(itertools.combinations(range(m + n), m)))
    labels = np.zeros((len(chosen), m + n))
    np.put_along_axis(labels, chosen, 1.0, axis=1)
    return labels


def _auc(labels: Array, ranks: Array) -> Array:
    """Per labeling and example, from the models' ranks (models, examples), ties averaged: (labelings, examples)."""
    m = labels[0].sum()
    return np.asarray((labels @ ranks - m * (m + 1) / 2) / (m * (len(ranks) - m)))


def _share(reached: Array, labelings: int, *, exhaustive: bool) -> Array:
    return np.asarray(reached / labelings if exhaustive else (1 + reached) / (1 + labelings))
