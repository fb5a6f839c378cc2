"""Estimates with confidence intervals, with the model as the unit, and their position relative to the margin.

Equivalence is shown by two one-sided tests (Schuirmann 1987): `within` means that both reject at level alpha, which is
the same as the 1 - 2 alpha interval lying inside the margin.

A quantity in units of the do-nothing gap is a ratio r = (U - O) / (G - O) of means over models: U of the unlearned
models, O of the oracles, G of the originals that were unlearned (on the forget set's margin). The hypothesis r = d is
linear, U - d G against (1 - d) O, and Welch's t tests it as such: every unlearned model is paired with its own original,
and every oracle with itself (Fieller 1954). Ratios are never averaged.
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
"""Ends of intervals are clipped to this, on both sides."""
Position = Literal["within", "below", "above", "undecided"]


@dataclass(frozen=True)
class Comparison:
    """One number per model, and what one unit of the estimand is worth in each model."""

    unlearned: Array
    """(unlearned models,)"""
    oracles: Array
    """(oracles,)"""
    unlearned_scale: Array
    """(unlearned models,): forget-set margin of each one's original; zero for absolute units."""
    oracle_scale: Array
    """(oracles,): forget-set margin of each oracle; zero for absolute units."""
    absolute: bool

    def against(self, value: float, alpha: float) -> Welch:
        """Compare the groups under the hypothesis that the estimand equals `value`; if it does, the difference is zero."""
        if self.absolute:
            return welch(self.unlearned - value, self.oracles, alpha)
        return welch(self.unlearned - value * self.unlearned_scale, self.oracles - value * self.oracle_scale, alpha)

    def estimate(self) -> float:
        """Return the point estimate."""
        difference = float(self.unlearned.mean() - self.oracles.mean())
        if self.absolute:
            return difference
        gap = float(self.unlearned_scale.mean() - self.oracle_scale.mean())
        return float(np.clip(difference / gap if gap else 0.0, -UNBOUNDED, UNBOUNDED))


def compare(outputs: Outputs, estimand: Estimand) -> Comparison:
    """Reduce the raw outputs to the estimand's number for each model."""
    unlearned = outputs.matrix("unlearned", estimand.examples, estimand.statistic)  # (models, examples)
    oracles = outputs.matrix("oracle", estimand.examples, estimand.statistic)  # (models, examples)
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
    """Return the mean margin on the forget set for each model: (models,)."""
    return np.asarray(outputs.matrix(group, "forget", "margin").mean(axis=1))


def leave_one_out_distance(oracles: Array) -> Array:
    """Return each oracle's mean absolute distance to the mean of the others: (n, examples) -> (n,)."""
    n = len(oracles)
    others = (oracles.sum(axis=0) - oracles) / (n - 1)  # (n, examples): mean of the others
    return np.asarray(np.abs(oracles - others).mean(axis=1))


def judge(comparison: Comparison, estimand: Estimand, alpha: float) -> EstimandFinding:
    """Return estimate, interval and position of one estimand."""
    at_margin = comparison.against(estimand.margin, alpha)
    at_minus_margin = comparison.against(-estimand.margin, alpha)
    two_sided = estimand.kind == "location"
    measurable = _gap_is_positive(comparison, alpha)  # otherwise the unit of the estimand is not known
    low, high = _interval(comparison, alpha) if measurable else (-UNBOUNDED, UNBOUNDED)
    return EstimandFinding(
        estimand,
        comparison.estimate(),
        low,
        high,
        _position(at_margin, at_minus_margin, two_sided=two_sided) if measurable else "undecided",
    )


def _position(at_margin: Welch, at_minus_margin: Welch, *, two_sided: bool) -> Position:
    if at_margin.low > 0:
        return "above"
    if two_sided and at_minus_margin.high < 0:
        return "below"
    if at_margin.high < 0 and (not two_sided or at_minus_margin.low > 0):
        return "within"
    return "undecided"


def _gap_is_positive(comparison: Comparison, alpha: float) -> bool:
    return comparison.absolute or welch(comparison.unlearned_scale, comparison.oracle_scale, alpha).low > 0


def _interval(comparison: Comparison, alpha: float) -> tuple[float, float]:
    """Return the values that neither one-sided test rejects.

    While the gap is positive, both bounds fall as the value rises, so each end is where one of them crosses zero.
    """
    estimate = comparison.estimate()
    high = _crossing(lambda value: comparison.against(value, alpha).high, estimate, 1)
    low = _crossing(lambda value: comparison.against(value, alpha).low, estimate, -1)
    return low, high


def _crossing(bound: Callable[[float], float], start: float, direction: int) -> float:
    """Find where `bound` changes sign beyond `start`: from positive going up, from negative going down."""
    if direction * bound(start) <= 0:
        return start
    step = 1e-3
    while direction * bound(start + direction * step) > 0:
        step *= 2
        if abs(start) + step > UNBOUNDED:
            return direction * UNBOUNDED
    return float(brentq(bound, start, start + direction * step, xtol=1e-9))
