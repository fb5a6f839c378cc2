"""The raw outputs of an evaluation, read for charts: statistics per model and example, as Parquet. No torch, no engine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from .models import Job

GROUPS = ("original", "unlearned", "oracle")
SETS = ("forget", "retain", "held_out")
COLUMNS = ["group", "seed", "set", "example_id", "margin"]


@dataclass
class SetMargins:
    """Margins of one set of examples. Groups are original, unlearned and oracle."""

    by_example: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    """group -> record id -> one margin per model of the group."""
    by_model: dict[str, dict[int, list[float]]] = field(default_factory=dict)
    """group -> seed -> one margin per example."""

    def example_means(self, group: str) -> list[float]:
        """One value per example: its mean over the group's models."""
        return [mean(margins) for margins in self.by_example.get(group, {}).values()]

    def model_means(self, group: str) -> list[float]:
        """One value per model: its mean over the examples. The model is the unit of replication."""
        return [mean(margins) for margins in self.by_model.get(group, {}).values()]


def margins_of(job: Job) -> dict[str, SetMargins]:
    """Margins by set, in the order of SETS; empty when the outputs are gone or of another form."""
    import pyarrow as pa
    from pyarrow import parquet

    path: Path = settings.ARTEFACTS / job.output / "outputs" / "examples.parquet"
    try:
        columns = parquet.read_table(path, columns=COLUMNS).to_pydict()
    except (OSError, pa.ArrowException):
        return {}
    found: dict[str, SetMargins] = {name: SetMargins() for name in SETS}
    for group, seed, name, example_id, margin in zip(*(columns[c] for c in COLUMNS), strict=True):
        if name in found and margin is not None:
            found[name].by_example.setdefault(group, {}).setdefault(example_id, []).append(margin)
            found[name].by_model.setdefault(group, {}).setdefault(seed, []).append(margin)
    return {name: margins for name, margins in found.items() if margins.by_model}


def mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)
