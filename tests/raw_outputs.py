"""Raw outputs of an evaluation that did not run, and what follows from them: the numbers that a result must state."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence

from unlearning_jobs.engine.contracts import Estimand, JobSpec, Position, Scope
from unlearning_jobs.engine.evaluation.estimands import compare
from unlearning_jobs.engine.evaluation.outputs import ModelKey, Outputs
from unlearning_jobs.engine.evaluation.shipped import judge_shipped
from unlearning_jobs.engine.evaluation.statistics import STATISTICS

LEVELS = {"original": 3.0, "oracle": 0.3}
UNLEARNED = {"passed": 0.4}
"""Where the unlearned models lie when the verdict is to pass; otherwise near the originals."""
KEPT = {
    "retain": tuple(f"e{n:08d}" for n in range(4, 20)),
    "held_out": tuple(f"e{n:08d}" for n in range(20, 28)),
}
NOT_MEASURED = {"passed": 0.02}
"""Estimates that nobody computes again: of single examples and of their distances."""

SCOPES: tuple[Scope, ...] = ("method", "shipped")
POSITIONS: dict[str, Position] = {
    "passed": "within",
    "failed": "above",
    "inconclusive": "undecided",
    "no_influence": "undecided",
}
CODES = {
    "passed": ("within_margins", "Every interval lies inside its margin."),
    "failed": ("forget_location_above", "The forget set is still known."),
    "inconclusive": ("forget_location_undecided", "There are too few models."),
    "no_influence": ("no_influence", "Doing nothing could not be told from retraining."),
}


def look_of(spec: JobSpec, outcome: str) -> int:
    """The first look, unless it decides nothing."""
    assert spec.protocol is not None
    return spec.protocol.looks if outcome == "inconclusive" else 1


def models(spec: JobSpec, look: int) -> Iterator[ModelKey]:
    """The models of a look, the production model first."""
    assert spec.protocol is not None
    protocol = spec.protocol
    unlearned = (spec.seed, *protocol.replicate_seeds)[: protocol.unlearned_at(look)]
    oracles = protocol.oracle_seeds[: protocol.independent_oracles_at(look)]
    for seed in unlearned:
        yield ModelKey("original", seed)
        yield ModelKey("unlearned", seed)
    for seed in (*(unlearned if protocol.paired else ()), *oracles):
        yield ModelKey("oracle", seed)


def staged(spec: JobSpec, outcome: str, look: int = 1) -> Outputs:
    """Outputs with which the forget set lies where the outcome needs it."""
    levels = LEVELS | {"unlearned": UNLEARNED.get(outcome, 2.7)}
    noise, outputs = random.Random(4), Outputs()  # noqa: S311  # the spread of a drawing, not a secret
    for model in models(spec, look):
        for name, ids in ({"forget": tuple(sorted(spec.forget_ids))} | KEPT).items():
            own = [example_id for example_id in ids if name == "forget" or example_id not in spec.forget_ids]
            margins = [noise.gauss(levels[model.group] if name == "forget" else 2.5, 0.4) for _ in own]
            outputs.add(model, name, own, map(_row, margins))
    return outputs


def _row(margin: float) -> dict[str, float]:
    probability = 1 / (1 + math.exp(-margin))
    known = {"margin": margin, "probability": probability, "log_likelihood": math.log(probability)}
    return dict.fromkeys(STATISTICS, math.nan) | known | {"accuracy": float(margin > 0)}


def gap(outputs: Outputs) -> float:
    """The do-nothing gap."""
    means = [float(outputs.matrix(group, "forget", "margin").mean()) for group in ("original", "oracle")]
    return means[0] - means[1]


def estimates(outputs: Outputs, estimands: Sequence[Estimand], outcome: str) -> Iterable[tuple[Estimand, Scope, float]]:
    """What each estimand says about the method and about the shipped model, in the engine's order."""
    several = len(outputs.models("unlearned")) > 1
    for one in estimands:
        if one.kind != "location":
            yield from ((one, scope, NOT_MEASURED.get(outcome, 0.9)) for scope in SCOPES[not several :])
            continue
        if several:
            yield one, "method", compare(outputs, one).estimate()
        yield one, "shipped", judge_shipped(outputs, one, 0.05).estimate
