"""Counts examples, each in units of its own: those that were missed, and those that were damaged.

A mean over examples hides one of ten that was left untouched, and one of twelve that was destroyed. A count does not, and
it does not grow with how well the others are memorised. Variances of single examples come from few models, so they are
moderated by the median variance of the set (compare Smyth 2004, Statistical Applications in Genetics and Molecular Biology
3(1), with a prior of fixed weight).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import stdtrit

from .outputs import RESOLUTION, Array

PRIOR_FREEDOM: Final = 4
"""Weight of the set's median variance, in degrees of freedom. A few noisy examples do not move a median."""
CAREFUL_FREEDOM: Final = 2
"""What the median variance adds in degrees of freedom where one example is to prove something, and examples differ in
variance; half of its weight keeps the level for variances that differ by a factor of seven."""
MEMORISED: Final = 3.0
"""An example is judged by itself if its own gap is this many standard errors above zero. Some are by chance, which proves
nothing about them: how many count as memorised, `memorised` says."""
RESOLVED: Final = 8.0
"""With a gap of so many standard errors, an example that has been forgotten and one that has not are told apart in 99 of
100 cases. A memorised example with a smaller gap counts only if its position is clear."""
FEWEST_FOR_CHANCE: Final = 3
"""With more oracles than that, one can be left out and the others still have a spread."""
BEYOND: Final = 0.001
"""Level at which damage to one example is beyond the oracles' own spread."""


@dataclass(frozen=True)
class Tally:
    """How many of the examples that could be judged one by one count for certain, by their estimate, and possibly."""

    judged: int
    certain: int
    estimated: int
    possible: int

    def shares(self) -> tuple[float, float, float]:
        """Return estimate, lower and upper bound as shares of the judged examples; zeros if none could be judged."""
        judged = max(self.judged, 1)
        return self.estimated / judged, self.certain / judged, self.possible / judged


def moderated_deviation(values: Array) -> Array:
    """Return every example's standard deviation over at least two models, moderated: (models, examples) -> (examples,)."""
    own, freedom = np.var(values, axis=0, ddof=1), len(values) - 1
    variance = (PRIOR_FREEDOM * np.median(own) + freedom * own) / (PRIOR_FREEDOM + freedom)
    return np.asarray(np.sqrt(variance))


def missed(original: Array, unlearned: Array, oracles: Array, *, paired: bool, alpha: float) -> Tally:
    """Count the examples that the unlearned models leave nearer to the originals than to the oracles.

    Args:
        original: margins of the models before unlearning, (m, examples).
        unlearned: margins of the same models afterwards, (m, examples).
        oracles: margins (n, examples); with `paired`, the oracle k is that of the model k.
        paired: whether the differences are taken pair by pair.
        alpha: one-sided level at which an example's position is clear.
    """
    m, n = len(unlearned), len(oracles)
    spread = moderated_deviation(oracles)
    # 1. Where each example stands: above zero, it is nearer to the original.
    own = unlearned - original / 2  # (m, examples)
    standing = own.mean(axis=0) - oracles.mean(axis=0) / 2
    gap = original.mean(axis=0) - oracles.mean(axis=0)
    # 2. How well that is known.
    if paired:
        error = moderated_deviation(own - oracles / 2) / m**0.5
        gap_error = moderated_deviation(original - oracles) / m**0.5
    else:
        error = np.sqrt(moderated_deviation(own) ** 2 / m + spread**2 / (4 * n))
        gap_error = np.sqrt(moderated_deviation(original) ** 2 / m + spread**2 / n)
    quantile = _quantile(m, alpha)
    return _tally(standing / np.maximum(error, RESOLUTION), gap, gap_error, spread * (1 / m + 1 / n) ** 0.5, quantile)


