"""Scales map values to positions; ticks mark round values on them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: its value and its position."""

    value: float
    at: float


@dataclass(frozen=True)
class Scale:
    """A linear map of [low, high] onto [start, end]; `end` may be smaller than `start` (SVG's y grows downwards)."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 2)

    def ticks(self, count: int = 5) -> tuple[Tick, ...]:
        """Return about `count` round values inside the domain."""
        step = round_step((self.high - self.low) / count)
        # The tolerance keeps a tick at the very end, which rounding errors would put outside.
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return tuple(Tick(round(n * step, 12), self(n * step)) for n in range(first, last + 1))


def round_step(step: float) -> float:
    """Return the smallest of 1, 2, 2.5, 5 or 10 times a power of ten that is not below `step`."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= step * (1 - 1e-9))


def domain_around(values: Iterable[float], margin: float = 0.04) -> tuple[float, float]:
    """Return the lowest and highest value with a little room around them. A single value gets room on both sides."""
    values = list(values)
    low, high = min(values), max(values)
    room = (high - low) * margin or max(abs(low), 1.0) * 0.5
    return low - room, high + room


def finite(values: Iterable[float]) -> list[float]:
    return [float(value) for value in values if math.isfinite(value)]
