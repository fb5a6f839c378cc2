"""Estimates with confidence intervals, model by model, and where they lie relative to the margin fixed beforehand.

Equivalence is shown by two one-sided tests (Schuirmann 1987): `within` means that both reject at level alpha, which is
the same as the 1 - 2 alpha interval lying inside the margin.

A quantity in units of the do-nothing gap is a ratio r = (U - O) / (G - O) of means over models: U of the unlearned
models, O of the oracles, G of the originals that were unlearned (on the forget set's margin). Its hypotheses r = d are
linear, U - d G against (1 - d) O, and are tested as such with Welch's t, every unlearned model paired with its own
original and every oracle with itself (Fieller 1954). No ratio is ever averaged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import brentq

from unlearning_jobs.engine.contracts import Estimand, EstimandFinding

from .outputs import Array, Outputs
from .welch import Welch, welch

UNBOUNDED = 1000.0
"""An end of an interval beyond this is reported as this."""
Position = Literal["within", "below", "above", "undecided"]


@dataclass(frozen=True)
class Comparison:
    """One number per model, and the scale that one unit of the estimand has in each."""

    unlearned: Array
    oracles: Array
    unlearned_scale: Array
    """Forget-set margin of each unlearned model's original; zero for absolute units."""
    oracle_scale: Array
    """Forget-set margin of each oracle; zero for absolute units."""
    absolute: bool

    def against(self, value: float, alpha: float) -> Welch:
        """Welch's comparison under the hypothesis that the estimand equals `value`; zero where it is exactly true."""
        if self.absolute:
            return welch(self.unlearned - value, self.oracles, alpha)
        return welch(self.unlearned - value * self.unlearned_scale, self.oracles - value * self.oracle_scale, alpha)

    def estimate(self) -> float:
        """The estimand's point estimate."""
        difference = float(self.unlearned.mean() - self.oracles.mean())
        if self.absolute:
            return difference
        gap = float(self.unlearned_scale.mean() - self.oracle_scale.mean())
        return float(np.clip(difference / gap if gap else 0.0, -UNBOUNDED, UNBOUNDED))


def compare(outputs: Outputs, estimand: Estimand) -> Comparison:
    """The estimand's numbers per model, from the raw outputs."""
    unlearned = outputs.matrix("unlearned", estimand.examples, estimand.statistic)
    oracles = outputs.matrix("oracle", estimand.examples, estimand.statistic)
    absolute = estimand.unit == "absolute"
    location = estimand.kind == "location"
    return Comparison(
        unlearned=unlearned.mean(axis=1) if location else np.abs(unlearned - oracles.mean(axis=0)).mean(axis=1),
        oracles=oracles.mean(axis=1) if location else leave_one_out_distance(oracles),
        unlearned_scale=np.zeros(len(unlearned)) if absolute else forget_margin(outputs, "original"),
        oracle_scale=np.zeros(len(oracles)) if absolute else forget_margin(outputs, "oracle"),
        absolute=absolute,
    )


def forget_margin(outputs: Outputs, group: Literal["original", "oracle"]) -> Array:
    """Mean margin on the forget set per model: (models,)."""
    return np.asarray(outputs.matrix(group, "forget", "margin").mean(axis=1))


def leave_one_out_distance(oracles: Array) -> Array:
    """Per oracle the mean over examples of its absolute distance to the mean of the others: (n, examples) -> (n,)."""
    n = len(oracles)
    others = (oracles.sum(axis=0) - oracles) / (n - 1)
    return np.asarray(np.abs(oracles - others).mean(axis=1))


def judge(comparison: Comparison, estimand: Estimand, alpha: float) -> EstimandFinding:
    """Estimate, interval and position of one estimand."""
    at_margin = comparison.against(estimand.margin, alpha)
    at_mirror = comparison.against(-estimand.margin, alpha)
    two_sided = estimand.kind == "location"
    clear = _gap_is_clear(comparison, alpha)
    low, high = _interval(comparison, alpha) if clear else (-UNBOUNDED, UNBOUNDED)
    return EstimandFinding(
        estimand,
        comparison.estimate(),
        low,
        high,
        _position(at_margin, at_mirror, two_sided=two_sided) if clear else "undecided",
    )


def _position(at_margin: Welch, at_mirror: Welch, *, two_sided: bool) -> Position:
    if at_margin.low > 0:
        return "above"
    if two_sided and at_mirror.high < 0:
        return "below"
    if at_margin.high < 0 and (not two_sided or at_mirror.low > 0):
        return "within"
    return "undecided"


def _gap_is_clear(comparison: Comparison, alpha: float) -> bool:
    return comparison.absolute or welch(comparison.unlearned_scale, comparison.oracle_scale, alpha).low > 0


def _interval(comparison: Comparison, alpha: float) -> tuple[float, float]:
    """All values that neither one-sided test rejects. Both bounds fall as the value rises, while the gap is clear."""
    estimate = comparison.estimate()
    high = _crossing(lambda value: comparison.against(value, alpha).high, estimate, 1)
    low = _crossing(lambda value: comparison.against(value, alpha).low, estimate, -1)
    return low, high


def _crossing(bound: Callable[[float], float], start: float, direction: int) -> float:
    """Where `bound` changes sign beyond `start`: from positive going up, from negative going down."""
    if direction * bound(start) <= 0:
        return start
    reach = 1e-3
    while direction * bound(start + direction * reach) > 0:
        reach *= 2
        if abs(start) + reach > UNBOUNDED:
            return direction * UNBOUNDED
    return float(brentq(bound, start, start + direction * reach, xtol=1e-9))
