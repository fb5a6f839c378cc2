"""Lays out estimates with their confidence intervals against their margins. Each row is measured in its own margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from .scales import Scale, Tick

WIDTH = 640.0
LEFT, RIGHT = 16.0, 624.0
ROW = 82.0
AXIS = 44.0
WIDEST = 4.0
"""In margins. Anything farther out is drawn at the edge, with an arrow."""


@dataclass(frozen=True)
class IntervalRow:
    """A measured estimand. The margin is symmetric around 0, unless `one_sided`: then only its upper end counts."""

    label: str
    estimate: float
    low: float
    high: float
    margin: float
    position: str
    """within, below, above or undecided."""
    one_sided: bool = False


@dataclass(frozen=True)
class DrawnRow:
    """Positions of a row's texts, band, interval and point. The point is None if it is beyond the edge.

    `cut_low` and `cut_high` say that the interval continues beyond the edge.
    """

    row: IntervalRow
    label_at: float
    numbers_at: float
    middle: float
    band_top: float
    band_start: float
    band_width: float
    low: float
    high: float
    point: float | None
    cut_low: bool
    cut_high: bool


@dataclass(frozen=True)
class IntervalChart:
    """Rows from top to bottom over a common axis in margins."""

    width: float
    height: float
    left: float
    right: float
    axis_at: float
    zero: float
    rows: tuple[DrawnRow, ...]
    ticks: tuple[Tick, ...]
    left_out: int


def interval_chart(rows: Sequence[IntervalRow]) -> IntervalChart | None:
    """Lay out the rows that have a positive margin and a finite estimate. Returns None if there are none."""
    drawable = [row for row in rows if row.margin > 0 and isfinite(row.estimate)]
    if not drawable:
        return None
    reach = [abs(value / row.margin) for row in drawable for value in (row.low, row.high, row.estimate)]
    widest = min(WIDEST, max(1.5, *reach) * 1.05)
    x = Scale(-widest, widest, LEFT, RIGHT)
    axis_at = len(drawable) * ROW + 4
    drawn = tuple(_row(row, place * ROW, x) for place, row in enumerate(drawable))
    return IntervalChart(WIDTH, axis_at + AXIS, LEFT, RIGHT, axis_at, x(0), drawn, x.ticks(6), len(rows) - len(drawable))


def _row(row: IntervalRow, top: float, x: Scale) -> DrawnRow:
    def clipped(value: float) -> float:
        return x(min(x.high, max(x.low, value / row.margin)))

    band_start = x.start if row.one_sided else x(-1)
    return DrawnRow(
        row=row,
        label_at=top + 16,
        numbers_at=top + 36,
        middle=top + 60,
        band_top=top + 46,
        band_start=band_start,
        band_width=round(x(1) - band_start, 2),
        low=clipped(row.low),
        high=clipped(row.high),
        point=x(row.estimate / row.margin) if x.low <= row.estimate / row.margin <= x.high else None,
        cut_low=row.low / row.margin < x.low,
        cut_high=row.high / row.margin > x.high,
    )