def missed_by_one(original: Array, unlearned: Array, oracle: Array, oracles: Array, *, alpha: float) -> Tally:
    """Count the examples that one model leaves nearer to its original than to the oracle.

    Args:
        original: margins of the model before unlearning, (examples,).
        unlearned: its margins afterwards, (examples,).
        oracle: margins of its own oracle, or the means over the oracles, (examples,).
        oracles: margins of at least two oracles, (n, examples); their spread is that of a single model.
        alpha: one-sided level at which an example's position is clear.
    """
    spread = moderated_deviation(oracles) * (1 + 1 / len(oracles)) ** 0.5
    standing, gap = unlearned - (original + oracle) / 2, original - oracle
    quantile = _quantile(len(oracles), alpha)
    return _tally(standing / np.maximum(spread, RESOLUTION), gap, spread, spread, quantile)


def memorised(original: Array, oracles: Array, *, paired: bool, alpha: float) -> int:
    """Count the examples that the originals know better than the oracles do, beyond the spread of models.

    If nothing is remembered, any example counts with a probability of at most about `alpha`, however many there are and
    however they depend on one another (Bonferroni). An example's deviation is its own or the moderated one, whichever is
    larger: noisier examples than most must not count by what the others make of their variance.
    """
    m, n = len(original), len(oracles)
    gap = original.mean(axis=0) - oracles.mean(axis=0)
    spread = original - oracles if paired else oracles
    error = np.maximum(moderated_deviation(spread), np.std(spread, axis=0, ddof=1))
    error *= (1 / m if paired else 1 / m + 1 / n) ** 0.5
    quantile = float(stdtrit(len(spread) - 1 + CAREFUL_FREEDOM, 1 - alpha / len(gap)))
    return int((gap > quantile * np.maximum(error, RESOLUTION)).sum())


def damaged(unlearned: Array, oracles: Array, threshold: float) -> Tally:
    """Count the examples on which the models' mean is lower than the oracles' by more than the threshold.

    Only the oracles' spread widens the threshold: models that differ among themselves must not hide damage by it. Examples
    of one model are not independent, so a share may be high by chance: for certain count those beyond the largest number
    that an oracle has against the other ones.

    Args:
        unlearned: the statistic, (m, examples); one model is enough.
        oracles: the statistic of at least two oracles, (n, examples).
        threshold: loss from which an example counts, in the statistic's unit.
    """
    own = _damaged_by(unlearned, oracles, threshold)
    by_chance = 0
    if len(oracles) > FEWEST_FOR_CHANCE:
        by_chance = max(
            _damaged_by(oracles[i : i + 1], np.delete(oracles, i, axis=0), threshold) for i in range(len(oracles))
        )
    return Tally(oracles.shape[1], max(0, own - by_chance), own, own)


def _damaged_by(unlearned: Array, oracles: Array, threshold: float) -> int:
    error = moderated_deviation(oracles) * (1 / len(unlearned) + 1 / len(oracles)) ** 0.5
    loss = oracles.mean(axis=0) - unlearned.mean(axis=0)
    return int((loss > np.maximum(threshold, _quantile(len(oracles), BEYOND) * error)).sum())


def _quantile(models: int, level: float) -> float:
    """Return Student's quantile for a moderated deviation over this many models."""
    return float(stdtrit(models - 1 + PRIOR_FREEDOM, 1 - level))


def _tally(t: Array, gap: Array, gap_error: Array, reference: Array, quantile: float) -> Tally:
    """Sort the examples by `t`, where each stands in standard errors; all are (examples,)."""
    is_memorised = gap > MEMORISED * np.maximum(gap_error, RESOLUTION)
    is_missed, is_cleared = is_memorised & (t > quantile), is_memorised & (t < -quantile)
    is_unclear = is_memorised & ~is_missed & ~is_cleared & (gap > RESOLVED * reference)
    certain, unclear = int(is_missed.sum()), int(is_unclear.sum())
    estimated = certain + int((is_unclear & (t > 0)).sum())
    return Tally(certain + int(is_cleared.sum()) + unclear, certain, estimated, certain + unclear)
