"""The evaluation as a whole, from protocol and outputs alone."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.unlearning_jobs.engine.evaluation.conftest import INDEPENDENT, PAIRED, MakeOutputs
from unlearning_jobs.engine.contracts import Direction, Evaluation, Outcome
from unlearning_jobs.engine.evaluation.estimands import compare, judge
from unlearning_jobs.engine.evaluation.evaluate import evaluate
from unlearning_jobs.engine.evaluation.multiplicity import holm
from unlearning_jobs.engine.evaluation.power import minimum_detectable_effect
from unlearning_jobs.engine.evaluation.shipped import judge_shipped

DESIGNS = pytest.mark.parametrize("paired", [False, True])


def judged(position: float, seed: int, make: MakeOutputs, *, paired: bool = False, **options: float) -> Evaluation:
    outputs = make(position, np.random.default_rng(seed), paired=paired, **options)
    return evaluate(outputs, PAIRED if paired else INDEPENDENT, "npo", "causal_lm")


@DESIGNS
@pytest.mark.parametrize(
    ("position", "outcome", "direction"), [(0.0, "passed", None), (1.0, "failed", "undershot"), (-0.8, "failed", "overshot")]
)
def test_clear_cases_come_out_right(
    make_outputs: MakeOutputs, position: float, outcome: Outcome, direction: Direction | None, *, paired: bool
) -> None:
    reached = judged(position, 1, make_outputs, paired=paired).verdict
    assert (reached.outcome, reached.direction) == (outcome, direction)


def test_every_estimand_is_judged_about_the_method_and_about_the_shipped_model(make_outputs: MakeOutputs) -> None:
    found = judged(0.0, 1, make_outputs).estimands
    named = [(finding.estimand.name, finding.scope) for finding in found]
    assert named == [(e.name, scope) for e in INDEPENDENT.estimands for scope in ("method", "shipped")]


@DESIGNS
def test_every_look_is_judged_at_its_share_of_the_level(make_outputs: MakeOutputs, *, paired: bool) -> None:
    outputs, protocol = make_outputs(0.0, np.random.default_rng(1), paired=paired), PAIRED if paired else INDEPENDENT
    found = evaluate(outputs, replace(protocol, looks=4), "npo", "causal_lm", look=2)
    assert found.look == 2
    for finding in found.estimands:
        estimand = finding.estimand
        if finding.scope == "shipped":
            assert finding == judge_shipped(outputs, estimand, protocol.alpha / 4)
        elif estimand.kind in ("location", "deviation"):
            assert finding == judge(compare(outputs, estimand), estimand, protocol.alpha / 4)


def test_with_a_single_model_nothing_is_said_about_the_method(make_outputs: MakeOutputs) -> None:
    outputs = make_outputs(0.0, np.random.default_rng(1), m=1)
    evaluation = evaluate(outputs, INDEPENDENT, "npo", "causal_lm")
    assert {finding.scope for finding in evaluation.estimands} == {"shipped"}
    assert [control.name for control in evaluation.controls] == ["oracle_against_oracle"]
    assert any("nothing is measured about the method" in limit for limit in evaluation.limits)


@DESIGNS
def test_a_damaged_model_fails_although_it_forgot(make_outputs: MakeOutputs, *, paired: bool) -> None:
    evaluation = judged(0.0, 2, make_outputs, retain=0.4, paired=paired)
    assert evaluation.verdict.outcome == "failed"
    codes = {r.code for r in evaluation.verdict.reasons}
    assert {"retain_location_below", "retain_damaged_above", "retain_accuracy_below"} <= codes
    assert {f"shipped_{code}" for code in codes if not code.startswith("shipped_")} <= codes


def test_what_the_evaluation_does_not_show_is_said(make_outputs: MakeOutputs) -> None:
    evaluation = judged(0.0, 6, make_outputs)
    text = " ".join(evaluation.limits)
    assert "no guarantee" in text
    assert "8 oracles" in text
    for word in ("compliant", "anonymous", "forgotten"):
        assert word not in text


def test_the_limits_say_how_large_a_difference_has_to_be_to_be_found(make_outputs: MakeOutputs) -> None:
    [sentence] = [limit for limit in judged(0.0, 6, make_outputs).limits if "t test" in limit]
    effect = minimum_detectable_effect(4, 8, alpha=0.05)
    assert (
        f"4 models against 8 independent oracles, a two-sided t test at level 0.05 finds a difference of {effect:.2f}"
        in sentence
    )
    assert "80%" in sentence


def test_every_set_has_its_test_adjusted_for_their_number(make_outputs: MakeOutputs) -> None:
    evaluation = judged(1.0, 7, make_outputs)
    assert [finding.examples for finding in evaluation.sets] == ["forget", "retain", "held_out"]
    assert evaluation.sets[0].permutation == evaluation.permutation
    p_values = [finding.permutation.p_value for finding in evaluation.sets]
    assert [finding.p_adjusted for finding in evaluation.sets] == pytest.approx(holm(p_values))
    assert evaluation.sets[0].p_adjusted == pytest.approx(3 * p_values[0])  # the smallest of three


@pytest.mark.parametrize(("position", "too_high", "too_low"), [(1.0, 5, 0), (-0.8, 0, 5), (0.0, 0, 0)])
def test_the_examples_that_were_missed_are_counted(
    make_outputs: MakeOutputs, position: float, too_high: int, too_low: int
) -> None:
    evaluation = judged(position, 8, make_outputs)
    assert evaluation.examples is not None
    assert len(evaluation.examples.example_ids) == 5
    assert (evaluation.examples.too_high_fwer, evaluation.examples.too_low_fwer) == (too_high, too_low)
    assert Evaluation.from_json(evaluation.to_json()) == evaluation


def test_an_evaluation_stored_before_can_still_be_read(make_outputs: MakeOutputs) -> None:
    stored = judged(0.0, 9, make_outputs).to_json()
    del stored["sets"], stored["examples"], stored["influence"], stored["precision"]
    for finding in stored["estimands"]:
        for added in ("scope", "margin_used", "judged"):
            finding.pop(added, None)
    read = Evaluation.from_json(stored)
    assert (read.sets, read.examples) == ((), None)


# Models that are learned without a seed: all of a group are the same, and rounding is the only spread.


def without_spread(make: MakeOutputs, position: float, noise: float, gap: float = 8.0) -> Evaluation:
    outputs = make(position, np.random.default_rng(7), spread=0.0, gap=gap)
    first = outputs.models("oracle")[0]
    for (model, name), table in outputs.values.items():
        if name != "forget":  # the other sets are as the first oracle has them
            outputs.values[model, name] = outputs.values[first, name] + noise * (model.group == "unlearned")
        elif model.group == "unlearned":
            outputs.values[model, name] = table + noise
    return evaluate(outputs, INDEPENDENT, "npo", "causal_lm")


@pytest.mark.parametrize("noise", [0.0, 1e-12, -1e-7])
@pytest.mark.parametrize(
    ("position", "outcome", "direction"),
    [(0.0, "passed", None), (0.2, "passed", None), (1.0, "failed", "undershot"), (-0.8, "failed", "overshot")],
)
def test_models_without_spread_are_judged_by_where_they_lie(
    make_outputs: MakeOutputs, position: float, noise: float, outcome: Outcome, direction: Direction | None
) -> None:
    reached = without_spread(make_outputs, position, noise).verdict
    assert (reached.outcome, reached.direction) == (outcome, direction)


@pytest.mark.parametrize("noise", [0.0, 1e-12, -1e-7])
def test_rounding_is_no_difference_to_the_oracles(make_outputs: MakeOutputs, noise: float) -> None:
    exact, near = without_spread(make_outputs, 0.0, noise), without_spread(make_outputs, 0.01, noise)
    assert exact.permutation is not None
    assert near.permutation is not None
    assert (exact.permutation.p_value, exact.verdict.reasons[0].code) == (1.0, "within_margins")
    assert near.permutation.p_value == pytest.approx(1 / math.comb(12, 4))
    assert near.verdict.reasons[0].code == "within_margins_detectable"


@pytest.mark.parametrize("position", [0.0, 1.0])
@pytest.mark.parametrize("gap", [0.0, 1e-12, -1e-12, 1e-7])
def test_a_gap_of_rounding_is_no_gap(make_outputs: MakeOutputs, position: float, gap: float) -> None:
    evaluation = without_spread(make_outputs, position, 0.0, gap)
    assert evaluation.verdict.outcome == "no_influence"
    assert [c.name for c in evaluation.controls if not c.behaved] == ["do_nothing"]


@pytest.mark.parametrize("noise", [-1e-9, 0.0, 1e-9])
def test_rounding_decides_nothing_at_the_margin(make_outputs: MakeOutputs, noise: float) -> None:
    evaluation = without_spread(make_outputs, 0.25, noise)
    assert evaluation.estimands[0].position == "undecided"


def test_that_seeds_do_not_matter_is_said(make_outputs: MakeOutputs) -> None:
    sentence = "does not depend on the seed"
    assert sentence in " ".join(without_spread(make_outputs, 0.0, 1e-12).limits)
    assert sentence not in " ".join(judged(0.0, 6, make_outputs).limits)
