"""Lays out many paths over one axis. Each is measured against its own band, and all bands are drawn as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

from .scales import Scale, Tick

WIDTH, HEIGHT = 640.0, 320.0
LEFT, RIGHT, TOP, BOTTOM = 48.0, 632.0, 26.0, 272.0
FARTHEST = 12.0
"""In units of a path's own spread. Anything farther out is drawn at the edge."""
ROOM = 1.5
"""The drawing reaches at least this far up and down, in half-widths of the band."""
SERIES: Final = {"undershot": 2, "within": 3, "overshot": 5}
"""Colour of a path, by where it ends."""


@dataclass(frozen=True)
class Path:
    """An example over the steps of a run: its distances from the middle of its band, in units of its own spread."""

    name: str
    distances: tuple[float, ...]
    end: str
    """undershot (above the band), within or overshot (below it)."""


@dataclass(frozen=True)
class DrawnPath:
    """A path as the `points` attribute of a polyline."""

    name: str
    series: int
    points: str


@dataclass(frozen=True)
class BandChart:
    """The drawing. `left_out` counts the paths with a distance that is not finite."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    band_top: float
    band_width: float
    band_height: float
    middle: float
    stop_at: float
    best_at: float
    paths: tuple[DrawnPath, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    left_out: int


def band_chart(steps: Sequence[float], paths: Sequence[Path], *, band: float, stop: float, best: float) -> BandChart | None:
    """Lay out the paths. Returns None if there is nothing to draw.

    Args:
        steps: the x values of all paths, ascending.
        paths: each with one distance per step.
        band: half the width of the band, in spreads.
        stop: the step at which the run stopped.
        best: the step at which stopping would have been best.
    """
    drawable = [path for path in paths if all(map(isfinite, path.distances))]
    if not drawable or not steps:
        return None
    distances = [distance for path in drawable for distance in path.distances]
    # Show the band with some room around it. No path, however far out, stretches the drawing beyond FARTHEST.
    low, high = max(-FARTHEST, min(-band * ROOM, *distances)), min(FARTHEST, max(band * ROOM, *distances))
    x = Scale(steps[0], max(steps[-1], steps[0] + 1), LEFT, RIGHT)
    y = Scale(low, high, BOTTOM, TOP)
    return BandChart(
        *(WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM),
        band_top=y(band),
        band_width=RIGHT - LEFT,
        band_height=round(y(-band) - y(band), 2),
        middle=y(0),
        stop_at=x(stop),
        best_at=x(best),
        paths=tuple(DrawnPath(path.name, SERIES[path.end], _points(steps, path, x, y)) for path in drawable),
        x_ticks=x.ticks(6),
        y_ticks=y.ticks(6),
        left_out=len(paths) - len(drawable),
    )


def _points(steps: Sequence[float], path: Path, x: Scale, y: Scale) -> str:
    clipped = (min(y.high, max(y.low, distance)) for distance in path.distances)
    return " ".join(f"{x(step)},{y(distance)}" for step, distance in zip(steps, clipped, strict=True))
