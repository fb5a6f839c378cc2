"""KL divergence between normal distributions fitted to the margins: KLoM for when there are too few models to bin."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from unlearning_jobs.engine.evaluation.outputs import Array

from .group_metric import GroupMetric
from .normal import fit_normal

PERCENTILE: Final = 95


class GaussianKl(GroupMetric):
    """Takes the 95th percentile over the examples, as KLoM does, in nats; lower is closer, and the floor is not 0.

    It is a percentile rather than a mean because, with few models, a variance estimated near zero makes the divergence of
    a single example arbitrarily large.
    """

    name: ClassVar[str] = "gaussian_kl"
    fewest_models: ClassVar[int] = 4

    def value(self, group: Array, oracles: Array) -> float:
        return float(np.percentile(gaussian_kl(group, oracles), PERCENTILE))


def gaussian_kl(unlearned: Array, oracles: Array) -> Array:
    """Return KL(N(unlearned) || N(oracle)) for every example, in nats: ln(t / s) + (s² + (μ - ν)²) / 2t² - 1/2.

    This is the divergence of Kullback and Leibler (1951) for normal distributions.

    Args:
        unlearned: margins (m, examples), with mean μ and standard deviation s.
        oracles: margins (n, examples), with mean ν and standard deviation t.

    Returns:
        (examples,)
    """
    (mu, s), (nu, t) = fit_normal(unlearned), fit_normal(oracles)  # (examples,) each
    return np.asarray(np.log(t / s) + (s**2 + (mu - nu) ** 2) / (2 * t**2) - 0.5)
