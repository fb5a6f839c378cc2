"""Shows which examples were missed: the margin of each one over the run, against the band of its own oracles.

Examples are forgotten at different rates, so no single stopping point fits all of them (Hayes et al. 2024, arXiv
2403.01218, section 5). What counts as forgotten differs between examples too, because their oracles differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

import numpy as np

from unlearning_jobs.engine.contracts import ExampleTrajectory, Trajectory

from .outputs import Array

BAND = 2.0
"""Standard deviations of the oracles to each side."""
DECIMALS = 3


@dataclass
class MarginLog:
    """The forget examples' margins, as a method reports them while it runs."""

    rows: dict[int, dict[str, float]] = field(default_factory=dict)
    """By step, then by example id."""
    stop: int = 0
    """The step reported last. It is that of the final model, even if the method went back to an earlier one."""

    def note(self, step: int, margins: Mapping[str, float]) -> None:
        """Note the margins at this step, replacing any that were noted for it before."""
        self.rows[step] = dict(margins)
        self.stop = step

    def __bool__(self) -> bool:
        """Return whether anything was reported."""
        return bool(self.rows)

    @property
    def steps(self) -> tuple[int, ...]:
        """Return the reported steps in ascending order."""
        return tuple(sorted(self.rows))

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the ids of the examples, in the order of the first report."""
        return tuple(next(iter(self.rows.values())))

    def matrix(self) -> Array:
        """Return the margins as an array (steps, examples)."""
        return np.array([[self.rows[step][identifier] for identifier in self.ids] for step in self.steps])

    def write(self, path: Path) -> None:
        """Write as Parquet with the columns step, example_id and margin, unrounded."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        # One row per step and example.
        cells = [(step, identifier, self.rows[step][identifier]) for step in self.steps for identifier in self.ids]
        columns = dict(zip(("step", "example_id", "margin"), map(list, zip(*cells, strict=True)), strict=True))
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), path)

    @classmethod
    def read(cls, path: Path, stop: int) -> Self:
        """Read what `write` wrote; `stop`, the step of the final model, is in the result."""
        import pyarrow.parquet as pq

        rows: dict[int, dict[str, float]] = {}
        for row in pq.read_table(path).to_pylist():
            rows.setdefault(row["step"], {})[row["example_id"]] = row["margin"]
        return cls(rows, stop)


def build_trajectory(log: MarginLog, oracles: Mapping[str, Array]) -> Trajectory:
    """Build the trajectory of a run.

    Args:
        log: margins that the method reported, for at least one step.
        oracles: the oracles' margins by example id, (models,) each, from at least two models.
    """
    steps, margins = np.array(log.steps), log.matrix()  # (steps,), (steps, examples)
    oracle_margins = np.stack([oracles[identifier] for identifier in log.ids], axis=1)  # (models, examples)
    means, deviations = oracle_margins.mean(axis=0), oracle_margins.std(axis=0, ddof=1)  # (examples,) each
    distances = np.abs(margins - means)  # (steps, examples)
    mean_distance, stop = distances.mean(axis=1), log.steps.index(log.stop)  # (steps,), position of the final model
    return Trajectory(
        steps=log.steps,
        stop=log.stop,
        best_single_stop=int(steps[mean_distance.argmin()]),
        distance_at_stop=_rounded(mean_distance[stop]),
        distance_at_best_single_stop=_rounded(mean_distance.min()),
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
    inside = np.abs(margins - mean) <= BAND * deviation  # (steps,)
    entry_index = int(inside.argmax()) if inside.any() else None  # argmax: position of the first True
    # argmin: position of the first False after the entry
    exit_index = (
        None if entry_index is None or inside[entry_index:].all() else entry_index + int(inside[entry_index:].argmin())
    )
    return ExampleTrajectory(
        example_id=identifier,
        margins=tuple(_rounded(margin) for margin in margins),
        oracle_mean=_rounded(mean),
        oracle_deviation=_rounded(deviation),
        entered=None if entry_index is None else steps[entry_index],
        left=None if exit_index is None else steps[exit_index],
        best_step=steps[int(np.abs(margins - mean).argmin())],
        end=_end(float(margins[stop] - mean), BAND * deviation),
    )


def _end(excess: float, half_width: float) -> Literal["undershot", "within", "overshot"]:
    if abs(excess) <= half_width:
        return "within"
    return "undershot" if excess > 0 else "overshot"


def _rounded(value: float) -> float:
    return round(float(value), DECIMALS)
