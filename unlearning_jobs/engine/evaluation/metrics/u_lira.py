"""U-LiRA: telling unlearned models from oracles, example by example (Hayes et al. 2024, arXiv 2403.01218)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unlearning_jobs.engine.evaluation.outputs import Array

from .group_metric import GroupMetric
from .normal import fit_normal_without_each, log_density


class ULira(GroupMetric):
    """Mean accuracy over the examples of telling an unlearned model from an oracle; 1/2 is perfect unlearning.

    The target is either with probability 1/2, whatever the numbers of models.
    """

    name: ClassVar[str] = "u_lira"
    fewest_models: ClassVar[int] = 4

    def value(self, group: Array, oracles: Array) -> float:
        return float(u_lira(group, oracles).mean())


def u_lira(unlearned: Array, oracles: Array) -> Array:
    """Accuracy per example: is p = N(φ; U) / (N(φ; U) + N(φ; O)) above 1/2 for unlearned models, below for oracles?

    Every pair of an unlearned model and an oracle is judged by the normal distributions U and O of all the others of
    their groups. Leaving out both for the judgement of either keeps the accuracy at exactly 1/2 on average where the
    groups are exchangeable; with the one judged left out alone it would fall below.

    Args:
        unlearned: margins, which are logit-scaled confidences φ (m, examples); m at least 3.
        oracles: the same (n, examples); n at least 3.

    Returns:
        (examples,)
    """
    (mu, s), (nu, t) = fit_normal_without_each(unlearned), fit_normal_without_each(oracles)
    right = np.zeros(unlearned.shape[1])
    for own, mean, deviation in zip(unlearned, mu, s, strict=True):
        likelier = log_density(own, mean, deviation) - log_density(own, nu, t)  # (oracles, examples)
        oracle_likelier = log_density(oracles, nu, t) - log_density(oracles, mean, deviation)
        right += (_share_above_zero(likelier) + _share_above_zero(oracle_likelier)) / 2
    return right / len(unlearned)


def _share_above_zero(difference: Array) -> Array:
    return np.asarray(np.heaviside(difference, 0.5).mean(axis=0))
