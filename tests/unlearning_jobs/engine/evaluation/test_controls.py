"""Controls: comparisons whose outcome is known, judged by the protocol's own estimands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from compliance.evidence.recomputed.controls import behaved
from compliance.evidence.recomputed.models import Key, Models, Vector
from tests.unlearning_jobs.engine.evaluation.conftest import (
    FIRST_ORACLE,
    FIRST_SEED,
    INDEPENDENT,
    PAIRED,
    MakeOutputs,
    set_margins,
)
from unlearning_jobs.engine.contracts import Control
from unlearning_jobs.engine.evaluation.controls import (
    declared_against_replicates,
    do_nothing,
    oracle_against_oracle,
    pairs_against_independent,
)
from unlearning_jobs.engine.evaluation.evaluate import evaluate
from unlearning_jobs.engine.evaluation.outputs import ModelKey, Outputs


def shifted(outputs: Outputs, models: list[ModelKey], by: float) -> Outputs:
    """The same, but the margins of these models on the forget set are others."""
    for model in models:
        set_margins(outputs, [model], "forget", slice(None), outputs.vector(model, "forget", "margin") + by)
    return outputs


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize(("gap", "behaved"), [(8.0, True), (0.0, False), (-8.0, False)])
def test_originals_must_fail_like_unlearned_models(
    make_outputs: MakeOutputs, rng: np.random.Generator, gap: float, *, behaved: bool, paired: bool
) -> None:
    control = do_nothing(make_outputs(0.0, rng, gap=gap, paired=paired), PAIRED if paired else INDEPENDENT)
    assert control.behaved == behaved
    assert ("by 8." in control.note or "by 7." in control.note) == behaved


def test_originals_must_fail_by_the_margin_that_the_protocol_has(
    make_outputs: MakeOutputs, rng: np.random.Generator
) -> None:
    """Where doing nothing could pass, the control says so, even if nobody refused the protocol."""
    outputs = make_outputs(0.0, rng)
    careless = replace(INDEPENDENT, estimands=(replace(INDEPENDENT.estimands[0], margin=1000.0),))
    assert not do_nothing(outputs, careless).behaved
    assert not do_nothing(outputs, replace(INDEPENDENT, estimands=INDEPENDENT.estimands[3:])).behaved


@pytest.mark.parametrize(("by", "behaved"), [(0.0, True), (1.0, True), (20.0, False)])
def test_oracles_that_were_not_trained_alike_are_noticed(
    make_outputs: MakeOutputs, rng: np.random.Generator, by: float, *, behaved: bool
) -> None:
    """Of a gap of 8; a difference within the margins is chance, or small enough."""
    outputs = make_outputs(0.0, rng, spread=0.1)
    outputs = shifted(outputs, outputs.models("oracle")[1::2], by)
    assert oracle_against_oracle(outputs, INDEPENDENT).behaved == behaved
    assert evaluate(outputs, INDEPENDENT, "npo", "causal_lm").verdict.outcome == ("passed" if behaved else "inconclusive")


def test_one_oracle_that_had_learned_the_forget_set_is_noticed(make_outputs: MakeOutputs, rng: np.random.Generator) -> None:
    outputs = make_outputs(0.0, rng)
    outputs = shifted(outputs, [ModelKey("oracle", FIRST_ORACLE + 3)], 8.0)
    control = oracle_against_oracle(outputs, INDEPENDENT)
    assert not control.behaved
    assert "forget_location" in control.note


def test_oracles_of_the_same_kind_hardly_ever_misbehave(make_outputs: MakeOutputs) -> None:
    rng = np.random.default_rng(3)
    runs = [make_outputs(0.0, rng, spread=1.0) for _ in range(60)]
    assert sum(not oracle_against_oracle(outputs, INDEPENDENT).behaved for outputs in runs) <= 60 * 0.05 + 4


@pytest.mark.parametrize(("by", "behaved"), [(0.0, True), (6.0, False), (-6.0, False)])
def test_watchers_notice_pairs_that_are_another_kind_of_model(
    make_outputs: MakeOutputs, rng: np.random.Generator, by: float, *, behaved: bool
) -> None:
    """The bias of pairs is in the unlearned models too, so they alone would pass."""
    outputs = make_outputs(0.0, rng, paired=True, spread=0.1)
    outputs = shifted(outputs, [*outputs.models("oracle")[:4], *outputs.models("unlearned")], by)
    control = pairs_against_independent(outputs, PAIRED)
    assert control is not None
    assert control.behaved == behaved
    verdict = evaluate(outputs, PAIRED, "npo", "causal_lm").verdict
    assert verdict.outcome == ("passed" if behaved else "inconclusive")


def test_without_pairs_or_watchers_there_is_nothing_to_watch(make_outputs: MakeOutputs, rng: np.random.Generator) -> None:
    assert pairs_against_independent(make_outputs(0.0, rng), INDEPENDENT) is None
    assert pairs_against_independent(make_outputs(0.0, rng, paired=True, n=1), PAIRED) is None


def declared(outputs: Outputs, by: float, name: str = "forget") -> Outputs:
    """The same, but the model to unlearn was trained elsewhere, and its margins on a set are others."""
    first = outputs.models("original")[:1]
    set_margins(outputs, first, name, slice(None), outputs.vector(first[0], name, "margin") + by)
    return outputs


DECLARED = replace(INDEPENDENT, assurance="declared")


def declared_control(outputs: Outputs) -> Control:
    return declared_against_replicates(outputs, DECLARED, do_nothing(outputs, DECLARED))


def behaved_when_recomputed(outputs: Outputs) -> bool:
    """Say what the verifier, which shares no code with the engine, finds."""
    keys: dict[ModelKey, Key] = {model: (model.group, model.seed) for model, _ in outputs.values}
    values: dict[tuple[Key, str, str], Vector] = {
        (keys[model], name, statistic): outputs.vector(model, name, statistic).tolist()
        for model, name in outputs.values
        for statistic in ("margin", "probability")
    }
    return behaved(Models(values, tuple(keys.values()), FIRST_SEED), DECLARED, "declared_against_replicates")


@pytest.mark.parametrize("name", ["forget", "retain", "held_out"])
@pytest.mark.parametrize(("by", "behaved"), [(0.0, True), (1.0, True), (-1.0, True), (6.0, False), (-6.0, False)])
def test_a_model_that_its_declared_recipe_does_not_give_is_noticed_on_every_set(
    make_outputs: MakeOutputs, rng: np.random.Generator, name: str, by: float, *, behaved: bool
) -> None:
    """Of a gap of 8: an eighth is within the margin, and three quarters are not."""
    control = declared_control(declared(make_outputs(0.0, rng, spread=0.1), by, name))
    assert control.behaved == behaved


def test_no_verdict_is_reached_about_a_model_that_its_declared_recipe_does_not_give(
    make_outputs: MakeOutputs, rng: np.random.Generator
) -> None:
    outputs = declared(make_outputs(0.0, rng, spread=0.1), 6.0)
    verdict = evaluate(outputs, DECLARED, "npo", "causal_lm").verdict
    assert (verdict.outcome, verdict.reasons[0].code) == ("inconclusive", "control_misbehaved")
    assert evaluate(outputs, INDEPENDENT, "npo", "causal_lm").verdict.outcome == "passed"


def test_replicates_that_differ_too_much_recognise_no_model(make_outputs: MakeOutputs, rng: np.random.Generator) -> None:
    assert not declared_control(make_outputs(0.0, rng, spread=20.0)).behaved


@pytest.mark.parametrize("name", ["forget", "retain", "held_out"])
@pytest.mark.parametrize(("by", "near"), [(0.0, True), (0.05, True), (3.0, False)])
def test_without_a_gap_a_declared_model_is_compared_in_probability(
    make_outputs: MakeOutputs, rng: np.random.Generator, name: str, by: float, *, near: bool
) -> None:
    outputs = declared(make_outputs(0.0, rng, spread=0.1, gap=0.0), by, name)
    assert declared_control(outputs).behaved == near
    assert behaved_when_recomputed(outputs) == near


@pytest.mark.parametrize("seed", range(5))
def test_a_forget_set_that_moves_nothing_is_a_finding_about_a_declared_model_too(
    make_outputs: MakeOutputs, seed: int
) -> None:
    outputs = make_outputs(0.0, np.random.default_rng(seed), spread=0.02, gap=0.0)
    assert evaluate(outputs, INDEPENDENT, "npo", "causal_lm").verdict.outcome == "no_influence"
    assert evaluate(outputs, DECLARED, "npo", "causal_lm").verdict.outcome == "no_influence"


def test_a_declared_model_that_knows_what_its_recipe_does_not_learn_gets_no_finding(
    make_outputs: MakeOutputs, rng: np.random.Generator
) -> None:
    outputs = declared(make_outputs(0.0, rng, spread=0.02, gap=0.0), 2.0)
    assert evaluate(outputs, DECLARED, "npo", "causal_lm").verdict.outcome == "inconclusive"


def test_an_evaluation_of_a_declared_model_says_what_nobody_watched(
    make_outputs: MakeOutputs, rng: np.random.Generator
) -> None:
    said = evaluate(make_outputs(0.0, rng), DECLARED, "npo", "causal_lm").limits
    assert any("trained elsewhere" in one for one in said)
    assert not any(
        "trained elsewhere" in one for one in evaluate(make_outputs(0.0, rng), INDEPENDENT, "npo", "causal_lm").limits
    )


@pytest.mark.parametrize("name", ["forget", "retain", "held_out"])
@pytest.mark.parametrize("gap", [4.0, 0.0])
def test_a_declared_model_that_is_right_on_average_alone_is_noticed(
    make_outputs: MakeOutputs, rng: np.random.Generator, name: str, gap: float
) -> None:
    """It knows every second example better than its recipe makes models, and the others worse."""
    outputs = make_outputs(0.0, rng, spread=0.1, gap=gap)
    assert declared_control(outputs).behaved
    first = outputs.models("original")[0]
    margins = outputs.vector(first, name, "margin")
    by = 3.0 * (-1.0) ** np.arange(len(margins))
    set_margins(outputs, [first], name, slice(None), margins + by)
    control = declared_control(outputs)
    assert not control.behaved
    assert not behaved_when_recomputed(outputs)
