"""Estimands about the one model that would be released."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Final

from compliance.formats.findings import EstimandFinding, Position
from compliance.formats.protocol import FURTHER, HALF, SHARES, Estimand

from .method import clipped
from .models import Models, Vector, centre, distance, leave_one_out, means
from .shares import share_finding
from .student import SMALLEST, Numbers, deviation, quantile, reach

OUTSIDE: Final = 0.01
"""Level of the interval of a further oracle beyond which the shipped model is outside."""
VETO: Final = 0.001
"""Level of the veto of the annex to an exact or certified result."""


@dataclass(frozen=True)
class Shipped:
    """The estimand's number of the shipped model, of its original, and of the oracles."""

    unlearned: float
    original: float
    own: float | None
    own_scale: float | None
    oracles: Numbers
    oracle_scale: Numbers
    estimand: Estimand
    apart: Numbers | None = None
    """How far the other unlearned models lie from their own oracles; None without pairs."""

    @property
    def absolute(self) -> bool:
        return self.estimand.unit == "absolute"

    def estimate(self) -> float:
        """Return the distance from the own oracle, or from the oracles' mean."""
        return clipped(self._at(0.0) / self._unit())

    def interval(self, alpha: float) -> tuple[float, float]:
        """Return the estimate's interval, with the gap taken as measured."""
        half_width = 0.0 if self.own is not None else self._half_width(0.0, alpha) / self._unit()
        return clipped(self.estimate() - half_width), clipped(self.estimate() + half_width)

    def position(self, alpha: float, outside: float = OUTSIDE) -> tuple[Position, float | None]:
        """Return the position, and the margin used if it is not the estimand's own."""
        margin, two_sided = self.estimand.margin, self.estimand.kind == "location"
        if not self.absolute and self._gap() <= 0:
            return "undecided", None
        numbers = self.oracles if self.apart is None else self.apart
        near, far = (reach(numbers, level) / self._unit() for level in (FURTHER, outside))
        in_gaps = not self.absolute and two_sided
        inner = min(max(margin, near), max(HALF, margin)) if in_gaps else margin
        used = inner if in_gaps else max(margin, near)
        return self._place(inner, near, max(margin, far), alpha), None if used == margin else used

    def _place(self, inner: float, near: float, outer: float, alpha: float) -> Position:
        two_sided = self.estimand.kind == "location"
        distance_from = abs(self.estimate()) if two_sided else self.estimate()
        surely = self._bounds(inner, alpha)[1] < 0 and (not two_sided or self._bounds(-inner, alpha)[0] > 0)
        in_gaps = not self.absolute and two_sided
        if surely or (not in_gaps and distance_from <= near):
            return "within"
        if self._bounds(outer, alpha)[0] > 0:
            return "above"
        return "below" if two_sided and self._bounds(-outer, alpha)[1] < 0 else "undecided"

    def _bounds(self, value: float, alpha: float) -> tuple[float, float]:
        half_width = 0.0 if self.own is not None else self._half_width(value, alpha)
        return self._at(value) - half_width, self._at(value) + half_width

    def _at(self, value: float) -> float:
        own = fmean(self.oracles) if self.own is None else self.own
        if self.absolute:
            return self.unlearned - own - value
        return self.unlearned - value * self.original - (own - value * self._scale())

    def _half_width(self, value: float, alpha: float) -> float:
        pairs = zip(self.oracles, self.oracle_scale, strict=True)
        numbers = [number - (0.0 if self.absolute else value * scale) for number, scale in pairs]
        return quantile(len(numbers) - 1, 1 - alpha) * deviation(numbers) / math.sqrt(len(numbers))

    def _scale(self) -> float:
        return fmean(self.oracle_scale) if self.own_scale is None else self.own_scale

    def _gap(self) -> float:
        return self.original - self._scale()

    def _unit(self) -> float:
        return 1.0 if self.absolute else max(self._gap(), SMALLEST)


def judge_shipped(models: Models, estimand: Estimand, alpha: float) -> EstimandFinding:
    """Return what an estimand says about the shipped model."""
    if estimand.kind in SHARES:
        return share_finding(models, estimand, "shipped", alpha)
    shipped = _numbers(models, estimand)
    position, used = shipped.position(alpha)
    return EstimandFinding(
        estimand, shipped.estimate(), *shipped.interval(alpha), position, scope="shipped", margin_used=used
    )


def veto(models: Models, estimand: Estimand) -> Position | None:
    """Return on which side the shipped model contradicts that it was trained without the forget set."""
    if estimand.kind in SHARES:
        position = share_finding(models, estimand, "shipped", VETO).position
        return position if position == "above" else None
    position, _ = replace(_numbers(models, estimand), apart=None).position(VETO, VETO)
    return position if position in ("above", "below") else None


def _numbers(models: Models, estimand: Estimand) -> Shipped:
    place, own = (estimand.examples, estimand.statistic), ("oracle", models.seed)
    shipped, oracles = models.vector(("unlearned", models.seed), *place), models.matrix("oracle", *place)
    has_own, scale = own in models.order, models.matrix("oracle", "forget", "margin")
    unlearned, numbers = fmean(shipped), means(oracles)
    if estimand.kind == "deviation":
        around = models.vector(own, *place) if has_own else centre(oracles)
        unlearned = distance(shipped, around)
        numbers = _from_one_another(oracles) if has_own else list(map(distance, oracles, leave_one_out(oracles)))
    return Shipped(
        unlearned=unlearned,
        original=fmean(models.vector(("original", models.seed), "forget", "margin")),
        own=fmean(models.vector(own, *place)) if has_own and estimand.kind != "deviation" else None,
        own_scale=fmean(models.vector(own, "forget", "margin")) if has_own else None,
        oracles=numbers,
        oracle_scale=means(scale),
        estimand=estimand,
        apart=_apart(models, estimand) if has_own and estimand.unit == "gap" and estimand.kind == "location" else None,
    )


def _from_one_another(oracles: list[Vector]) -> list[float]:
    return [sum(distance(one, other) for other in oracles) / (len(oracles) - 1) for one in oracles]


def _apart(models: Models, estimand: Estimand) -> Numbers | None:
    """Return how far each replicate lies from its own oracle; None for fewer than two."""
    place = estimand.examples, estimand.statistic
    pairs, unlearned = models.pairs(*place), models.matrix("unlearned", *place)
    if len(pairs) <= 2:  # noqa: PLR2004  # two without the shipped one
        return None
    return [a - b for a, b in zip(means(unlearned), means(pairs), strict=True)][1:]
