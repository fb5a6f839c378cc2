"""U-LiRA: tells unlearned models from oracles, example by example (Hayes et al. 2024, arXiv 2403.01218)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unlearning_jobs.engine.evaluation.outputs import Array

from .group_metric import GroupMetric
from .normal import fit_normal_without_each, log_density


class ULira(GroupMetric):
    """Averages the accuracy of telling an unlearned model from an oracle over the examples; 1/2 is perfect unlearning.

    The target is either kind with probability 1/2, whatever the numbers of models.
    """

    name: ClassVar[str] = "u_lira"
    fewest_models: ClassVar[int] = 4

    def value(self, group: Array, oracles: Array) -> float:
        return float(u_lira(group, oracles).mean())


def u_lira(unlearned: Array, oracles: Array) -> Array:
    """Return the accuracy on each example of the rule "unlearned if p = N(φ; U) / (N(φ; U) + N(φ; O)) is above 1/2".

    For every pair of an unlearned model and an oracle, the normal distributions U and O are fitted to all the other models
    of their groups. Leaving out both models of the pair, whichever is classified, keeps the mean accuracy at exactly 1/2
    for exchangeable groups. Leaving out the classified model alone would bias it downwards.

    Args:
        unlearned: margins, which are logit-scaled confidences φ (m, examples), with m at least 3.
        oracles: margins (n, examples), with n at least 3.

    Returns:
        (examples,)
    """
    (mu, s), (nu, t) = fit_normal_without_each(unlearned), fit_normal_without_each(oracles)  # (m, examples), (n, examples)
    accuracy = np.zeros(unlearned.shape[1])
    for margins, mean, deviation in zip(unlearned, mu, s, strict=True):  # (examples,) each
        unlearned_ratio = log_density(margins, mean, deviation) - log_density(margins, nu, t)  # (n, examples)
        oracle_ratio = log_density(oracles, nu, t) - log_density(oracles, mean, deviation)  # (n, examples)
        accuracy += (_share_above_zero(unlearned_ratio) + _share_above_zero(oracle_ratio)) / 2
    return accuracy / len(unlearned)


def _share_above_zero(difference: Array) -> Array:
    return np.asarray(np.heaviside(difference, 0.5).mean(axis=0))
