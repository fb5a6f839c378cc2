"""How well an example's margin tells the groups apart, in either direction (Mann and Whitney 1947)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unlearning_jobs.engine.evaluation.labellings import rank_models
from unlearning_jobs.engine.evaluation.outputs import Array

from .group_metric import GroupMetric


class AucDistance(GroupMetric):
    """Averages |AUC - 1/2| over the examples: 0 means indistinguishable, 1/2 always distinguishable; the floor is not 0.

    It is the statistic of the permutation test. It assumes nothing about the distributions.
    """

    name: ClassVar[str] = "auc_distance"
    fewest_models: ClassVar[int] = 3

    def value(self, group: Array, oracles: Array) -> float:
        return float(np.abs(aucs(group, oracles) - 0.5).mean())


def aucs(unlearned: Array, oracles: Array) -> Array:
    """Return for each example the probability that an unlearned model's margin is above an oracle's, ties counting half.

    Args:
        unlearned: margins (m, examples).
        oracles: margins (n, examples).

    Returns:
        (examples,)
    """
    m, n = len(unlearned), len(oracles)
    ranks = rank_models(unlearned, oracles)
    return np.asarray((ranks[:m].sum(axis=0) - m * (m + 1) / 2) / (m * n))
