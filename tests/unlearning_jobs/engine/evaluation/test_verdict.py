"""The verdict, from protocol and outputs alone."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.unlearning_jobs.engine.evaluation.conftest import MakeOutputs
from unlearning_jobs.engine.contracts import (
    DEFAULT_ESTIMANDS,
    Control,
    Direction,
    EstimandFinding,
    Evaluation,
    Outcome,
    PermutationFinding,
    Protocol,
    Verdict,
)
from unlearning_jobs.engine.evaluation.controls import do_nothing, oracle_against_oracle
from unlearning_jobs.engine.evaluation.evaluate import evaluate
from unlearning_jobs.engine.evaluation.multiplicity import holm
from unlearning_jobs.engine.evaluation.power import minimum_detectable_effect
from unlearning_jobs.engine.evaluation.verdict import reach_verdict

PROTOCOL = Protocol(tuple(range(2, 5)), tuple(range(11, 19)), metrics=())
PERMUTATION = PermutationFinding(0.3, 0.2, 495, exhaustive=True)
BEHAVED = Control("do_nothing", behaved=True, permutation=PERMUTATION, note="fine")
MISBEHAVED = Control("do_nothing", behaved=False, permutation=PERMUTATION, note="no power")


def verdict(positions: dict[str, str], controls: tuple[Control, ...] = (BEHAVED,), p: float = 0.2) -> Verdict:
    findings = [
        EstimandFinding(e, 0.1, 0.0, 0.2, positions.get(e.name, "within"))  # type: ignore[arg-type]  # as named in the test
        for e in DEFAULT_ESTIMANDS
    ]
    return reach_verdict(findings, replace(PERMUTATION, p_value=p), controls, 0.05)


@pytest.mark.parametrize(
    ("positions", "outcome", "direction"),
    [
        ({}, "passed", None),
        ({"forget_location": "above"}, "failed", "undershot"),
        ({"forget_location": "below"}, "failed", "overshot"),
        ({"forget_location": "below", "retain_location": "below"}, "failed", "overshot"),
        ({"retain_location": "below"}, "failed", None),
        ({"forget_deviation": "above"}, "failed", None),
        ({"held_out_location": "above", "retain_location": "undecided"}, "failed", None),
        ({"forget_location": "undecided"}, "inconclusive", None),
        ({"held_out_location": "undecided"}, "inconclusive", None),
    ],
)
def test_the_outcome_follows_from_the_positions(
    positions: dict[str, str], outcome: Outcome, direction: Direction | None
) -> None:
    reached = verdict(positions)
    assert (reached.outcome, reached.direction) == (outcome, direction)
    assert {r.code for r in reached.reasons} == {
        f"{n}_{p}" for n, p in positions.items() if outcome == "inconclusive" or p != "undecided"
    } or (outcome == "passed" and [r.code for r in reached.reasons] == ["within_margins"])


@pytest.mark.parametrize("positions", [{}, {"forget_location": "above"}, {"forget_location": "below"}])
def test_a_control_that_misbehaves_makes_everything_inconclusive(positions: dict[str, str]) -> None:
    reached = verdict(positions, (BEHAVED, MISBEHAVED))
    assert (reached.outcome, [r.sentence for r in reached.reasons]) == ("inconclusive", ["no power"])


def test_a_small_difference_that_can_be_detected_passes_and_says_so() -> None:
    reached = verdict({}, p=0.004)
    assert (reached.outcome, reached.reasons[0].code) == ("passed", "within_margins_detectable")
    assert "0.004" in reached.reasons[0].sentence


def judged(outputs_position: float, seed: int, make: MakeOutputs, **options: float) -> Evaluation:
    return evaluate(make(outputs_position, np.random.default_rng(seed), **options), PROTOCOL, "npo", "causal_lm")


@pytest.mark.parametrize(
    ("position", "outcome", "direction"), [(0.0, "passed", None), (1.0, "failed", "undershot"), (-0.8, "failed", "overshot")]
)
def test_clear_cases_come_out_right(
    make_outputs: MakeOutputs, position: float, outcome: Outcome, direction: Direction | None
) -> None:
    reached = judged(position, 1, make_outputs).verdict
    assert (reached.outcome, reached.direction) == (outcome, direction)


def test_a_damaged_model_fails_although_it_forgot(make_outputs: MakeOutputs) -> None:
    evaluation = judged(0.0, 2, make_outputs, retain=0.4)
    assert evaluation.verdict.outcome == "failed"
    assert [r.code for r in evaluation.verdict.reasons] == ["retain_location_below"]


def test_too_small_a_gap_is_inconclusive_for_every_method(make_outputs: MakeOutputs) -> None:
    evaluation = judged(0.0, 3, make_outputs, gap=0.2)
    assert not do_nothing(make_outputs(0.0, np.random.default_rng(3), gap=0.2), PROTOCOL).behaved
    assert evaluation.verdict.outcome == "inconclusive"


def test_oracles_that_differ_among_themselves_are_noticed(make_outputs: MakeOutputs) -> None:
    outputs = make_outputs(0.0, np.random.default_rng(4))
    for i, model in enumerate(outputs.models("oracle")):
        outputs.values[model, "forget"] = outputs.values[model, "forget"] + (20 if i % 2 else 0)
    control = oracle_against_oracle(outputs, PROTOCOL)
    assert not control.behaved
    assert evaluate(outputs, PROTOCOL, "npo", "causal_lm").verdict.outcome == "inconclusive"


def test_a_chance_finding_among_oracles_is_no_reason_to_distrust_them(make_outputs: MakeOutputs) -> None:
    outputs = make_outputs(0.0, np.random.default_rng(4), spread=0.1)
    for i, model in enumerate(outputs.models("oracle")):
        outputs.values[model, "forget"] = outputs.values[model, "forget"] + (1.0 if i % 2 else 0)  # of a gap of 8
    control = oracle_against_oracle(outputs, PROTOCOL)
    assert control.permutation.p_value <= PROTOCOL.alpha
    assert control.behaved


def test_a_chance_finding_among_oracles_that_differ_little_is_no_misbehaviour(make_outputs: MakeOutputs) -> None:
    outputs = make_outputs(0.0, np.random.default_rng(4), spread=0.02)
    for i, model in enumerate(outputs.models("oracle")):
        outputs.values[model, "forget"] = outputs.values[model, "forget"] + (0.5 if i % 2 else 0)
    control = oracle_against_oracle(outputs, PROTOCOL)
    assert control.permutation.p_value <= PROTOCOL.alpha
    assert control.behaved
    assert "within the margin" in control.note


def rate(make: MakeOutputs, position: float, outcome: Outcome, runs: int = 200) -> float:
    rng = np.random.default_rng(5)
    outcomes = [evaluate(make(position, rng, spread=0.5), PROTOCOL, "npo", "causal_lm").verdict.outcome for _ in range(runs)]
    return outcomes.count(outcome) / runs


def test_retraining_nearly_always_passes_and_doing_nothing_nearly_always_fails(make_outputs: MakeOutputs) -> None:
    assert rate(make_outputs, 0.0, "passed") > 0.9
    assert rate(make_outputs, 1.0, "failed", runs=50) > 0.9


@pytest.mark.parametrize("position", [-0.25, 0.25])
def test_a_method_at_the_margin_passes_no_more_often_than_alpha(make_outputs: MakeOutputs, position: float) -> None:
    assert rate(make_outputs, position, "passed") <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 200)


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
    assert f"4 models against 8 oracles, a two-sided t test at level 0.05 finds a difference of {effect:.2f}" in sentence
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
    del stored["sets"], stored["examples"]
    read = Evaluation.from_json(stored)
    assert (read.sets, read.examples) == ((), None)


# Models that are learned without a seed: all of a group are the same, and rounding is the only spread.


def without_spread(make: MakeOutputs, position: float, noise: float, gap: float = 1.0) -> Evaluation:
    outputs = make(position, np.random.default_rng(7), spread=0.0, gap=gap)
    first = outputs.models("oracle")[0]
    for (model, name), table in outputs.values.items():
        if name != "forget":  # the other sets are as the first oracle has them
            outputs.values[model, name] = outputs.values[first, name] + noise * (model.group == "unlearned")
        elif model.group == "unlearned":
            outputs.values[model, name] = table + noise
    return evaluate(outputs, PROTOCOL, "npo", "causal_lm")


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
    assert (exact.permutation.p_value, exact.verdict.reasons[0].code) == (1.0, "within_margins")
    assert near.permutation.p_value == pytest.approx(1 / math.comb(12, 4))
    assert near.verdict.reasons[0].code == "within_margins_detectable"


@pytest.mark.parametrize("position", [0.0, 1.0])
@pytest.mark.parametrize("gap", [0.0, 1e-12, -1e-12, 1e-7])
def test_a_gap_of_rounding_is_no_gap(make_outputs: MakeOutputs, position: float, gap: float) -> None:
    evaluation = without_spread(make_outputs, position, 0.0, gap)
    assert evaluation.verdict.outcome == "inconclusive"
    assert [c.name for c in evaluation.controls if not c.behaved] == ["do_nothing"]


@pytest.mark.parametrize("noise", [-1e-9, 0.0, 1e-9])
def test_rounding_decides_nothing_at_the_margin(make_outputs: MakeOutputs, noise: float) -> None:
    evaluation = without_spread(make_outputs, 0.25, noise)
    assert evaluation.estimands[0].position == "undecided"


def test_that_seeds_do_not_matter_is_said(make_outputs: MakeOutputs) -> None:
    sentence = "does not depend on the seed"
    assert sentence in " ".join(without_spread(make_outputs, 0.0, 1e-12).limits)
    assert sentence not in " ".join(judged(0.0, 6, make_outputs).limits)
