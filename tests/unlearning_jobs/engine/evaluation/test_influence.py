"""Whether there is anything to unlearn, and how precisely it can be judged."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from tests.unlearning_jobs.engine.evaluation.conftest import INDEPENDENT, PAIRED, MakeOutputs, set_margins
from unlearning_jobs.engine.evaluation.controls import do_nothing
from unlearning_jobs.engine.evaluation.evaluate import evaluate
from unlearning_jobs.engine.evaluation.influence import measure_influence, measure_precision
from unlearning_jobs.engine.evaluation.outputs import Group, Outputs

DESIGNS = pytest.mark.parametrize("paired", [False, True])


def untold(make: MakeOutputs, rng: np.random.Generator, *, paired: bool, spread: float = 0.02) -> Outputs:
    """A forget set that nothing remembers."""
    return make(0.0, rng, gap=0.0, spread=spread, paired=paired, examples=12)


@DESIGNS
def test_a_forget_set_that_nothing_remembers_has_no_influence(
    make_outputs: MakeOutputs, rng: np.random.Generator, *, paired: bool
) -> None:
    outputs, protocol = untold(make_outputs, rng, paired=paired), PAIRED if paired else INDEPENDENT
    evaluation = evaluate(outputs, protocol, "npo", "causal_lm")
    assert evaluation.verdict.outcome == "no_influence"
    assert evaluation.influence is not None
    assert (evaluation.influence.measurable, evaluation.influence.memorised) == (False, 0)
    assert -0.02 < evaluation.influence.probability_low < evaluation.influence.probability_high < 0.02


@DESIGNS
def test_hundreds_of_examples_that_nothing_remembers_have_no_influence_either(
    make_outputs: MakeOutputs, rng: np.random.Generator, *, paired: bool
) -> None:
    """Some of so many lie three standard errors apart in most jobs. The other tests err in one of twenty."""
    jobs, without = 10, 0
    for _ in range(jobs):
        outputs, protocol = make_outputs(0.0, rng, gap=0.0, paired=paired, examples=400), PAIRED if paired else INDEPENDENT
        for model in [model for group in get_args(Group) for model in outputs.models(group)]:
            set_margins(outputs, [model], "forget", slice(None), rng.normal(0, 0.1, 400))
        finding = measure_influence(outputs, protocol, do_nothing(outputs, protocol))
        without += (finding.measurable, finding.memorised) == (False, 0)
    assert without >= jobs - 2


@DESIGNS
def test_one_example_that_is_memorised_is_an_influence(
    make_outputs: MakeOutputs, rng: np.random.Generator, *, paired: bool
) -> None:
    """Too little to move the mean beyond the limit."""
    outputs, protocol = untold(make_outputs, rng, paired=paired), PAIRED if paired else INDEPENDENT
    for group, level in (("original", 0.5), ("unlearned", 0.0), ("oracle", 0.0)):
        for model in outputs.models(group):  # type: ignore[arg-type]  # a literal
            drawn = level + rng.normal(0, 0.01)
            set_margins(outputs, [model], "forget", slice(0, 1), drawn)
    finding = measure_influence(outputs, protocol, do_nothing(outputs, protocol))
    assert finding.probability_high < 0.02
    assert (finding.memorised, finding.measurable) == (1, True)
    assert evaluate(outputs, protocol, "nothing", "causal_lm").verdict.outcome != "no_influence"


@DESIGNS
def test_bounds_that_reach_beyond_the_limit_show_nothing(
    make_outputs: MakeOutputs, rng: np.random.Generator, *, paired: bool
) -> None:
    outputs, protocol = untold(make_outputs, rng, paired=paired, spread=2.0), PAIRED if paired else INDEPENDENT
    finding = measure_influence(outputs, protocol, do_nothing(outputs, protocol))
    assert finding.measurable is None
    assert evaluate(outputs, protocol, "npo", "causal_lm").verdict.outcome == "inconclusive"


@DESIGNS
def test_what_is_remembered_is_an_influence(make_outputs: MakeOutputs, rng: np.random.Generator, *, paired: bool) -> None:
    outputs, protocol = make_outputs(0.0, rng, paired=paired), PAIRED if paired else INDEPENDENT
    finding = measure_influence(outputs, protocol, do_nothing(outputs, protocol))
    assert (finding.measurable, finding.memorised) == (True, 5)
    a, b = (outputs.matrix(g, "forget", "probability").mean() for g in ("original", "oracle"))
    assert finding.probability_low < a - b + 0.1
    assert finding.probability_high > a - b - 0.1


def test_the_spread_is_in_units_of_the_gap_and_pairs_say_what_they_save(
    make_outputs: MakeOutputs, rng: np.random.Generator
) -> None:
    outputs = make_outputs(0.0, rng, paired=True, spread=1.0, m=16)
    precision = measure_precision(outputs)
    assert precision is not None
    oracles = outputs.matrix("oracle", "forget", "margin").mean(axis=1)
    gap = outputs.matrix("original", "forget", "margin").mean() - oracles.mean()
    assert precision.spread == pytest.approx(oracles.std(ddof=1) / gap)
    pairs = outputs.pairs("forget", "margin").mean(axis=1)
    unlearned = outputs.matrix("unlearned", "forget", "margin").mean(axis=1)
    saved = (unlearned.var(ddof=1) + pairs.var(ddof=1)) / (unlearned - pairs).var(ddof=1)
    assert precision.saved_by_pairs == pytest.approx(saved)
    assert saved > 3


def test_without_pairs_nothing_is_said_about_them_and_without_a_gap_nothing_at_all(
    make_outputs: MakeOutputs, rng: np.random.Generator
) -> None:
    independent = measure_precision(make_outputs(0.0, rng))
    assert independent is not None
    assert independent.saved_by_pairs is None
    assert measure_precision(make_outputs(0.0, rng, gap=-3.0)) is None
