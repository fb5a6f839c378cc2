"""The raw outputs of an evaluation: one row per model, example and set. Every number in a result follows from them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from .statistics import STATISTICS, Row

Group = Literal["original", "unlearned", "oracle"]
Array = NDArray[np.float64]
RESOLUTION = 1e-6
"""Absolute and relative difference up to which outputs count as equal: networks compute in float32, whose relative precision
is about 1e-7. Models that are trained without a seed differ by rounding only."""


@dataclass(frozen=True)
class ModelKey:
    """One model of an evaluation. The production model's seed comes first in its group."""

    group: Group
    seed: int


@dataclass
class Outputs:
    """Statistics by model, set and example. All models are measured on the same examples of a set."""

    ids: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Example ids by set."""
    values: dict[tuple[ModelKey, str], Array] = field(default_factory=dict)
    """Array (examples, statistics) by model and set, in the order of `ids` and STATISTICS."""

    def add(self, model: ModelKey, name: str, ids: Sequence[str], rows: Iterable[Row]) -> None:
        """Add one model's statistics on one set.

        Raises:
            ValueError: another model was measured on other examples of the set.
        """
        if self.ids.setdefault(name, tuple(ids)) != tuple(ids):
            message = f"The models were measured on different examples of the set {name}."
            raise ValueError(message)
        self.values[model, name] = np.array([[row[s] for s in STATISTICS] for row in rows], dtype=float)

    def add_columns(self, model: ModelKey, name: str, columns: Mapping[str, Sequence[float]]) -> None:
        """Add statistics to what one model was measured on: a number for each example of the set, in order."""
        for statistic, numbers in columns.items():
            self.values[model, name][:, STATISTICS.index(statistic)] = numbers

    def models(self, group: Group) -> list[ModelKey]:
        """Return the models of a group, in the order they were added."""
        return list(dict.fromkeys(model for model, _ in self.values if model.group == group))

    def vector(self, model: ModelKey, name: str, statistic: str) -> Array:
        """Return one model's statistic for every example of a set: (examples,)."""
        return self.values[model, name][:, STATISTICS.index(statistic)]

    def matrix(self, group: Group, name: str, statistic: str) -> Array:
        """Return a statistic of all models of a group on a set: (models, examples)."""
        return np.stack([self.vector(model, name, statistic) for model in self.models(group)])

    def pairs(self, name: str, statistic: str) -> Array:
        """Return the statistic of the unlearned models' own oracles, in the order of the unlearned models.

        Returns:
            (pairs, examples); no rows if the models are not paired.
        """
        own = [ModelKey("oracle", model.seed) for model in self.models("unlearned")]
        rows = [self.vector(model, name, statistic) for model in own if (model, name) in self.values]
        return np.stack(rows) if len(rows) == len(own) else np.empty((0, len(self.ids[name])))

    @property
    def paired(self) -> bool:
        """Whether every unlearned model has an oracle of its own."""
        seeds = {model.seed for model in self.models("oracle")}
        return all(model.seed in seeds for model in self.models("unlearned"))

    def replaced(self, group: Group, by: Group) -> Outputs:
        """Return outputs in which the models of a group answer like those of another one with the same seeds."""
        values = {key: table for key, table in self.values.items() if key[0].group != group}
        values |= {(ModelKey(group, m.seed), name): t for (m, name), t in self.values.items() if m.group == by}
        return Outputs(dict(self.ids), values)

    def only(self, models: Collection[ModelKey]) -> Outputs:
        """Return the outputs of these models."""
        return Outputs(dict(self.ids), {key: table for key, table in self.values.items() if key[0] in models})

    def write(self, path: Path) -> None:
        """Write as Parquet with the columns group, seed, set, example_id and the statistics; NaN becomes null."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        sizes = [len(self.ids[name]) for _, name in self.values]
        table = {
            "group": [model.group for (model, _), size in zip(self.values, sizes, strict=True) for _ in range(size)],
            "seed": np.repeat(np.array([model.seed for model, _ in self.values], dtype=np.int64), sizes),
            "set": [name for (_, name), size in zip(self.values, sizes, strict=True) for _ in range(size)],
            "example_id": [identifier for _, name in self.values for identifier in self.ids[name]],
        }
        numbers = np.concatenate(list(self.values.values())) if self.values else np.empty((0, len(STATISTICS)))
        # Columns of numbers and not of Python objects: there may be millions of rows, and there are many columns.
        columns = {name: pa.array(numbers[:, i], from_pandas=True) for i, name in enumerate(STATISTICS)}
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(table | columns), path)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote. A statistic that came later is in no older file."""
        import pyarrow.parquet as pq

        parts: dict[tuple[ModelKey, str], tuple[list[str], list[Mapping[str, float]]]] = {}
        for row in pq.read_table(path).to_pylist():
            ids, rows = parts.setdefault((ModelKey(row["group"], row["seed"]), row["set"]), ([], []))
            ids.append(row["example_id"])
            rows.append({s: math.nan if row.get(s) is None else row[s] for s in STATISTICS})
        outputs = cls()
        for (model, name), (ids, rows) in parts.items():
            outputs.add(model, name, ids, rows)
        return outputs
