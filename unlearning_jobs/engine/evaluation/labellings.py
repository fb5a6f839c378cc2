"""The null distribution of a comparison: which results would be as likely if unlearned models and oracles were alike.

The labels "unlearned" and "oracle" are permuted over whole models, for all examples at once, so examples never count as
replicates. The permutation test over all examples and the tests of single examples use the same labellings.
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
"""Examples at a time, which takes about 40 MB with the largest number of labellings."""


@dataclass(frozen=True)
class NullDistribution:
    """|AUC - 1/2| of telling the groups apart by an example's margin, under all labellings of the models."""

    auc: Array
    """AUC under the true labels: (examples,)."""
    p_value: Array
    """Two-sided p-value of each example by itself: (examples,)."""
    mean: Array
    """Mean of |AUC - 1/2| over the examples under each labelling: (labellings,)."""
    largest: Array
    """Largest |AUC - 1/2| over the examples under each labelling: (labellings,)."""
    exhaustive: bool
    """True if these are all labellings, the true one included; False if they were drawn."""

    def p_values(self, null: Array, observed: Array | float) -> Array:
        """Return the share of labellings whose statistic is at least as large as the observed one.

        For drawn labellings this is (1 + number) / (1 + draws), which is never zero (Phipson and Smyth 2010).

        Args:
            null: the statistic under every labelling (labellings,).
            observed: observed values of the statistic, any number of them.
        """
        below = np.searchsorted(np.sort(null), np.asarray(observed) - ROUNDING)
        return _share(np.asarray(len(null) - below, dtype=float), len(null), exhaustive=self.exhaustive)


def permute_labels(treated: Array, oracles: Array, *, seed: int) -> NullDistribution:
    """Compare the groups under their true labels, and under all others that would be as likely.

    Tries all C(m + n, m) labellings if there are at most 20,000, and draws 9,999 otherwise.

    Args:
        treated: margins (m, examples).
        oracles: margins (n, examples).
        seed: seed of the drawn labellings.
    """
    m, n = len(treated), len(oracles)
    # 1. Ranks do not depend on the labels, so they are computed once.
    ranks = rank_models(treated, oracles)  # (models, examples)
    labels = _labels(m, n, seed=seed)  # (labellings, models)
    exhaustive = math.comb(m + n, m) <= EXHAUSTIVE_UP_TO
    # 2. The observed AUC, from the true labels.
    auc = _auc(np.repeat([[1.0, 0.0]], [m, n], axis=1), ranks)[0]  # (examples,)
    # 3. The same under every labelling, a chunk of examples at a time.
    total, largest, as_large = np.zeros(len(labels)), np.zeros(len(labels)), np.zeros(len(auc))
    for start in range(0, len(auc), CHUNK):
        chunk = slice(start, start + CHUNK)
        distance = np.abs(_auc(labels, ranks[:, chunk]) - CHANCE)  # (labellings, chunk)
        total += distance.sum(axis=1)
        largest = np.maximum(largest, distance.max(axis=1))
        as_large[chunk] = (distance >= np.abs(auc[chunk] - CHANCE) - ROUNDING).sum(axis=0)
    return NullDistribution(
        auc, _share(as_large, len(labels), exhaustive=exhaustive), total / len(auc), largest, exhaustive=exhaustive
    )


def rank_models(treated: Array, oracles: Array) -> Array:
    """Rank the models by their margin on each example, ties averaged: (m + n, examples).

    Margins that differ only by rounding are ties.
    """
    values = np.concatenate([treated, oracles])  # (models, examples)
    order = np.argsort(values, axis=0)
    ascending = np.take_along_axis(values, order, axis=0)
    distinct = ~np.isclose(ascending[1:], ascending[:-1], rtol=RESOLUTION, atol=RESOLUTION)
    levels = np.zeros_like(values)  # equal for margins that count as ties
    np.put_along_axis(levels, order[1:], np.cumsum(distinct, axis=0), axis=0)
    return np.asarray(rankdata(levels, axis=0))


def _labels(m: int, n: int, *, seed: int) -> Array:
    """Return labellings with 1 for the models called treated: (labellings, models)."""
    if math.comb(m + n, m) > EXHAUSTIVE_UP_TO:
        rng = np.random.default_rng(seed)
        return np.asarray(rng.permuted(np.tile(np.repeat([1.0, 0.0], [m, n]), (DRAWS, 1)), axis=1))
    chosen = np.array(list(itertools.combinations(range(m + n), m)))  # (labellings, m): indices of the treated
    labels = np.zeros((len(chosen), m + n))
    np.put_along_axis(labels, chosen, 1.0, axis=1)
    return labels


def _auc(labels: Array, ranks: Array) -> Array:
    """Return the AUC under each labelling on each example: labels @ ranks (models, examples) -> (labellings, examples)."""
    m = labels[0].sum()
    return np.asarray((labels @ ranks - m * (m + 1) / 2) / (m * (len(ranks) - m)))


def _share(count: Array, labellings: int, *, exhaustive: bool) -> Array:
    return np.asarray(count / labellings if exhaustive else (1 + count) / (1 + labellings))
