"""Many paths over one axis, each measured against a band of its own that is drawn as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

from .scales import Scale, Tick

WIDTH, HEIGHT = 640.0, 320.0
LEFT, RIGHT, TOP, BOTTOM = 48.0, 632.0, 26.0, 272.0
FARTHEST = 12.0
"""In units of a path's own spread. What lies farther out is drawn at the edge."""
ROOM = 1.5
"""Above and below the band, at least."""
SERIES: Final = {"undershot": 2, "within": 3, "overshot": 5}
"""Colours of the paths, by where they end."""


@dataclass(frozen=True)
class Path:
    """One example over the steps of a run: its distance from the middle of its band, in units of its own spread."""

    name: str
    distances: tuple[float, ...]
    end: str
    """undershot (above the band), within or overshot (below it)."""


@dataclass(frozen=True)
class DrawnPath:
    """The `points` attribute of a polyline."""

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
    """Lays out the paths; None when none can be drawn.

    Args:
        steps: the common x of all paths, ascending.
        paths: one distance per step each.
        band: half its width, in spreads.
        stop: step at which the run was stopped.
        best: step at which it had better been stopped.
    """
    kept = [path for path in paths if all(map(isfinite, path.distances))]
    if not kept or not steps:
        return None
    every = [distance for path in kept for distance in path.distances]
    low, high = max(-FARTHEST, min(-band * ROOM, *every)), min(FARTHEST, max(band * ROOM, *every))
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
        paths=tuple(DrawnPath(path.name, SERIES[path.end], _points(steps, path, x, y)) for path in kept),
        x_ticks=x.ticks(6),
        y_ticks=y.ticks(6),
        left_out=len(paths) - len(kept),
    )


def _points(steps: Sequence[float], path: Path, x: Scale, y: Scale) -> str:
    placed = (min(y.high, max(y.low, distance)) for distance in path.distances)
    return " ".join(f"{x(step)},{y(distance)}" for step, distance in zip(steps, placed, strict=True))
