"""Missing targets, made visible: every example's way through a run, against the band of its own oracles.

Examples are forgotten at different rates, so that no single stopping point fits all of them (Hayes et al. 2024, arXiv
2403.01218, section 5); and what counts as forgotten differs between them, as the oracles do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

import numpy as np

from unlearning_jobs.engine.contracts.course import ExampleTrajectory, Trajectory

from .outputs import Array

BAND = 2.0
"""Standard deviations of the oracles to each side."""
PLACES = 3


@dataclass
class MarginLog:
    """Margins of examples to forget, as a method reports them on its way."""

    rows: dict[int, dict[str, float]] = field(default_factory=dict)
    """By step, then by record id."""
    stop: int = 0
    """The step reported last: that of the model that the method leaves, also after it went back to an earlier one."""

    def note(self, step: int, margins: Mapping[str, float]) -> None:
        """What the model says at this step; a later report on the same step counts."""
        self.rows[step] = dict(margins)
        self.stop = step

    def __bool__(self) -> bool:
        """Whether anything was reported."""
        return bool(self.rows)

    @property
    def steps(self) -> tuple[int, ...]:
        """Ascending."""
        return tuple(sorted(self.rows))

    @property
    def ids(self) -> tuple[str, ...]:
        """The examples, in the order of the first report."""
        return tuple(next(iter(self.rows.values())))

    def matrix(self) -> Array:
        """Margins (steps, examples)."""
        return np.array([[self.rows[step][identifier] for identifier in self.ids] for step in self.steps])

    def write(self, path: Path) -> None:
        """Write as Parquet with the columns step, example_id and margin, unrounded."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        cells = [(step, identifier, self.rows[step][identifier]) for step in self.steps for identifier in self.ids]
        columns = dict(zip(("step", "example_id", "margin"), map(list, zip(*cells, strict=True)), strict=True))
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), path)

    @classmethod
    def read(cls, path: Path, stop: int) -> Self:
        """What `write` wrote; the step of the shipped model is kept in the result."""
        import pyarrow.parquet as pq

        rows: dict[int, dict[str, float]] = {}
        for row in pq.read_table(path).to_pylist():
            rows.setdefault(row["step"], {})[row["example_id"]] = row["margin"]
        return cls(rows, stop)


def trace(log: MarginLog, oracles: Mapping[str, Array]) -> Trajectory:
    """The trajectory of a run.

    Args:
        log: what the method reported, at least once.
        oracles: the oracles' margins of every example, (models,) each, at least two models.
    """
    steps, margins = np.array(log.steps), log.matrix()
    bands = np.stack([oracles[identifier] for identifier in log.ids], axis=1)
    means, deviations = bands.mean(axis=0), bands.std(axis=0, ddof=1)
    distances = np.abs(margins - means)
    together, stop = distances.mean(axis=1), log.steps.index(log.stop)
    return Trajectory(
        steps=log.steps,
        stop=log.stop,
        best_single_stop=int(steps[together.argmin()]),
        distance_at_stop=_rounded(together[stop]),
        distance_at_best_single_stop=_rounded(together.min()),
        distance_at_own_stops=_rounded(distances.min(axis=0).mean()),
        band=BAND,
        examples=tuple(
            _example(
                identifier,
                log.steps,
                margins[:, column],
                stop=stop,
                mean=float(means[column]),
                deviation=float(deviations[column]),
            )
            for column, identifier in enumerate(log.ids)
        ),
    )


def _example(
    identifier: str, steps: Sequence[int], margins: Array, *, stop: int, mean: float, deviation: float
) -> ExampleTrajectory:
    inside = np.abs(margins - mean) <= BAND * deviation
    entered = int(inside.argmax()) if inside.any() else None
    left = None if entered is None or inside[entered:].all() else entered + int(inside[entered:].argmin())
    return ExampleTrajectory(
        example_id=identifier,
        margins=tuple(_rounded(margin) for margin in margins),
        oracle_mean=_rounded(mean),
        oracle_deviation=_rounded(deviation),
        entered=None if entered is None else steps[entered],
        left=None if left is None else steps[left],
        best_step=steps[int(np.abs(margins - mean).argmin())],
        end=_end(float(margins[stop] - mean), BAND * deviation),
    )


def _end(above: float, reach: float) -> Literal["undershot", "within", "overshot"]:
    if abs(above) <= reach:
        return "within"
    return "undershot" if above > 0 else "overshot"


def _rounded(value: float) -> float:
    return round(float(value), PLACES)
