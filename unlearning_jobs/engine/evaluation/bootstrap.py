"""Percentile intervals from resampled models and examples.

Models are resampled within each group, because they are what varies between runs. Examples are resampled too, the same
ones in every group, because the set is a sample. Resampling examples alone would ignore that training is random.

Use this for means and their ratios only. Distances such as |AUC - 1/2| or a KL divergence get no interval from it: a
model that is drawn twice is a tie, ties make every resampled distance larger than the observed one, and the percentiles
would lie too high. Use the permutation test for distances.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .outputs import Array

DRAWS = 999
LEVEL = 0.9


def bootstrap_interval(
    statistic: Callable[..., float], groups: Sequence[Array], *, seed: int, level: float = LEVEL, draws: int = DRAWS
) -> tuple[float, float]:
    """Compute the percentile interval (Efron 1981) of a statistic of groups of models.

    Args:
        statistic: takes one array per group.
        groups: arrays (models, examples), all on the same examples.
        seed: seed of the draws.
        level: intended coverage of the interval.
        draws: number of resamples.

    Returns:
        The lower and the upper end. With few models the interval is too short, as with every bootstrap.
    """
    rng = np.random.default_rng(seed)
    resampled = [statistic(*_resample(groups, rng)) for _ in range(draws)]
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _resample(groups: Sequence[Array], rng: np.random.Generator) -> list[Array]:
    examples = groups[0].shape[1]
    columns = rng.integers(examples, size=examples)  # (examples,), shared by all groups
    return [group[rng.integers(len(group), size=len(group))][:, columns] for group in groups]
