"""Facts that are computed again from the raw outputs, and what the engine's files state about them."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any

from .facts import Fact, at, of_report
from .raw_outputs import RawOutputs
from .story import ToldReport

TOLERANCE = 1e-6
"""Absolute and relative. Sums in another order differ by far less; estimates that matter differ by far more."""
UNBOUNDED = 1000.0
"""The engine clips estimates in units of the gap to this."""
SMALLEST = sys.float_info.min
"""The unit of the shipped model if its original knows no more than the oracle."""
METHOD, SHIPPED = "method", "shipped"
"""What a finding is about: all unlearned models as samples of the method, or the one that would be released."""


def close(first: float, second: float) -> bool:
    return math.isclose(first, second, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def close_by_scope(computed: Mapping[str, Mapping[str, float]], stated: Mapping[str, Mapping[str, float]]) -> bool:
    """Return whether every estimate that can be computed again is the stated one.

    Results from before the shipped model was judged by itself lack its estimates, all of them.
    """
    needed = [scope for scope in computed if scope == METHOD or scope in stated or METHOD not in computed]
    return all(
        name in stated[scope] and close(value, stated[scope][name])
        for scope in needed
        for name, value in computed[scope].items()
    )


def _of_outputs(value: Callable[[RawOutputs, ToldReport], Any]) -> Callable[[ToldReport], Any]:
    return lambda told: None if told.outputs is None else value(told.outputs, told)


def _retain(outputs: RawOutputs, _told: ToldReport) -> list[str]:
    return outputs.ids("retain")


def _protocol_seeds(told: ToldReport) -> dict[str, list[int]] | None:
    """Return the seeds at the look that decided: the production model and replicates, before and after, and the oracles.

    In the paired design, each of the unlearned models has an oracle of its seed, and all independent oracles are there from
    the first look.
    """
    if told.spec is None or told.result is None:
        return None
    protocol = at(told.spec, "protocol")
    share = at(told.result, "evaluation").get("look", 1), protocol.get("looks", 1)
    unlearned = _at_look([at(told.spec, "seed"), *protocol["replicate_seeds"]], *share)
    if protocol.get("design") == "paired":
        oracles = [*unlearned, *protocol["oracle_seeds"]]
    else:
        oracles = _at_look(protocol["oracle_seeds"], *share)
    return {"original": sorted(unlearned), "unlearned": sorted(unlearned), "oracle": sorted(oracles)}


def _at_look(seeds: list[int], look: int, looks: int) -> list[int]:
    return seeds[: math.ceil(len(seeds) * look / looks)]


def _estimates(outputs: RawOutputs, told: ToldReport) -> dict[str, dict[str, float]] | None:
    """Return the estimates of the protocol's locations by scope: differences of means, of the gap or in the own unit.

    The shipped model is compared with its own oracle if there is one, and the method with the pairs if all have one.
    """
    if told.spec is None or not outputs.are_finite():
        return None
    seeds, seed = outputs.seeds(), at(told.spec, "seed")
    unlearned, oracles = (seeds.get(group, []) for group in ("unlearned", "oracle"))
    several = len(unlearned) > 1
    pairs = unlearned if several and set(unlearned) <= set(oracles) else oracles
    compared = {SHIPPED: ([seed], [seed] if seed in oracles else oracles)} | (
        {METHOD: (unlearned, pairs)} if several else {}
    )
    return {
        scope: {
            one["name"]: _location(outputs, one, *groups, shipped=scope == SHIPPED)
            for one in told.report.protocol.get("estimands", ())
            if one["kind"] == "location" and outputs.has(one["examples"], one["statistic"])
        }
        for scope, groups in compared.items()
    }


def _location(
    outputs: RawOutputs,
    estimand: Mapping[str, Any],
    unlearned: Collection[int],
    oracles: Collection[int],
    *,
    shipped: bool,
) -> float:
    place = estimand["examples"], estimand["statistic"]
    difference = outputs.mean("unlearned", *place, seeds=unlearned) - outputs.mean("oracle", *place, seeds=oracles)
    if estimand["unit"] == "absolute":
        return difference
    gap = outputs.mean("original", "forget", seeds=unlearned) - outputs.mean("oracle", "forget", seeds=oracles)
    unit = max(gap, SMALLEST) if shipped else gap
    return max(-UNBOUNDED, min(UNBOUNDED, difference / unit)) if unit else 0.0


def _stated_estimates(told: ToldReport) -> dict[str, dict[str, float]] | None:
    if told.result is None:
        return None
    stated: dict[str, dict[str, float]] = {}
    for one in at(told.result, "evaluation.estimands"):
        stated.setdefault(one.get("scope", METHOD), {})[one["estimand"]["name"]] = one["estimate"]
    return stated


def _says_finite(told: ToldReport) -> bool | None:
    return None if told.result is None else at(told.result, "evaluation.gap") is not None


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
    "the protocol's seeds at the look that decided",
    _protocol_seeds,
    "spec.json seed",
    "spec.json protocol.replicate_seeds",
    "spec.json protocol.oracle_seeds",
    "spec.json protocol.design",
    "spec.json protocol.looks",
    "result.json evaluation.look",
)
FINITE = of_report(
    "examples.parquet, all numbers there and finite",
    _of_outputs(lambda outputs, _told: outputs.are_finite()),
    *_columns("margin", "probability"),
)
SAYS_FINITE = of_report("result.json evaluation.gap is stated", _says_finite, "result.json evaluation.gap")
GAP = of_report("examples.parquet margin, gap", _of_outputs(lambda outputs, _told: outputs.gap()), *_columns("margin"))
ESTIMATES = of_report(
    "examples.parquet, estimates", _of_outputs(_estimates), *_columns("margin", "log_likelihood", "probability", "accuracy")
)
STATED_ESTIMATES: Fact = of_report(
    "result.json evaluation.estimands estimate",
    _stated_estimates,
    "result.json evaluation.estimands.estimate",
    "result.json evaluation.estimands.scope",
)
