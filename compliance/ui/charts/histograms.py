"""Lays out distributions one below the other on a common axis: bars for the shape, a rug for single values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from .scales import Scale, Tick, domain_around, finite

WIDTH = 640.0
LEFT, RIGHT = 8.0, 632.0
PANEL = 108.0
"""Height of one distribution with its name."""
NAME = 24.0
RUG = 10.0
AXIS = 46.0


@dataclass(frozen=True)
class Bar:
    """One bin: its corner and size. The height stands for the share of the values in it."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Panel:
    """One distribution. `series` numbers its colour, from 1."""

    name: str
    series: int
    count: int
    median: float
    median_at: float
    name_at: float
    baseline: float
    rug_end: float
    bars: tuple[Bar, ...]
    rug: tuple[float, ...]


@dataclass(frozen=True)
class HistogramChart:
    """Panels from top to bottom. `left_out` counts the values that are not finite."""

    width: float
    height: float
    left: float
    right: float
    axis_at: float
    panels: tuple[Panel, ...]
    ticks: tuple[Tick, ...]
    left_out: int


def histogram_chart(series: Mapping[str, Sequence[float]]) -> HistogramChart | None:
    """Lay out the named distributions. Returns None if no value is finite.

    All share the same bins, and heights are shares of a distribution on a common scale, so that shapes compare even if one
    has ten times as many values as another.
    """
    values = {name: finite(group) for name, group in series.items()}
    all_values = [value for group in values.values() for value in group]
    if not all_values:
        return None
    x = Scale(*domain_around(all_values), LEFT, RIGHT)
    bins = min(24, max(12, math.ceil(math.sqrt(max(map(len, values.values()))))))
    shares = {name: _shares(group, x, bins) for name, group in values.items() if group}
    highest = max(max(column) for column in shares.values())
    # A name keeps its colour even if another distribution is empty and not drawn.
    numbers = {name: number for number, name in enumerate(series, 1)}
    panels = tuple(
        _panel(name, values[name], [share / highest for share in column], x, series=numbers[name], top=place * PANEL)
        for place, (name, column) in enumerate(shares.items())
    )
    axis_at = len(panels) * PANEL
    left_out = sum(map(len, series.values())) - len(all_values)
    return HistogramChart(WIDTH, axis_at + AXIS, LEFT, RIGHT, axis_at, panels, x.ticks(6), left_out)


def _shares(values: Sequence[float], x: Scale, bins: int) -> list[float]:
    counts = [0] * bins
    for value in values:
        # The highest value belongs to the last bin.
        counts[min(bins - 1, int((value - x.low) / (x.high - x.low) * bins))] += 1
    return [count / len(values) for count in counts]


def _panel(name: str, values: Sequence[float], heights: Sequence[float], x: Scale, *, series: int, top: float) -> Panel:
    baseline = top + PANEL - RUG - 6
    full, width = baseline - top - NAME, (RIGHT - LEFT) / len(heights)
    bars = tuple(
        Bar(round(LEFT + n * width, 2), round(baseline - full * height, 2), round(width, 2), round(full * height, 2))
        for n, height in enumerate(heights)
        if height
    )
    middle = median(values)
    rug = tuple(sorted({x(value) for value in values}))
    return Panel(name, series, len(values), middle, x(middle), top + 15, baseline, baseline + RUG, bars, rug)
