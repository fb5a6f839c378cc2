"""What an opponent would try: none of it passes, and nothing honest is punished for it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.unlearning_jobs.engine.evaluation.conftest import (
    FIRST_ORACLE,
    INDEPENDENT,
    PAIRED,
    SHIPPED,
    MakeOutputs,
    set_margins,
)
from unlearning_jobs.engine.contracts import Evaluation, ProcessCheck
from unlearning_jobs.engine.evaluation.evaluate import evaluate, is_decided
from unlearning_jobs.engine.evaluation.outputs import ModelKey, Outputs

DESIGNS = pytest.mark.parametrize("paired", [False, True])
EVERY = slice(None)
ABSENT = ProcessCheck("forget_set_absent", held=True, sentence="None is among them.")
SAME = ProcessCheck("executed_again", held=True, sentence="Bit by bit.")
CERTIFIED = ProcessCheck("certificate", held=True, sentence="Epsilon 1.")


def judged(outputs: Outputs, *, paired: bool, method: str = "npo", process: tuple[ProcessCheck, ...] = ()) -> Evaluation:
    return evaluate(outputs, PAIRED if paired else INDEPENDENT, method, "causal_lm", process=process)


def left_untouched(outputs: Outputs, models: list[ModelKey], columns: slice = EVERY) -> Outputs:
    """The same, but these unlearned models answer some forget examples as their originals do."""
    for model in models:
        original = outputs.vector(ModelKey("original", model.seed), "forget", "margin")[columns]
        set_margins(outputs, [model], "forget", columns, original)
    return outputs


@DESIGNS
@pytest.mark.parametrize("m", [4, 16])
@pytest.mark.parametrize("spread", [0.4, 2.0])
def test_the_untouched_original_beside_unlearned_replicates_never_passes(
    make_outputs: MakeOutputs, m: int, spread: float, *, paired: bool
) -> None:
    rng = np.random.default_rng(20)
    for _ in range(5):
        outputs = make_outputs(0.0, rng, paired=paired, m=m, spread=spread)
        assert judged(left_untouched(outputs, [SHIPPED]), paired=paired).verdict.outcome != "passed"


@DESIGNS
def test_the_untouched_original_fails_and_the_reason_names_it(
    make_outputs: MakeOutputs, rng: np.random.Generator, *, paired: bool
) -> None:
    verdict = judged(left_untouched(make_outputs(0.0, rng, paired=paired, m=16), [SHIPPED]), paired=paired).verdict
    assert (verdict.outcome, verdict.direction) == ("failed", "undershot")
    assert all(reason.code.startswith("shipped_") for reason in verdict.reasons)


@DESIGNS
def test_a_tenth_of_the_forget_examples_left_untouched_fails(
    make_outputs: MakeOutputs, rng: np.random.Generator, *, paired: bool
) -> None:
    """The mean over all examples lies within its margin."""
    outputs = make_outputs(0.0, rng, paired=paired, examples=40)
    evaluation = judged(left_untouched(outputs, outputs.models("unlearned"), slice(0, 4)), paired=paired)
    positions = {(f.estimand.name, f.scope): (f.position, f.estimate) for f in evaluation.estimands}
    assert positions["forget_location", "method"][0] == "within"
    assert positions["forget_missed", "method"] == positions["forget_missed", "shipped"] == ("above", 0.1)
    assert (evaluation.verdict.outcome, evaluation.verdict.direction) == ("failed", "undershot")


@DESIGNS
@pytest.mark.parametrize("name", ["retain", "held_out"])
def test_a_few_examples_destroyed_fail(
    make_outputs: MakeOutputs, rng: np.random.Generator, name: str, *, paired: bool
) -> None:
    """One retained example in nine, or held-out in seven, but with a small effect on the mean of the others."""
    outputs = make_outputs(0.0, rng, paired=paired)
    columns = slice(0, 1)
    if name == "held_out":
        set_margins(outputs, [*outputs.models("oracle"), *outputs.models("original")], name, columns, 2.0)
    set_margins(outputs, outputs.models("unlearned"), name, columns, -3.0)
    verdict = judged(outputs, paired=paired).verdict
    assert verdict.outcome == "failed"
    assert {f"{name}_damaged_above", f"shipped_{name}_damaged_above"} <= {reason.code for reason in verdict.reasons}


@DESIGNS
def test_eight_in_a_hundred_retained_examples_destroyed_fail_though_the_mean_hides_them(
    make_outputs: MakeOutputs, rng: np.random.Generator, *, paired: bool
) -> None:
    outputs = make_outputs(0.0, rng, paired=paired)
    outputs.ids["retain"] = tuple(f"e{x:08d}" for x in range(50))
    for key, table in outputs.values.items():
        if key[1] == "retain":
            outputs.values[key] = np.resize(table, (50, table.shape[1]))
    set_margins(outputs, outputs.models("unlearned"), "retain", slice(0, 4), 0.0)  # a probability of 0.5 instead of 0.9
    evaluation = judged(outputs, paired=paired)
    positions = {f.estimand.name: f.position for f in evaluation.estimands if f.scope == "method"}
    assert (positions["retain_location"], positions["retain_damaged"]) == ("within", "above")
    assert evaluation.verdict.outcome == "failed"


@DESIGNS
@pytest.mark.parametrize("by", [-2.0, 2.0])
def test_two_log_odds_off_all_held_out_examples_fail(
    make_outputs: MakeOutputs, rng: np.random.Generator, by: float, *, paired: bool
) -> None:
    outputs = make_outputs(0.0, rng, paired=paired)
    for model in outputs.models("unlearned"):
        set_margins(outputs, [model], "held_out", EVERY, outputs.vector(model, "held_out", "margin") + by)
    verdict = judged(outputs, paired=paired).verdict
    side = "above" if by > 0 else "below"
    assert verdict.outcome == "failed"
    assert {f"held_out_location_{side}", f"shipped_held_out_location_{side}"} <= {r.code for r in verdict.reasons}


@pytest.mark.parametrize(
    ("method", "process"), [("retrain", (ABSENT, SAME)), ("summation", (ABSENT, SAME)), ("dp_sgd", (CERTIFIED,))]
)
@pytest.mark.parametrize("examples", [1, 5])
def test_an_exact_or_certified_result_with_its_evidence_is_released_without_replicates(
    make_outputs: MakeOutputs, rng: np.random.Generator, method: str, process: tuple[ProcessCheck, ...], examples: int
) -> None:
    outputs = make_outputs(0.0, rng, m=1, n=4, examples=examples)
    verdict = judged(outputs, paired=False, method=method, process=process).verdict
    assert (verdict.outcome, verdict.reasons[-1].code) == ("passed", "annex")


def test_an_exact_result_that_is_the_original_is_not_released_even_on_forged_evidence(
    make_outputs: MakeOutputs, rng: np.random.Generator
) -> None:
    outputs = left_untouched(make_outputs(0.0, rng, m=1, n=4), [SHIPPED])
    verdict = judged(outputs, paired=False, method="retrain", process=(ABSENT, SAME)).verdict
    assert verdict.outcome == "failed"
    assert "forget_missed_contradicts" in {reason.code for reason in verdict.reasons}


def test_a_certified_result_that_destroys_retained_examples_is_not_released(
    make_outputs: MakeOutputs, rng: np.random.Generator
) -> None:
    outputs = make_outputs(0.0, rng, m=1, n=4)
    set_margins(outputs, [SHIPPED], "retain", slice(0, 4), -3.0)
    verdict = judged(outputs, paired=False, method="dp_sgd", process=(CERTIFIED,)).verdict
    assert (verdict.outcome, verdict.direction) == ("failed", None)


# Answers that are no numbers, say nothing, or are few.


@DESIGNS
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("model", "outcome"),
    [
        (SHIPPED, "failed"),
        (ModelKey("unlearned", 3), "failed"),
        (ModelKey("original", 1), "inconclusive"),
        (ModelKey("oracle", FIRST_ORACLE), "inconclusive"),
    ],
)
def test_one_answer_that_is_no_number_has_a_stated_outcome(
    make_outputs: MakeOutputs,
    rng: np.random.Generator,
    value: float,
    model: ModelKey,
    outcome: str,
    *,
    paired: bool,
) -> None:
    outputs = make_outputs(0.0, rng, paired=paired)
    name = "held_out" if value == math.inf else "forget"  # whichever set it is in
    set_margins(outputs, [model], name, slice(2, 3), value)
    evaluation = judged(outputs, paired=paired)
    assert (evaluation.verdict.outcome, evaluation.gap, evaluation.permutation) == (outcome, None, None)
    assert not any((evaluation.estimands, evaluation.controls, evaluation.metrics))
    assert Evaluation.from_json(evaluation.to_json()) == evaluation
    assert is_decided(evaluation) == (outcome == "failed")


def test_no_guarantee_releases_a_model_whose_answers_are_no_numbers(
    make_outputs: MakeOutputs, rng: np.random.Generator
) -> None:
    outputs = make_outputs(0.0, rng, m=1, n=4)
    set_margins(outputs, [SHIPPED], "retain", slice(0, 1), math.nan)
    assert judged(outputs, paired=False, method="retrain", process=(ABSENT, SAME)).verdict.outcome == "failed"


@DESIGNS
@pytest.mark.parametrize("groups", [("unlearned",), ("unlearned", "oracle"), ("unlearned", "oracle", "original")])
def test_models_that_give_every_example_the_same_answer_have_a_stated_outcome(
    make_outputs: MakeOutputs, rng: np.random.Generator, groups: tuple[str, ...], *, paired: bool
) -> None:
    outputs = make_outputs(0.0, rng, paired=paired)
    for group in groups:
        for name in outputs.ids:
            set_margins(outputs, outputs.models(group), name, EVERY, 0.0)  # type: ignore[arg-type]  # a literal
    evaluation = judged(outputs, paired=paired)
    expected = {1: "failed", 2: "passed", 3: "no_influence"}[len(groups)]
    assert evaluation.verdict.outcome == expected
    assert Evaluation.from_json(evaluation.to_json()) == evaluation


@DESIGNS
@pytest.mark.parametrize(("position", "outcome"), [(0.0, "passed"), (1.0, "failed"), (-0.8, "failed")])
def test_a_single_forget_example_is_decided(
    make_outputs: MakeOutputs, rng: np.random.Generator, position: float, outcome: str, *, paired: bool
) -> None:
    evaluation = judged(make_outputs(position, rng, examples=1, paired=paired), paired=paired)
    assert evaluation.verdict.outcome == outcome
    assert {finding.judged for finding in evaluation.estimands if finding.estimand.kind == "missed"} == {1}


@DESIGNS
def test_doing_nothing_to_a_forget_set_that_nothing_remembers_is_never_a_pass(
    make_outputs: MakeOutputs, *, paired: bool
) -> None:
    rng = np.random.default_rng(21)
    for spread in (0.02, 0.3, 3.0):
        outputs = make_outputs(1.0, rng, gap=0.0, spread=spread, paired=paired)
        assert judged(outputs, paired=paired, method="nothing").verdict.outcome in (
            "no_influence",
            "inconclusive",
        )


def test_the_production_models_replicates_may_not_be_swapped_for_others(
    make_outputs: MakeOutputs, rng: np.random.Generator
) -> None:
    """The shipped model is the first that was added; in other places, the untouched original is no better off."""
    for place in (1, 3):
        outputs = make_outputs(0.0, rng, m=4, spread=0.1)
        outputs = left_untouched(outputs, [outputs.models("unlearned")[place]])
        assert judged(outputs, paired=False).verdict.outcome != "passed"


# Protocols by which doing nothing could pass are judged all the same, and do not.


@pytest.mark.parametrize(
    "estimands",
    [
        tuple(replace(e, margin=1000.0) if e.examples == "forget" else e for e in INDEPENDENT.estimands),
        tuple(e for e in INDEPENDENT.estimands if e.examples != "forget"),
    ],
)
def test_doing_nothing_does_not_pass_by_a_protocol_that_nobody_refused(
    make_outputs: MakeOutputs, rng: np.random.Generator, estimands: tuple[object, ...]
) -> None:
    protocol = replace(INDEPENDENT, estimands=estimands)  # type: ignore[arg-type]  # estimands of a protocol
    assert protocol.problems("control")
    assert evaluate(make_outputs(1.0, rng), protocol, "nothing", "causal_lm").verdict.outcome == "inconclusive"
