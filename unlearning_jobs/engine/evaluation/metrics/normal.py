"""Fits normal distributions to margins over models, example by example."""

from __future__ import annotations

from typing import Final

import numpy as np

from unlearning_jobs.engine.evaluation.outputs import Array

SMALLEST_DEVIATION: Final = 1e-3
"""Lower limit for a standard deviation, in log-odds."""
ENOUGH_FOR_VARIANCES: Final = 64


def fit_normal(group: Array) -> tuple[Array, Array]:
    """Return mean and standard deviation (n - 1) over the models: (models, examples) -> (examples,) twice."""
    return group.mean(axis=0), np.maximum(group.std(axis=0, ddof=1), SMALLEST_DEVIATION)


def fit_normal_shared(group: Array) -> tuple[Array, Array]:
    """Do the same as `fit_normal`, but with one variance for all examples if there are fewer than 64 models.

    Carlini et al. 2022 (arXiv 2112.03570) advise this because the variances of single examples are then too uncertain.
    """
    mean, deviation = fit_normal(group)
    if len(group) >= ENOUGH_FOR_VARIANCES:
        return mean, deviation
    return mean, np.full_like(deviation, np.sqrt((deviation**2).mean()))


def fit_normal_without_each(group: Array) -> tuple[Array, Array]:
    """Return mean and standard deviation of the other models, for each model: (models, examples) twice."""
    others = len(group) - 1
    centred = group - group.mean(axis=0)  # squares of large margins would lose the differences to rounding
    mean = -centred / others  # the centred margins of all models sum to zero
    variance = ((centred**2).sum(axis=0) - centred**2 - others * mean**2) / (others - 1)
    return mean + group.mean(axis=0), np.maximum(np.sqrt(np.maximum(variance, 0)), SMALLEST_DEVIATION)


def log_density(values: Array, mean: Array, deviation: Array) -> Array:
    """Return the log density of normal distributions, without the constant that cancels in ratios."""
    return np.asarray(-0.5 * ((values - mean) / deviation) ** 2 - np.log(deviation))
