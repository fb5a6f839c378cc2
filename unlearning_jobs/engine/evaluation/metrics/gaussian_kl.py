"""KL divergence between normal distributions fitted to the margins: KLoM for too few models for bins."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from unlearning_jobs.engine.evaluation.outputs import Array

from .group_metric import GroupMetric
from .normal import fit_normal

PERCENTILE: Final = 95


class GaussianKl(GroupMetric):
    """95th percentile over the examples, as with KLoM, in nats; lower is closer to the oracles, and the floor is not 0.

    A percentile and no mean: with few models an estimated variance near zero makes single examples arbitrarily large.
    """

    name: ClassVar[str] = "gaussian_kl"
    fewest_models: ClassVar[int] = 4

    def value(self, group: Array, oracles: Array) -> float:
        return float(np.percentile(gaussian_kl(group, oracles), PERCENTILE))


def gaussian_kl(unlearned: Array, oracles: Array) -> Array:
    """KL(N(unlearned) || N(oracle)) of every example, in nats: ln(t / s) + (s² + (μ - ν)²) / 2t² - 1/2.

    Kullback and Leibler 1951, for normal distributions.

    Args:
        unlearned: margins (m, examples), of mean μ and standard deviation s.
        oracles: margins (n, examples), of mean ν and standard deviation t.

    Returns:
        (examples,)
    """
    (mu, s), (nu, t) = fit_normal(unlearned), fit_normal(oracles)
    return np.asarray(np.log(t / s) + (s**2 + (mu - nu) ** 2) / (2 * t**2) - 0.5)
