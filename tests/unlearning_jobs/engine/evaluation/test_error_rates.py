"""How often the verdict errs, by simulation with few draws of made-up models."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from tests.unlearning_jobs.engine.evaluation.conftest import (
    FIRST_ORACLE,
    FIRST_SEED,
    INDEPENDENT,
    PAIRED,
    MakeOutputs,
)
from unlearning_jobs.engine.contracts import Protocol
from unlearning_jobs.engine.evaluation.estimands import compare, position_of
from unlearning_jobs.engine.evaluation.evaluate import evaluate, is_decided
from unlearning_jobs.engine.evaluation.outputs import Outputs

DESIGNS = pytest.mark.parametrize("paired", [False, True])
LOCATION = INDEPENDENT.estimands[0]


def protocol_of(*, paired: bool, m: int, n: int, looks: int) -> Protocol:
    return replace(
        PAIRED if paired else INDEPENDENT,
        replicate_seeds=tuple(range(FIRST_SEED + 1, FIRST_SEED + m)),
        oracle_seeds=tuple(range(FIRST_ORACLE, FIRST_ORACLE + n)),
        looks=looks,
    )


def looks_at(outputs: Outputs, protocol: Protocol) -> Iterator[tuple[int, Outputs]]:
    """The outputs as they are at each look."""
    for look in range(1, protocol.looks + 1):
        seeds = {FIRST_SEED + k for k in range(protocol.unlearned_at(look))}
        seeds |= set(protocol.oracle_seeds[: protocol.independent_oracles_at(look)])
        yield (
            look,
            outputs.only(
                [model for g in ("original", "unlearned", "oracle") for model in outputs.models(g) if model.seed in seeds]
            ),
        )


def allowed(runs: int, level: float) -> float:
    """The largest share that chance explains."""
    return level + 3 * math.sqrt(level * (1 - level) / runs)


@DESIGNS
@pytest.mark.parametrize("position", [-0.25, 0.25])
def test_over_two_looks_equivalence_is_claimed_at_the_margin_no_more_often_than_alpha(
    make_outputs: MakeOutputs, position: float, *, paired: bool
) -> None:
    """Of the method, by its location alone: the other conditions only make it rarer."""
    rng, runs, claims = np.random.default_rng(30), 200, 0
    protocol = protocol_of(paired=paired, m=8, n=2 if paired else 12, looks=2)
    assert protocol.alpha_per_look == protocol.alpha / 2
    for _ in range(runs):
        whole = make_outputs(position, rng, paired=paired, m=8, n=len(protocol.oracle_seeds), spread=0.8)
        for _look, outputs in looks_at(whole, protocol):
            at = [compare(outputs, LOCATION).against(side * LOCATION.margin, protocol.alpha_per_look) for side in (1, -1)]
            if position_of(at[0], at[1], two_sided=True) == "within":
                claims += 1
                break
    assert claims / runs <= allowed(runs, protocol.alpha)


def outcomes(make: MakeOutputs, position: float, runs: int, *, paired: bool) -> list[str]:
    """Verdicts over two looks."""
    rng = np.random.default_rng(31)
    protocol = protocol_of(paired=paired, m=6, n=2 if paired else 8, looks=2)
    reached: list[str] = []
    for _ in range(runs):
        whole = make(position, rng, paired=paired, m=6, n=len(protocol.oracle_seeds), spread=0.5)
        for look, outputs in looks_at(whole, protocol):
            evaluation = evaluate(outputs, protocol, "npo", "causal_lm", look=look)
            if is_decided(evaluation):
                break
        reached.append(evaluation.verdict.outcome)
    return reached


@DESIGNS
def test_a_perfect_retraining_passes_in_nine_of_ten_cases(make_outputs: MakeOutputs, *, paired: bool) -> None:
    assert outcomes(make_outputs, 0.0, 40, paired=paired).count("passed") >= 36


@DESIGNS
@pytest.mark.parametrize("position", [1.0, -0.5])
def test_doing_nothing_and_half_a_gap_too_much_fail(make_outputs: MakeOutputs, position: float, *, paired: bool) -> None:
    reached = outcomes(make_outputs, position, 20, paired=paired)
    assert reached.count("failed") >= 19
    assert "passed" not in reached


@DESIGNS
def test_a_method_at_the_margin_hardly_ever_passes(make_outputs: MakeOutputs, *, paired: bool) -> None:
    assert outcomes(make_outputs, 0.25, 30, paired=paired).count("passed") <= 30 * allowed(30, 0.05)
