"""Judges the one model that would be released, beside the statement about the method.

A method can be right on all replicates and its shipped model still be another one. The shipped model is not a sample: it
is compared as it is. With an oracle of its own (same seed, same order of the examples, the forgotten ones left out), there
is no sampling error. Otherwise only the mean of the oracles is uncertain, and Student's t over the oracles bounds it.

Models that never saw the forget set differ among themselves too. In units of the gap, what lies outside the margin and
no farther away than a further oracle could is undecided, and nothing beyond half of the gap is ever within.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.special import stdtrit

from compliance.formats.protocol import FURTHER, HALF
from unlearning_jobs.engine.contracts import Estimand, EstimandFinding, Position, Scope

from .each_example import Tally, damaged, missed_by_one
from .estimands import UNBOUNDED, leave_one_out_distance, pairwise_distance
from .outputs import Array, ModelKey, Outputs
from .welch import SMALLEST, prediction_reach

OUTSIDE: Final = 0.01
"""Level of the interval of a further oracle beyond which the shipped model is outside; wider than that of `FURTHER`."""
VETO: Final = 0.001
"""Two-sided level of the veto of an annex, for each estimand."""


def judge_shipped(outputs: Outputs, estimand: Estimand, alpha: float) -> EstimandFinding:
    """Judge the production model by one estimand."""
    if estimand.kind in ("missed", "damaged"):
        return share_finding(estimand, _tally(outputs, estimand, alpha), "shipped")
    shipped = _numbers(outputs, estimand)
    position, used = shipped.position(estimand, alpha)
    low, high = shipped.interval(alpha)
    return EstimandFinding(estimand, shipped.estimate(), low, high, position, scope="shipped", margin_used=used)


def vetoes(outputs: Outputs, estimand: Estimand) -> Position | None:
    """Return on which side the production model contradicts an exact result; None if it does not.

    A retrained model is one more oracle. It contradicts that only where it lies outside the margin and outside the
    prediction interval of a further oracle.
    """
    if estimand.kind in ("missed", "damaged"):
        finding = share_finding(estimand, _tally(outputs, estimand, VETO), "shipped")
        return finding.position if finding.position == "above" else None
    position, _ = replace(_numbers(outputs, estimand), apart=None).position(estimand, VETO, VETO)
    return position if position in ("above", "below") else None


def share_finding(estimand: Estimand, tally: Tally, scope: Scope) -> EstimandFinding:
    """Return the finding of a share of examples."""
    estimate, low, high = tally.shares()
    position: Position = "within" if high <= estimand.margin else "above" if low > estimand.margin else "undecided"
    if estimand.kind == "missed" and scope == "method" and not tally.judged:
        position = "undecided"  # an absent measurement is not a pass
    return EstimandFinding(
        estimand,
        estimate,
        low,
        high,
        position,
        scope=scope,
        judged=tally.judged,
    )


@dataclass(frozen=True)
class ShippedNumbers:
    """The estimand's number of the shipped model, of its original, and of the oracles."""

    unlearned: float
    original: float
    """Forget-set margin of the model before unlearning."""
    own: float | None
    """The number of its own oracle; None if it has none."""
    own_scale: float | None
    """The forget-set margin of its own oracle."""
    oracles: Array
    """(oracles,)"""
    oracle_scale: Array
    """(oracles,): forget-set margins."""
    absolute: bool
    two_sided: bool
    apart: Array | None = None
    """How far the other unlearned models lie from their own oracles, (models,); None without pairs."""

    def estimate(self) -> float:
        """Return the distance from the own oracle, or from the oracles' mean."""
        return float(np.clip(self._at(0.0) / self._unit(), -UNBOUNDED, UNBOUNDED))

    def interval(self, alpha: float) -> tuple[float, float]:
        """Return the values that neither one-sided test rejects, with the gap taken as measured."""
        half_width = 0.0 if self.own is not None else self._half_width(0.0, alpha) / self._unit()
        ends = (float(np.clip(self.estimate() + side * half_width, -UNBOUNDED, UNBOUNDED)) for side in (-1, 1))
        low, high = ends
        return low, high

    def position(self, estimand: Estimand, alpha: float, outside: float = OUTSIDE) -> tuple[Position, float | None]:
        """Return the position, and the margin used if it is not the estimand's own.

        Args:
            estimand: says the margin.
            alpha: one-sided level.
            outside: level of the interval of a further oracle; only what lies beyond it is outside.
        """
        if not self.absolute and self._gap() <= 0:
            return "undecided", None  # its original knows no more than the oracle, so there is no unit
        # By chance a retrained model lies as far away as one oracle from others; in pairs, as one model from its own oracle.
        numbers = self.oracles if self.apart is None else self.apart
        near, far = (prediction_reach(numbers, level) / self._unit() for level in (FURTHER, outside))
        in_gaps = not self.absolute and self.two_sided
        inner = min(max(estimand.margin, near), max(HALF, estimand.margin)) if in_gaps else estimand.margin
        used = max(inner, near) if not in_gaps else inner

        # 1. Within: surely inside the margin, or no farther away than a further oracle.
        distance = abs(self.estimate()) if self.two_sided else self.estimate()
        low_at_minus, high_at = self._bounds(-inner, alpha)[0], self._bounds(inner, alpha)[1]
        surely_inside = high_at < 0 and (not self.two_sided or low_at_minus > 0)
        if surely_inside or (not in_gaps and distance <= near):
            return "within", None if used == estimand.margin else used
        # 2. Outside: surely beyond the margin, and farther away than a further oracle.
        outer = max(estimand.margin, far)
        if self._bounds(outer, alpha)[0] > 0:
            return "above", None if used == estimand.margin else used
        if self.two_sided and self._bounds(-outer, alpha)[1] < 0:
            return "below", None if used == estimand.margin else used
        return "undecided", None if used == estimand.margin else used

    def _bounds(self, value: float, alpha: float) -> tuple[float, float]:
        """Return one-sided bounds of the difference that is zero if the estimand equals `value`."""
        half_width = 0.0 if self.own is not None else self._half_width(value, alpha)
        return self._at(value) - half_width, self._at(value) + half_width

    def _at(self, value: float) -> float:
        """Return the difference that is zero if the estimand equals `value`."""
        own = float(self.oracles.mean()) if self.own is None else self.own
        if self.absolute:
            return self.unlearned - own - value
        scale = float(self.oracle_scale.mean()) if self.own_scale is None else self.own_scale
        return self.unlearned - value * self.original - (own - value * scale)

    def _half_width(self, value: float, alpha: float) -> float:
        numbers = self.oracles if self.absolute else self.oracles - value * self.oracle_scale
        n = len(numbers)
        return float(stdtrit(n - 1, 1 - alpha) * np.std(numbers, ddof=1) / n**0.5)

    def _gap(self) -> float:
        return self.original - (float(self.oracle_scale.mean()) if self.own_scale is None else self.own_scale)

    def _unit(self) -> float:
        return 1.0 if self.absolute else max(self._gap(), SMALLEST)


