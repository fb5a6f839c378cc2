"""A two-sided permutation test whose unit is the model."""

from __future__ import annotations

import itertools
import math

import numpy as np
from scipy.stats import rankdata

from unlearning_jobs.engine.contracts import PermutationFinding

from .outputs import RESOLUTION, Array

EXHAUSTIVE_UP_TO = 20_000
DRAWS = 9_999
ROUNDING = 1e-12


def permutation_test(treated: Array, oracles: Array, *, seed: int) -> PermutationFinding:
    """Are the models of both groups exchangeable?

    The statistic is the mean over examples of |AUC - 1/2|, AUC being that of telling the groups apart by the example's
    margin. The labels of whole models are permuted, for all examples at once, so that examples never count as
    replicates. Margins that only rounding tells apart count as equal, whichever group they are of, so that the test
    keeps its level. All labelings are tried where there are at most 20,000 (p = share with a statistic at least as large);
    else 9,999 drawn ones, with p = (1 + number) / (1 + draws) (Phipson and Smyth 2010).

    Args:
        treated: (m, examples).
        oracles: (n, examples).
        seed: of the drawn labelings.
    """
    m, n = len(treated), len(oracles)
    ranks = rankdata(_levels(np.concatenate([treated, oracles])), axis=0)
    observed = float(_statistic(np.eye(m + n)[:m].sum(axis=0)[None], ranks, m)[0])
    count = math.comb(m + n, m)
    if count <= EXHAUSTIVE_UP_TO:
        labels = np.zeros((count, m + n))
        for row, chosen in enumerate(itertools.combinations(range(m + n), m)):
            labels[row, list(chosen)] = 1
        p = float(np.mean(_statistic(labels, ranks, m) >= observed - ROUNDING))
        return PermutationFinding(observed, p, count, exhaustive=True)
    rng = np.random.default_rng(seed)
    labels = rng.permuted(np.tile(np.repeat([1.0, 0.0], [m, n]), (DRAWS, 1)), axis=1)
    extreme = int(np.sum(_statistic(labels, ranks, m) >= observed - ROUNDING))
    return PermutationFinding(observed, (1 + extreme) / (1 + DRAWS), DRAWS, exhaustive=False)


def _levels(values: Array) -> Array:
    """Per column the place of each value among the distinct ones; a value within rounding of the next is not distinct."""
    order = np.argsort(values, axis=0)
    ascending = np.take_along_axis(values, order, axis=0)
    distinct = ~np.isclose(ascending[1:], ascending[:-1], rtol=RESOLUTION, atol=RESOLUTION)
    levels = np.zeros_like(values)
    np.put_along_axis(levels, order[1:], np.cumsum(distinct, axis=0), axis=0)
    return levels


def _statistic(labels: Array, ranks: Array, m: int) -> Array:
    """Mean |AUC - 1/2| per labeling: labels (labelings, models), 1 for treated; ranks (models, examples), ties averaged."""
    n = len(ranks) - m
    auc = (labels @ ranks - m * (m + 1) / 2) / (m * n)
    return np.asarray(np.abs(auc - 0.5).mean(axis=1))
