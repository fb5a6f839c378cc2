"""Made-up outputs of many models, for judging the judgement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit

from unlearning_jobs.engine.contracts import Protocol
from unlearning_jobs.engine.evaluation.outputs import Array, Group, ModelKey, Outputs
from unlearning_jobs.engine.evaluation.statistics import STATISTICS

MakeOutputs = Callable[..., Outputs]
FIRST_SEED, FIRST_ORACLE = 1, 101
"""Of the originals and the unlearned models, the production model first; and of oracles without a pair."""
INDEPENDENT = Protocol((2, 3, 4), tuple(range(101, 109)), metrics=())
PAIRED = Protocol((2, 3, 4), (101, 102), design="paired", metrics=())
"""Protocols of the outputs that `make_outputs` makes."""
SHIPPED = ModelKey("unlearned", FIRST_SEED)


def statistics_of(margins: Array) -> dict[str, Array]:
    """The statistics of examples with one answer each, which follow from their margins."""
    return {"margin": margins, "probability": expit(margins), "accuracy": (margins > 0).astype(float)}


def set_margins(outputs: Outputs, models: Iterable[ModelKey], name: str, columns: slice, margins: float | Array) -> None:
    """Let these models answer some examples of a set with other margins, and all that follows from them."""
    for model in models:
        table = outputs.values[model, name].copy()
        for statistic, values in statistics_of(np.broadcast_to(margins, table[columns, 0].shape)).items():
            table[columns, STATISTICS.index(statistic)] = values
        outputs.values[model, name] = table


def add_group(outputs: Outputs, group: Group, name: str, first_seed: int, columns: Mapping[str, Array]) -> None:
    """Add models of a group on one set; columns are (models, examples), statistics not named are NaN."""
    [(models, examples)] = {np.shape(c) for c in columns.values()}
    outputs.ids.setdefault(name, tuple(f"e{x:08d}" for x in range(examples)))
    missing = np.full((models, examples), np.nan)
    tables = np.stack([columns.get(s, missing) for s in STATISTICS], axis=-1)
    for i in range(models):
        outputs.values[ModelKey(group, first_seed + i), name] = tables[i]


@pytest.fixture
def rng() -> np.random.Generator:
    """The same draws for every test, whatever ran before it."""
    return np.random.default_rng(5)


def outputs_at(position: float, rng: np.random.Generator, **options: Any) -> Outputs:
    """Return outputs in which the unlearned models lie at `position`: 0 as the oracles, 1 as the originals.

    Models differ by `spread` around their group's mean, examples by 1 around the models'. The gap is 8. Each unlearned
    model has the seed of its original. With `paired`, each has an oracle of that seed too, which differs from it by a
    quarter of the spread, and `n` further oracles watch.
    """
    m, paired, spread = options.get("m", 4), options.get("paired", False), options.get("spread", 0.4)
    n, gap, examples = options.get("n", 2 if paired else 8), options.get("gap", 8.0), options.get("examples", 5)
    retain = options.get("retain", 0.9)
    bumps = np.random.default_rng(1).normal(0, 1, examples)  # examples differ in the same way for all models
    of_seed = rng.normal(0, spread, (m, 1 + examples)) if paired else np.zeros((m, 1 + examples))
    outputs = Outputs()
    for group, level in (("original", gap), ("unlearned", position * gap), ("oracle", 0.0)):
        parts = [(FIRST_SEED, m, of_seed, spread / 4 if paired else spread)] if group != "oracle" or paired else []
        if group == "oracle":
            parts.append((FIRST_ORACLE, n, np.zeros((n, 1 + examples)), spread))
        for first_seed, count, shared, own in parts:
            drawn = shared + rng.normal(0, own, (count, 1 + examples))
            forget = level + bumps + drawn[:, :1] + drawn[:, 1:]
            known = np.full((count, 9), retain if group == "unlearned" else 0.9) + rng.normal(0, 0.01, (count, 9))
            unseen = -4 + rng.normal(0, 0.3, (count, 7)) + rng.normal(0, spread / 4, (count, 1))
            add_group(outputs, group, "forget", first_seed, statistics_of(forget))  # type: ignore[arg-type]  # a literal
            add_group(outputs, group, "retain", first_seed, statistics_of(logit(np.clip(known, 0.01, 0.99))))  # type: ignore[arg-type]  # a literal
            add_group(outputs, group, "held_out", first_seed, statistics_of(unseen))  # type: ignore[arg-type]  # a literal
    return outputs


@pytest.fixture
def make_outputs() -> MakeOutputs:
    """See `outputs_at`."""
    return outputs_at
