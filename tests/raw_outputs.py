"""Raw outputs of an evaluation that did not run, and what follows from them: the numbers that a result must state."""

from __future__ import annotations

import random
from pathlib import Path
from statistics import fmean

import pyarrow as pa
from pyarrow import parquet

from unlearning_jobs.engine.contracts import Estimand, JobSpec

LEVELS = {"original": 3.0, "oracle": 0.3}
UNLEARNED = {"passed": 0.4}
"""Where the unlearned models lie when the verdict is to pass; otherwise near the originals."""
KEPT = {
    "retain": tuple(f"e{n:08d}" for n in range(4, 20)),
    "held_out": tuple(f"e{n:08d}" for n in range(20, 28)),
}
NOT_MEASURED = {"passed": 0.02}
"""Estimates of quantities that these outputs say nothing about."""

Row = tuple[str, int, str, str, float]


def rows(spec: JobSpec, outcome: str) -> list[Row]:
    assert spec.protocol is not None
    originals = (spec.seed, *spec.protocol.replicate_seeds)
    seeds = {"original": originals, "unlearned": originals, "oracle": spec.protocol.oracle_seeds}
    levels = LEVELS | {"unlearned": UNLEARNED.get(outcome, 2.7)}
    noise = random.Random(4)  # noqa: S311  # the spread of a drawing, not a secret
    return [
        (group, seed, name, example_id, noise.gauss(levels[group] if name == "forget" else 2.5, 0.4))
        for group, own in seeds.items()
        for seed in own
        for name, ids in ({"forget": spec.forget_ids} | KEPT).items()
        for example_id in ids
        if name == "forget" or example_id not in spec.forget_ids
    ]


def write(path: Path, spec: JobSpec, outcome: str) -> None:
    names = ("group", "seed", "set", "example_id", "margin")
    columns = zip(*rows(spec, outcome), strict=True)
    parquet.write_table(pa.table(dict(zip(names, map(list, columns), strict=True))), path)


def measured(spec: JobSpec, outcome: str) -> tuple[float, list[float]]:
    """Return the do-nothing gap, and an estimate for each of the protocol's estimands."""
    assert spec.protocol is not None
    own = rows(spec, outcome)

    def mean(group: str, examples: str) -> float:
        return fmean(row[4] for row in own if (row[0], row[2]) == (group, examples))

    gap = mean("original", "forget") - mean("oracle", "forget")

    def estimate(one: Estimand) -> float:
        if (one.kind, one.statistic, one.unit) != ("location", "margin", "gap"):
            return NOT_MEASURED.get(outcome, 0.9)
        return (mean("unlearned", one.examples) - mean("oracle", one.examples)) / gap

    return gap, [estimate(one) for one in spec.protocol.estimands]
