"""A randomisation test over balanced assignments of the canaries of one model, and the smallest difference it would find.

Its unit is the assignment, drawn for this model alone. Where one assignment is shared by several models, an unlucky half
repeats in all of them, and a retrained model fails in all of them; so a draw is used once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from compliance.formats.canaries import ALPHA, CHANCE

Scores = NDArray[np.float64]
"""One number an example: its log-odds, (canaries,)"""

DRAWS: Final = 9999
EXHAUSTIVE: Final = 20_000
"""Up to so many assignments there are, all of them are compared."""
SEED: Final = 20_261_129
POWER: Final = 0.8
SIMULATED: Final = 400
"""How many assignments are tried out to find the power."""
ROUNDING: Final = 1e-9
HALVINGS: Final = 30


@dataclass(frozen=True)
class Exchange:
    """Whether the trained canaries can be told from the others."""

    difference: float
    """Mean log-odds of the trained canaries minus that of the others."""
    above: float
    """Of all pairs of a trained canary and another one, the share in which the trained one has the higher score."""
    p_value: float
    """Two-sided: of a difference as large, in either direction, if the assignment meant nothing."""
    p_above: float
    """One-sided: of a difference as far above zero."""
    draws: int
    exhaustive: bool


def exchange_test(scores: Scores, trained: NDArray[np.bool_], *, draws: int = DRAWS) -> Exchange:
    """Compare how the trained canaries rank with how other balanced halves do: all of them, or so many that are drawn.

    By rank, because log-odds of rows that a model never saw have heavy tails.
    """
    weights, exhaustive = _weights(len(scores), int(trained.sum()), draws)
    ranks = rankdata(scores) / len(scores) - (len(scores) + 1) / (2 * len(scores))
    null = weights @ ranks
    observed = float(ranks[trained].mean() - ranks[~trained].mean())
    both, above = int((np.abs(null) >= abs(observed) - ROUNDING).sum()), int((null >= observed - ROUNDING).sum())
    own = 0 if exhaustive else 1  # among all assignments, the model's own is one
    total = len(null) + own
    difference = float(scores[trained].mean() - scores[~trained].mean())
    return Exchange(difference, CHANCE + observed, (both + own) / total, (above + own) / total, len(null), exhaustive)


def smallest_found(scores: Scores, trained_count: int) -> float | None:
    """Return the smallest difference in log-odds that the test would find with 80 % power; None if there is none.

    Scores without any difference are those given. It is added to the trained half of many assignments in turn, and each is
    tested.
    """
    weights, _ = _weights(len(scores), trained_count, DRAWS)
    places = np.arange(len(scores)) / len(scores)
    critical = float(np.quantile(np.abs(weights @ places), 1 - ALPHA, method="higher")) + ROUNDING
    true = weights[np.linspace(0, len(weights) - 1, min(SIMULATED, len(weights))).astype(int)]

    def is_found(difference: float) -> bool:
        order = (scores + difference * (true > 0)).argsort(axis=1)
        found = np.abs((np.take_along_axis(true, order, axis=1) * places).sum(axis=1))
        return bool((found > critical).mean() >= POWER)

    low, high = 0.0, max(float(scores.std()), ROUNDING)
    for _ in range(HALVINGS):
        if is_found(high):
            break
        low, high = high, 2 * high
    else:
        return None
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if is_found(middle) else (middle, high)
    return high


@lru_cache(maxsize=4)
def _weights(total: int, trained: int, draws: int) -> tuple[Scores, bool]:
    """Return what turns scores into differences, (assignments, canaries), and whether these are all assignments."""
    exhaustive = comb(total, trained) <= EXHAUSTIVE
    if exhaustive:
        chosen = np.array(list(combinations(range(total), trained)))
    else:
        rng = np.random.default_rng(SEED)
        order = rng.permuted(np.tile(np.arange(total, dtype=np.int16), (draws, 1)), axis=1)
        chosen = order[:, :trained].astype(np.int64)
    weights = np.full((len(chosen), total), -1 / (total - trained))
    np.put_along_axis(weights, chosen, 1 / trained, axis=1)
    return weights, exhaustive
