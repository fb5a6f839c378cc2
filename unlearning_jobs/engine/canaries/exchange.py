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

Scores = NDArray[np.float64]
"""One number an example: its log-odds, (canaries,)"""

DRAWS: Final = 9999
EXHAUSTIVE: Final = 20_000
"""Up to so many assignments there are, all of them are compared."""
SEED: Final = 20_261_129
ALPHA: Final = 0.05
POWER: Final = 0.8
SIMULATED, COMPARED = 200, 1000
"""How many true assignments are tried out, and with how many others each is compared, to find the power."""
ROUNDING: Final = 1e-9
HALVINGS: Final = 30


@dataclass(frozen=True)
class Exchange:
    """Whether the trained canaries can be told from the others."""

    difference: float
    """Mean log-odds of the trained canaries minus that of the others."""
    p_value: float
    """Two-sided: of a difference as large, in either direction, if the assignment meant nothing."""
    p_above: float
    """One-sided: of a difference as far above zero."""
    draws: int
    exhaustive: bool


def exchange_test(scores: Scores, trained: NDArray[np.bool_], *, draws: int = DRAWS) -> Exchange:
    """Compare the difference with those of other balanced assignments: with all of them, or with so many that are drawn."""
    weights, exhaustive = _weights(len(scores), int(trained.sum()), draws)
    null = weights @ (scores - scores.mean())
    observed = float(scores[trained].mean() - scores[~trained].mean())
    slack = ROUNDING * max(1.0, float(np.abs(scores).max()))
    both, above = int((np.abs(null) >= abs(observed) - slack).sum()), int((null >= observed - slack).sum())
    own = 0 if exhaustive else 1  # among all assignments, the model's own is one
    total = len(null) + own
    return Exchange(observed, (both + own) / total, (above + own) / total, len(null), exhaustive)


def smallest_found(scores: Scores, trained_count: int) -> float | None:
    """Return the smallest difference in log-odds that the test would find with 80 % power; None if there is none.

    Scores without any difference are those given. It is added to the trained half of many assignments in turn, and each is
    tested.
    """
    weights, _ = _weights(len(scores), trained_count, DRAWS)
    weights = weights[np.linspace(0, len(weights) - 1, min(COMPARED, len(weights))).astype(int)]
    true = weights[:: max(1, len(weights) // SIMULATED)]
    centred = scores - scores.mean()
    null, own = weights @ centred, true @ centred
    overlap = weights @ (true > 0).T.astype(np.float64)  # (compared, true)

    def is_found(difference: float) -> bool:
        others = np.abs(null[:, None] + difference * overlap)
        critical = np.quantile(others, 1 - ALPHA, axis=0, method="higher")
        return bool((np.abs(own + difference) > critical).mean() >= POWER)

    low, high = 0.0, max(float(centred.std()), ROUNDING)
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
