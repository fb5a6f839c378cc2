"""Forecasts, before approval, how likely the measurements of a job are to decide, from what earlier jobs measured.

The forecast is for a result that is exactly as good as retraining. It looks at one estimand, the forget set's mean in units
of the do-nothing gap, which usually decides last. Others can only make "inconclusive" likelier.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

import numpy as np

from compliance.formats.protocol import FURTHER, HALF
from unlearning_jobs.engine.contracts import DEFAULT_ESTIMANDS, Protocol

from .distributions import chi_squared_quantile, normal_probability, student_quantile

GRID: Final = (np.arange(200) + 0.5) / 200
"""Probabilities at which the estimated spread is tried."""
SMALLEST: Final = 1e-12
"""Stands for the deviation of models that do not differ."""


@dataclass(frozen=True)
class Precedent:
    """What a finished job says about the next one on the same model."""

    decided: bool | None
    """Whether its measurements decided; None if its verdict did not rest on them."""
    spread: float | None
    """Standard deviation of one oracle's mean margin on the forget set, in units of the gap; None if it measured none."""
    saved_by_pairs: float | None
    """Variance of independent differences over that of the paired ones; None if there were no pairs."""


@dataclass(frozen=True)
class Outlook:
    """What is known beforehand about the decision of a job."""

    chances: tuple[float, ...]
    """For each look, the probability that it decides if the result is as good as retraining; empty if unknown."""
    spread: float | None
    """The spread that the chances were computed from."""
    assumes_no_gain: bool
    """Whether pairs are compared whose gain no earlier job measured, so that they are taken to gain nothing."""
    jobs: int
    """Number of earlier jobs that measured it."""
    decided: int
    """Number of earlier jobs that their measurements decided."""
    measured: int
    """Number of earlier jobs whose verdict rested on measurements."""


def outlook(protocol: Protocol, precedents: Sequence[Precedent]) -> Outlook:
    """Return how likely a job by this protocol is to be decided."""
    spread, saved = typical_spread(precedents), typical_saving(precedents)
    chances = () if spread is None else chances_by_look(protocol, spread, 1.0 if saved is None else saved)
    verdicts = [precedent.decided for precedent in precedents if precedent.decided is not None]
    return Outlook(
        chances=chances,
        spread=spread,
        assumes_no_gain=protocol.paired and saved is None,
        jobs=sum(precedent.spread is not None for precedent in precedents),
        decided=sum(verdicts),
        measured=len(verdicts),
    )


def typical_spread(precedents: Sequence[Precedent]) -> float | None:
    """Return the root mean square of the measured spreads: their variances are what has to be averaged."""
    spreads = [precedent.spread for precedent in precedents if precedent.spread is not None]
    return math.sqrt(fmean(spread**2 for spread in spreads)) if spreads else None


def typical_saving(precedents: Sequence[Precedent]) -> float | None:
    """Return the geometric mean of what pairs saved, as they are ratios."""
    savings = [saved for precedent in precedents if (saved := precedent.saved_by_pairs) is not None and saved > 0]
    return math.exp(fmean(map(math.log, savings))) if savings else None


def chances_by_look(protocol: Protocol, spread: float, saved: float) -> tuple[float, ...]:
    """Return for each look the probability that a result as good as retraining lies within the margin by then.

    About the method, the estimate is tested against both margins +m and -m in units of the gap, as U - d G against (1 - d) O
    (see `evaluation.estimands`). With models that vary by s, the difference has around +-m the variance v:

        independent  v = s^2 ((1 + m^2) / U + (1 -+ m)^2 / O), Satterthwaite's degrees of freedom f
        paired       v = s^2 (1 + m^2 + (1 -+ m)^2) / (g P),   f = P - 1

    for U unlearned models, O oracles, or P pairs that save a factor g. Its estimated deviation e has f e^2 / v like chi^2
    with f degrees of freedom. Given e, one side holds with the probability Phi((m - t e) / sqrt(v)), where t is Student's
    quantile at 1 - alpha / looks; both hold with the sum less 1, or 0 if that is negative; it is averaged over e.

    About the shipped model, the difference has the variance 2 s^2 / g with its own pair, and s^2 (1 + 1 / O) without, where
    t e is that of the oracles' mean. The margin is at least the reach of a further oracle, and at most half a gap. The
    product of both is returned, as if they were independent.
    """
    return tuple(
        _about_method(protocol, look, spread, saved) * _about_shipped(protocol, look, spread, saved)
        for look in range(1, protocol.looks + 1)
    )


def _about_method(protocol: Protocol, look: int, spread: float, saved: float) -> float:
    margin, unlearned, oracles = _margin(protocol), protocol.unlearned_at(look), protocol.independent_oracles_at(look)
    both = np.full_like(GRID, -1.0)
    for sign in (-1, 1):
        own, other = 1 + margin**2, (1 + sign * margin) ** 2
        if protocol.paired:
            variance, freedom = spread**2 * (own + other) / (saved * unlearned), unlearned - 1.0
        else:
            first, second = own / unlearned, other / oracles  # of the two means, in units of the spread
            variance = spread**2 * (first + second)
            freedom = (first + second) ** 2 / (first**2 / (unlearned - 1) + second**2 / (oracles - 1))
        reach = student_quantile(freedom, 1 - protocol.alpha_per_look) * np.sqrt(variance * _chi_squares(freedom) / freedom)
        both += normal_probability((margin - reach) / max(variance**0.5, SMALLEST))
    return float(np.maximum(0.0, both).mean())


def _about_shipped(protocol: Protocol, look: int, spread: float, saved: float) -> float:
    margin, oracles = _margin(protocol), protocol.oracles_at(look)
    freedom = oracles - 1
    estimated = spread * np.sqrt(_chi_squares(freedom) / freedom)  # of single oracles
    further = student_quantile(freedom, 1 - FURTHER / 2) * (1 + 1 / oracles) ** 0.5 * estimated
    widened = np.minimum(np.maximum(margin, further), max(HALF, margin))
    if protocol.paired:
        return _probability(widened, 2 * spread**2 / saved)
    reach = student_quantile(freedom, 1 - protocol.alpha_per_look) * estimated / oracles**0.5
    return _probability(widened - reach, spread**2 * (1 + 1 / oracles))


def _margin(protocol: Protocol) -> float:
    """Return the margin of the forget set's mean, in units of the gap."""
    estimands = (*protocol.estimands, *DEFAULT_ESTIMANDS)
    return next(e.margin for e in estimands if (e.examples, e.kind, e.unit) == ("forget", "location", "gap"))


def _chi_squares(freedom: float) -> np.typing.NDArray[np.float64]:
    return np.asarray(chi_squared_quantile(freedom, GRID))


def _probability(room: np.typing.NDArray[np.float64], variance: float) -> float:
    """Return how often a normal number around 0 is nearer to it than the room that is left, averaged over the room."""
    return float(np.maximum(0.0, 2 * normal_probability(room / max(variance**0.5, SMALLEST)) - 1).mean())
