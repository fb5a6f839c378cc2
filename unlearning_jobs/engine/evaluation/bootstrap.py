"""Percentile intervals from models and examples drawn again.

Models are drawn within each group, because they are what varies between runs; examples are drawn too, the same ones for
every group, because the set is a sample. Drawing examples alone would take the chance of a few trainings for none at all.

For averages and their ratios. Distances such as |AUC - 1/2| or a KL divergence get no interval from it: models drawn twice
are ties, which make every resampled distance larger than the one observed, so that its percentiles would lie too high.
The permutation test speaks for those.
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
    """Percentile interval (Efron 1981) of a statistic of groups of models.

    Args:
        statistic: of one array per group.
        groups: (models, examples) each, all on the same examples.
        seed: of the draws.
        level: that the interval is to cover.
        draws: how many.

    Returns:
        Its ends. With few models it is too short, as every bootstrap is.
    """
    rng = np.random.default_rng(seed)
    found = [statistic(*_draw(groups, rng)) for _ in range(draws)]
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _draw(groups: Sequence[Array], rng: np.random.Generator) -> list[Array]:
    examples = groups[0].shape[1]
    picked = rng.integers(examples, size=examples)
    return [group[rng.integers(len(group), size=len(group))][:, picked] for group in groups]
