"""Randomisation tests of ranks within one model: whether what it learned can be told from what it never saw.

Of canaries, the unit is the assignment, drawn for this model alone. Where one assignment is shared by several models, an
unlucky half repeats in all of them, and a retrained model fails in all of them; so a draw is used once. The examples of a
person and their held-out twins were not drawn by anybody here; their assignments are counted or approximated and never
drawn, so that verification finds the same p-value.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import ceil, comb, erfc, sqrt
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from compliance.formats.exchange import ALPHA, CHANCE, EXACT_UP_TO, MOST_PAIRED, POWER

Scores = NDArray[np.float64]
"""One number an example: its log-odds, (canaries,)"""

DRAWS: Final = 9999
EXHAUSTIVE: Final = 20_000
"""Up to so many assignments there are, all of them are compared."""
SEED: Final = 20_261_129
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


@dataclass(frozen=True)
class RankTest:
    """Whether one set of examples can be told from another by how a model ranks them."""

    above: float
    """Share of pairs in which the example of the first set has the higher score; ties count half."""
    p_value: float
    """Two-sided: of a share as far from a half, if which example is in which set meant nothing."""
    p_above: float
    """One-sided: of a share as high."""


def rank_test(scores: Scores, others: Scores) -> RankTest:
    """Compare two sets of examples by rank, over all assignments of their examples to sets of these sizes.

    They are counted while that takes few steps, and else approximated by a normal law (Mann and Whitney 1947), with ties
    taken into account. For ranks, that errs towards larger p-values.
    """
    n, total = len(scores), len(scores) + len(others)
    doubled = np.rint(2 * rankdata(np.concatenate([scores, others]))).astype(np.int64)  # whole numbers, also of ties
    observed = int(doubled[:n].sum())
    above = (observed / 2 - n * (n + 1) / 2) / (n * len(others))
    centre = n * (total + 1)  # of the sum of doubled ranks
    if min(n, len(others)) * total > EXACT_UP_TO:
        spread = sqrt(n * len(others) / (total * (total - 1)) * float(((doubled - doubled.mean()) ** 2).sum()))
        z = (observed - centre) / spread if spread else 0.0
        return RankTest(above, erfc(abs(z) / sqrt(2)), erfc(z / sqrt(2)) / 2)
    sums, shares = _sums(doubled, n)
    far = np.abs(sums - centre) >= abs(observed - centre)
    return RankTest(above, min(1.0, float(shares[far].sum())), min(1.0, float(shares[sums >= observed].sum())))


def _sums(doubled: NDArray[np.int64], n: int) -> tuple[NDArray[np.int64], Scores]:
    """Return the sums that n of the numbers can have, and in which share of the choices each comes about."""
    few, everything = min(n, len(doubled) - n), int(doubled.sum())
    ways = np.zeros((few + 1, int(np.sort(doubled)[-few:].sum()) + 1 if few else 1))  # numbers chosen, their sum
    ways[0, 0] = 1.0
    for number in doubled.tolist():
        ways[1:, number:] += ways[:-1, : ways.shape[1] - number].copy()
    sums = np.arange(ways.shape[1])
    return sums if few == n else everything - sums, ways[few] / ways[few].sum()


def smallest_difference(unseen: Scores, count: int, alpha: float) -> float | None:
    """Return the smallest difference that `rank_test` finds with 80 % power (Noether 1987); None if it finds none.

    A share of pairs that is far enough from a half follows from the sizes. The difference is the one that gives that share
    between scores without any difference.

    Args:
        unseen: scores of examples that the model never saw.
        count: how many others they are compared with.
        alpha: two-sided level.
    """
    total, normal = len(unseen) + count, NormalDist()
    reach = (normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(POWER)) * sqrt((total + 1) / (12 * len(unseen) * count))
    if len(unseen) < 2 or CHANCE + reach >= 1:  # noqa: PLR2004  # a pair
        return None
    some = np.sort(unseen)
    if len(some) > MOST_PAIRED:
        some = some[np.arange(MOST_PAIRED) * len(some) // MOST_PAIRED]
    apart = np.sort((some[:, None] - some[None, :])[~np.eye(len(some), dtype=bool)])
    return float(apart[ceil((CHANCE + reach) * len(apart)) - 1])
