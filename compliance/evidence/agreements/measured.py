"""Facts that are computed again from the raw outputs, and what the engine's files state about them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from .facts import Fact, at, of_report
from .raw_outputs import RawOutputs
from .story import ToldReport

TOLERANCE = 1e-6
"""Absolute and relative. Sums in another order differ by far less; estimates that matter differ by far more."""
UNBOUNDED = 1000.0
"""The engine clips estimates in units of the gap to this."""


def close(first: float, second: float) -> bool:
    return math.isclose(first, second, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def close_by_name(computed: Mapping[str, float], stated: Mapping[str, float]) -> bool:
    """Return whether every estimate that can be computed again is the stated one."""
    return all(name in stated and close(value, stated[name]) for name, value in computed.items())


def _of_outputs(value: Callable[[RawOutputs, ToldReport], Any]) -> Callable[[ToldReport], Any]:
    return lambda told: None if told.outputs is None else value(told.outputs, told)


def _retain(outputs: RawOutputs, _told: ToldReport) -> list[str]:
    return outputs.ids("retain")


def _protocol_seeds(told: ToldReport) -> dict[str, list[int]] | None:
    """The production model and its replicates, each before and after; and the oracles."""
    if told.spec is None:
        return None
    replicates = sorted([at(told.spec, "seed"), *at(told.spec, "protocol.replicate_seeds")])
    return {"original": replicates, "unlearned": replicates, "oracle": sorted(at(told.spec, "protocol.oracle_seeds"))}


def _estimates(outputs: RawOutputs, told: ToldReport) -> dict[str, float]:
    """Return the estimates of the protocol's locations: a difference of means, of the gap or in the statistic's own unit."""
    estimates = {}
    gap = outputs.gap()
    for estimand in told.report.protocol.get("estimands", ()):
        if estimand["kind"] == "location" and estimand["unit"] in ("gap", "absolute"):
            place = estimand["examples"], estimand["statistic"]
            if not outputs.has(*place):
                continue
            unlearned, oracle = outputs.mean("unlearned", *place), outputs.mean("oracle", *place)
            difference = unlearned - oracle
            share = max(-UNBOUNDED, min(UNBOUNDED, difference / gap if gap else 0.0))
            estimates[estimand["name"]] = difference if estimand["unit"] == "absolute" else share
    return estimates


def _stated_estimates(told: ToldReport) -> dict[str, float] | None:
    if told.result is None:
        return None
    return {one["estimand"]["name"]: one["estimate"] for one in at(told.result, "evaluation.estimands")}


def _columns(*names: str) -> tuple[str, ...]:
    return tuple(f"examples.parquet {name}" for name in names)


MEASURED_FORGET = of_report(
    "examples.parquet example_id of the set forget",
    _of_outputs(lambda outputs, _told: outputs.ids("forget")),
    *_columns("example_id", "set"),
)
MEASURED_RETAIN = of_report(
    "examples.parquet example_id of the set retain", _of_outputs(_retain), *_columns("example_id", "set")
)
MEASURED_SEEDS = of_report(
    "examples.parquet seed by group", _of_outputs(lambda outputs, _told: outputs.seeds()), *_columns("seed", "group")
)
PROTOCOL_SEEDS = of_report(
    "spec.json seed and protocol seeds",
    _protocol_seeds,
    "spec.json seed",
    "spec.json protocol.replicate_seeds",
    "spec.json protocol.oracle_seeds",
)
GAP = of_report("examples.parquet margin, gap", _of_outputs(lambda outputs, _told: outputs.gap()), *_columns("margin"))
ESTIMATES = of_report("examples.parquet, estimates", _of_outputs(_estimates), *_columns("margin", "probability"))
STATED_ESTIMATES: Fact = of_report(
    "result.json evaluation.estimands estimate", _stated_estimates, "result.json evaluation.estimands.estimate"
)
