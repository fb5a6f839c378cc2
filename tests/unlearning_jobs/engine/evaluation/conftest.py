"""Made-up outputs of many models, for judging the judgement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from unlearning_jobs.engine.evaluation.outputs import Array, Group, ModelKey, Outputs
from unlearning_jobs.engine.evaluation.statistics import STATISTICS

MakeOutputs = Callable[..., Outputs]


def add_group(outputs: Outputs, group: Group, name: str, first_seed: int, columns: Mapping[str, Array]) -> None:
    """Add a group's models on one set; columns are (models, examples), statistics not named are NaN."""
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


@pytest.fixture
def make_outputs() -> MakeOutputs:
    """Outputs in which the unlearned models lie at `position`: 0 as the oracles, 1 as the originals.

    Models differ by `spread` around their group's mean, examples by 1 around the models'. The gap is 8.
    """

    def make(position: float, rng: np.random.Generator, **options: Any) -> Outputs:
        m, n, spread = options.get("m", 4), options.get("n", 8), options.get("spread", 0.4)
        gap, retain = options.get("gap", 8.0), options.get("retain", 0.9)
        outputs = Outputs()
        levels = {"original": gap, "unlearned": position * gap, "oracle": 0.0}
        for first_seed, (group, level) in enumerate(levels.items()):
            count = n if group == "oracle" else m
            own = rng.normal(level, spread, (count, 1))
            bumps = np.random.default_rng(1).normal(0, 1, 5)  # examples differ in the same way for all models
            forget = own + bumps + rng.normal(0, spread, (count, 5))
            known = {
                "margin": rng.normal(5, 0.3, (count, 9)),
                "probability": np.full((count, 9), retain if group == "unlearned" else 0.9),
            }
            known["probability"] = known["probability"] + rng.normal(0, 0.01, (count, 9))
            add_group(outputs, group, "forget", 100 * first_seed, {"margin": forget})  # type: ignore[arg-type]  # a literal
            add_group(outputs, group, "retain", 100 * first_seed, known)  # type: ignore[arg-type]  # a literal
            unseen = {"margin": rng.normal(-4, 0.3, (count, 7)) + rng.normal(0, spread, (count, 1))}
            add_group(outputs, group, "held_out", 100 * first_seed, unseen)  # type: ignore[arg-type]  # a literal
        return outputs

    return make