def _numbers(outputs: Outputs, estimand: Estimand) -> ShippedNumbers:
    shipped = outputs.models("unlearned")[0]
    values = outputs.vector(shipped, estimand.examples, estimand.statistic)  # (examples,)
    oracles = outputs.matrix("oracle", estimand.examples, estimand.statistic)  # (oracles, examples)
    scale = outputs.matrix("oracle", "forget", "margin").mean(axis=1)
    own_key = ModelKey("oracle", shipped.seed)
    position = outputs.models("oracle").index(own_key) if own_key in outputs.models("oracle") else None
    number: Callable[[Array], float] = lambda row: float(row.mean())  # noqa: E731  # one line says it
    numbers = oracles.mean(axis=1)
    if estimand.kind == "deviation":
        # The distance from the own oracle, less that of oracles from one another; without one, from the oracles' mean.
        centre = oracles.mean(axis=0) if position is None else oracles[position]
        numbers = leave_one_out_distance(oracles) if position is None else pairwise_distance(oracles)
        number = lambda row: float(np.abs(row - centre).mean())  # noqa: E731  # as above
    return ShippedNumbers(
        unlearned=number(values),
        original=float(outputs.vector(ModelKey("original", shipped.seed), "forget", "margin").mean()),
        own=None if position is None or estimand.kind == "deviation" else float(numbers[position]),
        own_scale=None if position is None else float(scale[position]),
        oracles=numbers,
        oracle_scale=scale,
        absolute=estimand.unit == "absolute",
        two_sided=estimand.kind == "location",
        apart=_apart(outputs, estimand) if position is not None and estimand.unit == "gap" else None,
    )


def _apart(outputs: Outputs, estimand: Estimand) -> Array | None:
    """Return how far each replicate lies from its own oracle, (replicates,); None for fewer than two, or for distances."""
    if estimand.kind != "location":
        return None
    pairs = outputs.pairs(estimand.examples, estimand.statistic)  # (models, examples)
    unlearned = outputs.matrix("unlearned", estimand.examples, estimand.statistic)
    return (unlearned - pairs).mean(axis=1)[1:] if len(pairs) > 2 else None  # noqa: PLR2004  # two without the shipped one


def _tally(outputs: Outputs, estimand: Estimand, alpha: float) -> Tally:
    shipped = outputs.models("unlearned")[0]
    values = outputs.vector(shipped, estimand.examples, estimand.statistic)  # (examples,)
    oracles = outputs.matrix("oracle", estimand.examples, estimand.statistic)  # (oracles, examples)
    if estimand.kind == "damaged":
        return damaged(values[None], oracles, estimand.threshold)
    original = outputs.vector(ModelKey("original", shipped.seed), estimand.examples, estimand.statistic)
    own_key = (ModelKey("oracle", shipped.seed), estimand.examples)
    own = outputs.vector(*own_key, estimand.statistic) if own_key in outputs.values else oracles.mean(axis=0)
    return missed_by_one(original, values, own, oracles, alpha=alpha)
