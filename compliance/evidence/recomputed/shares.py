"""Counts of single examples: those that were missed, and those that were damaged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import starmap
from statistics import median
from typing import Final

from compliance.formats.findings import EstimandFinding, Position, Scope
from compliance.formats.protocol import Estimand

from .models import Models, Vector, centre, minus
from .student import RESOLUTION, deviation, quantile, variance

PRIOR: Final = 4
"""Weight of the set's median variance, in degrees of freedom."""
CAREFUL: Final = 2
"""The same where one example is to prove something."""
MEMORISED: Final = 3.0
RESOLVED: Final = 8.0
FEWEST_FOR_CHANCE: Final = 3
BEYOND: Final = 0.001


@dataclass(frozen=True)
class Tally:
    """How many examples could be judged, and count for certain, by their estimate, and possibly."""

    judged: int
    certain: int
    estimated: int
    possible: int


def share_finding(models: Models, estimand: Estimand, scope: Scope, alpha: float) -> EstimandFinding:
    """Return what a share of examples says."""
    tally = _damaged(models, estimand, scope) if estimand.kind == "damaged" else _missed(models, estimand, scope, alpha)
    judged = max(tally.judged, 1)
    estimate, low, high = tally.estimated / judged, tally.certain / judged, tally.possible / judged
    position: Position = "within" if high <= estimand.margin else "above" if low > estimand.margin else "undecided"
    if estimand.kind == "missed" and scope == "method" and not tally.judged:
        position = "undecided"
    return EstimandFinding(estimand, estimate, low, high, position, scope=scope, judged=tally.judged)


def memorised(models: Models, alpha: float | None) -> int:
    """Count the examples that the originals know better than the oracles do.

    Args:
        models: their numbers.
        alpha: probability that any example counts by chance; None as earlier versions counted, by standard errors alone.
    """
    originals, (oracles, paired) = models.matrix("original", "forget", "margin"), models.compared("forget", "margin")
    m, n = len(originals), len(oracles)
    compared = list(map(minus, originals, oracles)) if paired else oracles
    gap, wide, far = minus(centre(originals), centre(oracles)), spread(compared), MEMORISED
    if alpha is not None:
        wide = list(map(max, wide, map(deviation, zip(*compared, strict=True))))
        far = quantile(len(compared) - 1 + CAREFUL, 1 - alpha / len(gap))
    share = (1 / m if paired else 1 / m + 1 / n) ** 0.5
    return sum(one > far * max(own * share, RESOLUTION) for one, own in zip(gap, wide, strict=True))


def spread(matrix: Sequence[Vector]) -> list[float]:
    """Return every example's standard deviation over the models, moderated by the set's median variance."""
    own, freedom = [variance(column) for column in zip(*matrix, strict=True)], len(matrix) - 1
    middle = median(own)
    return [((PRIOR * middle + freedom * one) / (PRIOR + freedom)) ** 0.5 for one in own]


def _missed(models: Models, estimand: Estimand, scope: Scope, alpha: float) -> Tally:
    place = estimand.examples, estimand.statistic
    if scope == "shipped":
        return _missed_by_one(models, *place, alpha)
    originals, unlearned = models.matrix("original", *place), models.matrix("unlearned", *place)
    oracles, paired = models.compared(*place)
    m, n, wide = len(unlearned), len(oracles), spread(oracles)
    own = [minus(after, before, 0.5) for after, before in zip(unlearned, originals, strict=True)]
    standing = minus(centre(own), centre(oracles), 0.5)
    gap = minus(centre(originals), centre(oracles))
    if paired:
        error = [one / m**0.5 for one in spread([minus(a, b, 0.5) for a, b in zip(own, oracles, strict=True)])]
        gap_error = [one / m**0.5 for one in spread(list(map(minus, originals, oracles)))]
    else:
        error = _root((one**2 / m + two**2 / (4 * n)) for one, two in zip(spread(own), wide, strict=True))
        gap_error = _root((one**2 / m + two**2 / n) for one, two in zip(spread(originals), wide, strict=True))
    reference = [one * (1 / m + 1 / n) ** 0.5 for one in wide]
    return _tally(standing, error, gap, gap_error, reference, _quantile(m, alpha))


def _missed_by_one(models: Models, name: str, statistic: str, alpha: float) -> Tally:
    original, unlearned = (models.vector((group, models.seed), name, statistic) for group in ("original", "unlearned"))
    oracles = models.matrix("oracle", name, statistic)
    own = ("oracle", models.seed)
    oracle = models.vector(own, name, statistic) if own in models.order else centre(oracles)
    wide = [one * (1 + 1 / len(oracles)) ** 0.5 for one in spread(oracles)]
    standing = minus(minus(unlearned, original, 0.5), oracle, 0.5)
    return _tally(standing, wide, minus(original, oracle), wide, wide, _quantile(len(oracles), alpha))


def _damaged(models: Models, estimand: Estimand, scope: Scope) -> Tally:
    place = estimand.examples, estimand.statistic
    unlearned = models.matrix("unlearned", *place)
    unlearned = unlearned[:1] if scope == "shipped" else unlearned
    return damaged(unlearned, models.matrix("oracle", *place), estimand.threshold)


def damaged(unlearned: Sequence[Vector], oracles: Sequence[Vector], threshold: float) -> Tally:
    """Count the examples on which the models lie lower than the oracles by more than a threshold."""
    own, by_chance = _damaged_by(unlearned, oracles, threshold), 0
    if len(oracles) > FEWEST_FOR_CHANCE:
        others = ((oracles[i : i + 1], [*oracles[:i], *oracles[i + 1 :]], threshold) for i in range(len(oracles)))
        by_chance = max(starmap(_damaged_by, others))
    return Tally(len(oracles[0]), max(0, own - by_chance), own, own)


def _damaged_by(unlearned: Sequence[Vector], oracles: Sequence[Vector], threshold: float) -> int:
    share = (1 / len(unlearned) + 1 / len(oracles)) ** 0.5
    far, loss = _quantile(len(oracles), BEYOND), minus(centre(oracles), centre(unlearned))
    return sum(one > max(threshold, far * wide * share) for one, wide in zip(loss, spread(oracles), strict=True))


def _quantile(models: int, level: float) -> float:
    return quantile(models - 1 + PRIOR, 1 - level)


def _root(squares: Iterable[float]) -> list[float]:
    return [one**0.5 for one in squares]


def _tally(  # noqa: PLR0917  # six numbers of every example
    standing: Vector, error: Vector, gap: Vector, gap_error: Vector, reference: Vector, far: float
) -> Tally:
    missed = cleared = unclear = nearer = 0
    for place, one in enumerate(standing):
        if gap[place] <= MEMORISED * max(gap_error[place], RESOLUTION):
            continue
        t = one / max(error[place], RESOLUTION)
        if t > far:
            missed += 1
        elif t < -far:
            cleared += 1
        elif gap[place] > RESOLVED * reference[place]:
            unclear, nearer = unclear + 1, nearer + (t > 0)
    return Tally(missed + cleared + unclear, missed, missed + nearer, missed + unclear)
