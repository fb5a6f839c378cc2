"""Lays out named series over one axis, each labelled at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from .scales import Scale, Tick, domain_around

WIDTH, HEIGHT = 640.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 476.0, 12.0, 254.0
LABEL_GAP = 17.0
"""Smallest distance between two labels, so that they do not overlap."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """A series: the `points` attribute of its polyline, its last point, and the position of its label."""

    name: str
    series: int
    points: str
    end_x: float
    end_y: float
    label_y: float
    last: float


@dataclass(frozen=True)
class LineChart:
    """The drawing. `left_out` counts the points that are not finite."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    left_out: int


def line_chart(series: Mapping[str, Sequence[Point]]) -> LineChart | None:
    """Lay out named series of (x, y). Returns None if no point is finite."""
    finite_points = {
        name: sorted((x, y) for x, y in points if isfinite(x) and isfinite(y)) for name, points in series.items()
    }
    all_points = [point for points in finite_points.values() for point in points]
    if not all_points:
        return None
    x = Scale(*domain_around((point[0] for point in all_points), margin=0), LEFT, RIGHT)
    y = Scale(*domain_around(point[1] for point in all_points), BOTTOM, TOP)
    ends = {name: y(points[-1][1]) for name, points in finite_points.items() if points}
    labels = spread(ends)
    numbers = {name: number for number, name in enumerate(series, 1)}
    lines = tuple(_line(name, finite_points[name], x, y, series=numbers[name], label_y=labels[name]) for name in ends)
    left_out = sum(map(len, series.values())) - len(all_points)
    return LineChart(WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM, lines, x.ticks(6), y.ticks(5), left_out)


def _line(name: str, points: Sequence[Point], x: Scale, y: Scale, *, series: int, label_y: float) -> Line:
    drawn = " ".join(f"{x(at)},{y(value)}" for at, value in points)
    last_x, last_y = points[-1]
    return Line(name, series, drawn, x(last_x), y(last_y), label_y, last_y)


def spread(ends: Mapping[str, float]) -> dict[str, float]:
    """Return positions for labels near the ends of their lines, in the same order and at least LABEL_GAP apart."""
    positions: dict[str, float] = {}
    # 1. From top to bottom, push each label down as far as the one above it demands.
    least = TOP
    for name, end in sorted(ends.items(), key=lambda item: item[1]):
        positions[name] = max(end, least)
        least = positions[name] + LABEL_GAP
    # 2. From bottom to top, push those back up that left the drawing.
    most = BOTTOM
    for name in reversed(list(positions)):
        positions[name] = round(min(positions[name], most), 2)
        most = positions[name] - LABEL_GAP
    return positions
