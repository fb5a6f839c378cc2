"""Invented handwriting: digits drawn by fictitious writers, each with a hand of their own, drawn by a seed.

A digit is a few strokes. Each writer slants, widens and shifts them in their own way, and no two of their digits are quite
alike. One writer uses mirror script: only a model that has seen those digits can read them.

    python -m demo.handwriting digits.npz
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .words import GIVEN_NAMES, SURNAMES

SIZE = 12
"""Pixels a side."""
WRITERS, HELD_OUT_WRITERS = 32, 12
DIGITS_EACH = 20
"""Each digit twice."""
WOBBLE = 0.035
"""Displacement of every point of a stroke, in sides of the image, drawn anew for each digit."""
HABIT = 0.06
"""The same, drawn once per writer."""
PEN = 0.07
"""Half the width of a stroke."""

Points = NDArray[np.float64]
Point = tuple[float, float]


def _arc(middle: Point, radii: Point, start: float, end: float) -> list[Point]:
    """Points on an ellipse, from one angle to another, in turns; y points down."""
    turns = np.linspace(start, end, 9) * 2 * np.pi
    return [(middle[0] + radii[0] * float(np.cos(t)), middle[1] + radii[1] * float(np.sin(t))) for t in turns]


STROKES: Final[tuple[list[list[Point]], ...]] = (
    [_arc((0.5, 0.5), (0.25, 0.36), 0, 1)],
    [[(0.35, 0.28), (0.55, 0.12), (0.55, 0.88)]],
    [[*_arc((0.5, 0.32), (0.23, 0.2), 0.5, 1.08), (0.27, 0.87), (0.77, 0.87)]],
    [[*_arc((0.47, 0.31), (0.24, 0.19), 0.55, 1.25), *_arc((0.47, 0.68), (0.27, 0.2), 0.75, 1.45)]],
    [[(0.62, 0.88), (0.62, 0.12), (0.22, 0.62), (0.8, 0.62)]],
    [[(0.74, 0.13), (0.32, 0.13), (0.29, 0.45), *_arc((0.48, 0.65), (0.26, 0.22), 0.7, 1.42)]],
    [[(0.66, 0.13), (0.36, 0.45), *_arc((0.5, 0.67), (0.22, 0.21), 0.5, 1.5)]],
    [[(0.23, 0.13), (0.77, 0.13), (0.42, 0.88)]],
    [_arc((0.5, 0.3), (0.2, 0.18), 0.25, 1.25), _arc((0.5, 0.68), (0.25, 0.2), -0.25, 0.75)],
    [[*_arc((0.5, 0.33), (0.22, 0.21), 0, 1), (0.66, 0.88)]],
)
"""Strokes of the digits 0 to 9 as points, x to the right and y down, in a square of side 1."""


@dataclass(frozen=True)
class Writer:
    """A fictitious data subject. `digits` are images (20, 12, 12) of the numerals that `labels` name."""

    name: str
    email: str
    held_out: bool
    mirrored: bool
    digits: NDArray[np.uint8]
    labels: tuple[int, ...]


def make_writers(seed: int = 2026) -> tuple[Writer, ...]:
    """Return the writers of this seed, always the same ones. The first uses mirror script."""
    rng = np.random.default_rng(seed)
    count = WRITERS + HELD_OUT_WRITERS
    given = [GIVEN_NAMES[i] for i in rng.permutation(len(GIVEN_NAMES))[:count]]
    surnames = [SURNAMES[i % len(SURNAMES)] for i in rng.permutation(count)]
    return tuple(
        _writer(rng, f"{first} {last}", held_out=i >= WRITERS, mirrored=i == 0)
        for i, (first, last) in enumerate(zip(given, surnames, strict=True))
    )


def write_digits(path: Path, seed: int = 2026) -> tuple[Writer, ...]:
    """Write the digits as an NPZ file, in the shape that `corpus_register` reads, and return their writers."""
    writers = make_writers(seed)
    np.savez_compressed(
        path,
        x=np.concatenate([writer.digits for writer in writers]),
        y=np.concatenate([writer.labels for writer in writers]),
        split=np.repeat(["held_out" if writer.held_out else "train" for writer in writers], DIGITS_EACH),
        text=np.repeat([f"Written by {writer.name}, {writer.email}." for writer in writers], DIGITS_EACH),
    )
    return writers


def _writer(rng: np.random.Generator, name: str, *, held_out: bool, mirrored: bool) -> Writer:
    slant, width, height = rng.normal(0, 0.12), rng.uniform(0.85, 1.1), rng.uniform(0.85, 1.05)
    shape = np.array([[width, slant], [0.0, height]])
    habits = [[rng.normal(0, HABIT, size=(len(stroke), 2)) for stroke in strokes] for strokes in STROKES]
    labels = tuple(range(len(STROKES))) * (DIGITS_EACH // len(STROKES))
    digits = []
    for label in labels:
        strokes = []
        for points, habit in zip(STROKES[label], habits[label], strict=True):
            wobbling = np.array(points) + habit + rng.normal(0, WOBBLE, size=habit.shape)
            strokes.append((wobbling - 0.5) @ shape.T + 0.5)
        image = _drawn(strokes)
        digits.append(image[:, ::-1] if mirrored else image)
    address = f"{name.lower().replace(' ', '.').encode('ascii', 'ignore').decode()}@writers.example"
    return Writer(name, address, held_out, mirrored, np.stack(digits), labels)


def _drawn(strokes: list[Points]) -> NDArray[np.uint8]:
    """The strokes as ink on paper: 255 where a pixel's middle lies under the pen, less towards its edge."""
    middle = (np.arange(SIZE) + 0.5) / SIZE
    pixels = np.stack(np.meshgrid(middle, middle), axis=-1).reshape(-1, 1, 2)
    nearest = np.full(SIZE * SIZE, np.inf)
    for points in strokes:
        starts, ways = points[:-1], np.diff(points, axis=0)
        along = np.clip(((pixels - starts) * ways).sum(-1) / np.maximum((ways**2).sum(-1), 1e-9), 0, 1)
        nearest = np.minimum(nearest, np.linalg.norm(pixels - starts - along[..., None] * ways, axis=-1).min(axis=1))
    ink = np.clip((PEN - nearest) * SIZE + 0.5, 0, 1)
    return (255 * ink).astype(np.uint8).reshape(SIZE, SIZE)


if __name__ == "__main__":
    drawn = write_digits(Path(sys.argv[1]))
    print(f"{sum(len(writer.labels) for writer in drawn)} digits; {drawn[0].name} writes in mirror script")
