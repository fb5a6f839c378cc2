"""Judges an estimand about the method: an interval over models or pairs, and its position relative to the margin.

Equivalence is shown by two one-sided tests (Schuirmann 1987): `within` means that both reject at level alpha, which is
the same as the 1 - 2 alpha interval lying inside the margin.

A quantity in units of the do-nothing gap is a ratio r = (U - O) / (G - O) of means over models: U of the unlearned
models, O of the oracles, G of the originals that were unlearned (on the forget set's margin). The hypothesis r = d is
linear, U - d G against (1 - d) O, and Student's t tests it as such: every unlearned model is taken together with its own
original, every oracle with itself, and in the paired design both with each other (Fieller 1954). Ratios are never averaged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import brentq

from unlearning_jobs.engine.contracts import Estimand, EstimandFinding, Position

from .outputs import Array, Outputs
from .welch import Difference, one_sample, prediction_reach, resolution, welch

UNBOUNDED = 1000.0
"""Ends of intervals are clipped to this, on both sides."""


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
    paired: bool = False
    """Whether the oracle k is that of the unlearned model k."""

    def against(self, value: float, alpha: float) -> Difference:
        """Compare the groups under the hypothesis that the estimand equals `value`; if it does, the difference is zero."""
        if self.absolute:
            return self._compare(self.unlearned - value, self.oracles, alpha)
        return self._compare(self.unlearned - value * self.unlearned_scale, self.oracles - value * self.oracle_scale, alpha)

    def gap(self, alpha: float) -> Difference:
        """Return the do-nothing gap with its bounds."""
        return self._compare(self.unlearned_scale, self.oracle_scale, alpha)

    def estimate(self) -> float:
        """Return the point estimate."""
        difference = float(self.unlearned.mean() - self.oracles.mean())
        if self.absolute:
            return difference
        gap = float(self.unlearned_scale.mean() - self.oracle_scale.mean())
        return float(np.clip(difference / gap if gap else 0.0, -UNBOUNDED, UNBOUNDED))

    def _compare(self, a: Array, b: Array, alpha: float) -> Difference:
        return one_sample(a - b, alpha, resolution=resolution(a, b)) if self.paired else welch(a, b, alpha)


def compare(outputs: Outputs, estimand: Estimand) -> Comparison:
    """Reduce the raw outputs to the estimand's number for each model."""
    unlearned = outputs.matrix("unlearned", estimand.examples, estimand.statistic)  # (models, examples)
    oracles, paired = oracles_of(outputs, estimand.examples, estimand.statistic)  # (models, examples)
    scale = outputs.matrix("original", "forget", "margin").mean(axis=1)  # (models,)
    oracle_scale = oracles_of(outputs, "forget", "margin")[0].mean(axis=1)  # (models,)
    absolute = estimand.unit == "absolute"
    if estimand.kind == "deviation":
        numbers, floor = distances(unlearned, oracles, paired=paired), leave_one_out_distance(oracles)
    else:
        numbers, floor = unlearned.mean(axis=1), oracles.mean(axis=1)
    return Comparison(
        unlearned=numbers,
        oracles=floor,
        unlearned_scale=np.zeros_like(scale) if absolute else scale,
        oracle_scale=np.zeros_like(oracle_scale) if absolute else oracle_scale,
        absolute=absolute,
        paired=paired,
    )


def oracles_of(outputs: Outputs, name: str, statistic: str) -> tuple[Array, bool]:
    """Return the oracles that the method is compared with, (oracles, examples), and whether they are pairs."""
    pairs = outputs.pairs(name, statistic)
    return (pairs, True) if len(pairs) > 1 else (outputs.matrix("oracle", name, statistic), False)


def forget_margin(outputs: Outputs, group: Literal["original", "oracle"]) -> Array:
    """Return the mean margin on the forget set for each model: (models,)."""
    return np.asarray(outputs.matrix(group, "forget", "margin").mean(axis=1))


def distances(unlearned: Array, oracles: Array, *, paired: bool) -> Array:
    """Return each unlearned model's mean absolute distance to the oracles' mean, without its own oracle if it has one."""
    centre = leave_one_out_means(oracles) if paired else oracles.mean(axis=0)
    return np.asarray(np.abs(unlearned - centre).mean(axis=1))


def leave_one_out_distance(oracles: Array) -> Array:
    """Return each oracle's mean absolute distance to the mean of the others: (n, examples) -> (n,)."""
    return np.asarray(np.abs(oracles - leave_one_out_means(oracles)).mean(axis=1))


def pairwise_distance(oracles: Array) -> Array:
    """Return each oracle's mean absolute distance to every other one, averaged: (n, examples) -> (n,)."""
    between = np.abs(oracles[:, None] - oracles[None]).mean(axis=2)  # (n, n)
    return np.asarray(between.sum(axis=1) / (len(oracles) - 1))


def leave_one_out_means(oracles: Array) -> Array:
    """Return, for each oracle, the mean of the others: (n, examples) -> (n, examples)."""
    return np.asarray((oracles.sum(axis=0) - oracles) / (len(oracles) - 1))


def margin_used(estimand: Estimand, oracles: Array) -> float:
    """Return the margin: in absolute units, never finer than the interval of a further oracle (oracles: one number each)."""
    return estimand.margin if estimand.unit == "gap" else max(estimand.margin, prediction_reach(oracles))


def judge(comparison: Comparison, estimand: Estimand, alpha: float) -> EstimandFinding:
    """Return estimate, interval and position of one estimand."""
    margin = margin_used(estimand, comparison.oracles)
    two_sided = estimand.kind == "location"
    measurable = comparison.absolute or comparison.gap(alpha).low > 0  # otherwise the estimand's unit is not known
    low, high = _interval(comparison, alpha) if measurable else (-UNBOUNDED, UNBOUNDED)
    position: Position = "undecided"
    if measurable:
        position = position_of(comparison.against(margin, alpha), comparison.against(-margin, alpha), two_sided=two_sided)
    used = None if margin == estimand.margin else margin
    return EstimandFinding(estimand, comparison.estimate(), low, high, position, margin_used=used)


def position_of(at_margin: Difference, at_minus_margin: Difference, *, two_sided: bool) -> Position:
    """Return the position, from the differences under the hypotheses that the estimand lies at either margin."""
    if at_margin.low > 0:
        return "above"
    if two_sided and at_minus_margin.high < 0:
        return "below"
    if at_margin.high < 0 and (not two_sided or at_minus_margin.low > 0):
        return "within"
    return "undecided"


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
