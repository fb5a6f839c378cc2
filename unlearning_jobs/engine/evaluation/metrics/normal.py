"""Normal distributions of margins over models, example by example."""

from __future__ import annotations

from typing import Final

import numpy as np

from unlearning_jobs.engine.evaluation.outputs import Array

SMALLEST_DEVIATION: Final = 1e-3
"""Standard deviation, in log-odds, below which a group is taken to be as narrow as this."""
ENOUGH_FOR_VARIANCES: Final = 64


def fit_normal(group: Array) -> tuple[Array, Array]:
    """Mean and standard deviation (n - 1) over the models: (models, examples) -> (examples,) twice."""
    return group.mean(axis=0), np.maximum(group.std(axis=0, ddof=1), SMALLEST_DEVIATION)


def fit_normal_shared(group: Array) -> tuple[Array, Array]:
    """As `fit_normal`, with one variance for all examples where there are fewer than 64 models.

    The advice of Carlini et al. 2022 (arXiv 2112.03570): the variances of single examples are too uncertain then.
    """
    mean, deviation = fit_normal(group)
    if len(group) >= ENOUGH_FOR_VARIANCES:
        return mean, deviation
    return mean, np.full_like(deviation, np.sqrt((deviation**2).mean()))


def fit_normal_without_each(group: Array) -> tuple[Array, Array]:
    """For each model the mean and standard deviation of the others: (models, examples) -> (models, examples) twice."""
    rest = len(group) - 1
    centred = group - group.mean(axis=0)  # so that squares of large margins do not swallow the differences
    mean = -centred / rest
    variance = ((centred**2).sum(axis=0) - centred**2 - rest * mean**2) / (rest - 1)
    return mean + group.mean(axis=0), np.maximum(np.sqrt(np.maximum(variance, 0)), SMALLEST_DEVIATION)


def log_density(values: Array, mean: Array, deviation: Array) -> Array:
    """Of normal distributions, without the constant that ratios lose anyway."""
    return np.asarray(-0.5 * ((values - mean) / deviation) ** 2 - np.log(deviation))
