"""Estimands about the method: an interval over models or pairs, and where it lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from compliance.formats.findings import EstimandFinding, Position
from compliance.formats.protocol import FURTHER, Estimand

from .models import Models, centre, distance, leave_one_out, means, minus
from .student import Difference, Numbers, one_sample, reach, welch

UNBOUNDED: Final = 1000.0
CLOSE: Final = 1e-11


@dataclass(frozen=True)
class Comparison:
    """One number for each model, and what one unit is worth in each."""

    unlearned: Numbers
    oracles: Numbers
    unlearned_scale: Numbers
    oracle_scale: Numbers
    absolute: bool
    paired: bool

    def against(self, value: float, alpha: float) -> Difference:
        """Return the difference that is zero if the estimand equals `value`."""
        if self.absolute:
            return self._compare([number - value for number in self.unlearned], self.oracles, alpha)
        unlearned = minus(self.unlearned, self.unlearned_scale, value)
        return self._compare(unlearned, minus(self.oracles, self.oracle_scale, value), alpha)

    def estimate(self) -> float:
        """Return the difference of the means, in the estimand's unit."""
        difference = fmean(self.unlearned) - fmean(self.oracles)
        if self.absolute:
            return difference
        gap = fmean(self.unlearned_scale) - fmean(self.oracle_scale)
        return clipped(difference / gap if gap else 0.0)

    def is_measurable(self, alpha: float) -> bool:
        """Return whether the unit is known to be above zero."""
        return self.absolute or self._compare(self.unlearned_scale, self.oracle_scale, alpha).low > 0

    def _compare(self, a: Numbers, b: Numbers, alpha: float) -> Difference:
        return one_sample(a, b, alpha) if self.paired else welch(a, b, alpha)


def compare(models: Models, estimand: Estimand) -> Comparison:
    """Return the numbers of a location or deviation."""
    place = estimand.examples, estimand.statistic
    unlearned, (oracles, paired) = models.matrix("unlearned", *place), models.compared(*place)
    if estimand.kind == "deviation":
        others = leave_one_out(oracles)
        around = others if paired else [centre(oracles)] * len(unlearned)
        numbers, floor = list(map(distance, unlearned, around)), list(map(distance, oracles, others))
    else:
        numbers, floor = means(unlearned), means(oracles)
    return Comparison(
        unlearned=numbers,
        oracles=floor,
        unlearned_scale=means(models.matrix("original", "forget", "margin")),
        oracle_scale=means(models.compared("forget", "margin")[0]),
        absolute=estimand.unit == "absolute",
        paired=paired,
    )


def judge(models: Models, estimand: Estimand, alpha: float) -> EstimandFinding:
    """Return what a location or deviation says about the method."""
    comparison = compare(models, estimand)
    absolute, estimate = comparison.absolute, comparison.estimate()
    margin = max(estimand.margin, reach(comparison.oracles, FURTHER)) if absolute else estimand.margin
    low, high = -UNBOUNDED, UNBOUNDED
    position: Position = "undecided"
    if comparison.is_measurable(alpha):
        low = crossing(lambda value: comparison.against(value, alpha).low, estimate, -1)
        high = crossing(lambda value: comparison.against(value, alpha).high, estimate, 1)
        position = _position(comparison, margin, alpha, two_sided=estimand.kind == "location")
    used = None if margin == estimand.margin else margin
    return EstimandFinding(estimand, estimate, low, high, position, margin_used=used)


def _position(comparison: Comparison, margin: float, alpha: float, *, two_sided: bool) -> Position:
    at_margin, at_minus = comparison.against(margin, alpha), comparison.against(-margin, alpha)
    if at_margin.low > 0:
        return "above"
    if two_sided and at_minus.high < 0:
        return "below"
    return "within" if at_margin.high < 0 and (not two_sided or at_minus.low > 0) else "undecided"


def crossing(bound: Callable[[float], float], start: float, direction: int) -> float:
    """Return where a falling bound crosses zero beyond the start, by regula falsi that halves a stuck end."""
    if direction * bound(start) <= 0:
        return start
    step = 1e-3
    while direction * bound(start + direction * step) > 0:
        step *= 2
        if abs(start) + step > UNBOUNDED:
            return direction * UNBOUNDED
    near, far = start + direction * step / 2 * (step > 1e-3), start + direction * step  # noqa: PLR2004  # the first step
    at_near, at_far = bound(near), bound(far)
    while abs(far - near) > CLOSE and at_near != at_far:
        middle = near - at_near * (far - near) / (at_far - at_near)
        at_middle = bound(middle)
        if abs(at_middle) < CLOSE:
            return middle
        if at_middle * at_far < 0:
            near, at_near = far, at_far
        else:
            at_near /= 2
        far, at_far = middle, at_middle
    return far


def clipped(value: float) -> float:
    """Return the value, no farther from zero than an estimate in units of the gap is given."""
    return max(-UNBOUNDED, min(UNBOUNDED, value))
