"""Reads the raw outputs of an evaluation for charts: statistics per model and example, as Parquet. Loads no torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from unlearning_jobs.models import Job

GROUPS = ("original", "unlearned", "oracle")
SETS = ("forget", "retain", "held_out")


@dataclass
class SetMargins:
    """Margins of one set of examples, by the groups of GROUPS."""

    by_example: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    """group -> example id -> one margin per model of the group."""
    by_model: dict[str, dict[int, list[float]]] = field(default_factory=dict)
    """group -> seed -> one margin per example."""

    def example_means(self, group: str) -> list[float]:
        """Return one value per example: its mean over the group's models."""
        return [mean(margins) for margins in self.by_example.get(group, {}).values()]

    def model_means(self, group: str) -> list[float]:
        """Return one value per model: its mean over the examples. The model is the unit of replication."""
        return [mean(margins) for margins in self.by_model.get(group, {}).values()]


def margins_of(job: Job) -> dict[str, SetMargins]:
    """Return the margins by set, in the order of SETS; empty when the outputs are gone or have another form."""
    import pyarrow as pa

    path: Path = settings.ARTEFACTS / job.output / "outputs" / "examples.parquet"
    try:
        rows = _rows(path)
    except (OSError, pa.ArrowException):
        return {}
    by_set = {name: SetMargins() for name in SETS}
    for group, seed, name, example_id, margin in rows:
        if name in by_set and margin is not None:
            by_set[name].by_example.setdefault(group, {}).setdefault(example_id, []).append(margin)
            by_set[name].by_model.setdefault(group, {}).setdefault(seed, []).append(margin)
    return {name: margins for name, margins in by_set.items() if margins.by_model}


def _rows(path: Path) -> Iterable[tuple[str, int, str, str, float | None]]:
    """Read the rows as group, seed, set, example id and margin."""
    from pyarrow import parquet

    names = ["group", "seed", "set", _id_column(parquet.read_schema(path).names), "margin"]
    columns = parquet.read_table(path, columns=names).to_pydict()
    return zip(*(columns[name] for name in names), strict=True)


def _id_column(names: Sequence[str]) -> str:
    """Return the column that names the example. It was `record_id` once, and reports of those jobs must still open."""
    return "record_id" if "record_id" in names else "example_id"


def mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers)
