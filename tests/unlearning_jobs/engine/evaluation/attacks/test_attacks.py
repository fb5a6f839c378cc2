"""All attacks together: the tables, what stops one, what it costs, and what follows from the raw outputs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from tests.unlearning_jobs.engine.evaluation.conftest import add_group
from unlearning_jobs.engine.catalogue import (
    ATTACKS,
    METRICS,
    Facts,
    attack_obstacles,
    attack_problems,
    attacks_cost,
    metrics_of,
    proposed_attacks,
)
from unlearning_jobs.engine.contracts import LlamaArchitecture, LogisticArchitecture, Protocol, Recipe
from unlearning_jobs.engine.evaluation.attacks import ATTACKS as CLASSES
from unlearning_jobs.engine.evaluation.attacks import Attacks, Target
from unlearning_jobs.engine.evaluation.metrics import METRICS as METRIC_CLASSES
from unlearning_jobs.engine.evaluation.outputs import ModelKey, Outputs
from unlearning_jobs.engine.evaluation.statistics import ATTACKED
from unlearning_jobs.engine.training.model import TrainedModel

from .conftest import PROTOCOL, Sets

EVERY = replace(PROTOCOL, relearning=2, attacks=tuple(name for name in ATTACKS if name != "relearning"))
RECIPE = Recipe("causal_lm", LlamaArchitecture(16, 3, 2, 16), epochs=10, batch_size=4, learning_rate=1e-3)
FACTS = Facts(RECIPE, forget=30, retain=270, held_out=40, with_long_answers=30)
LOGISTIC = replace(FACTS, recipe=Recipe("logistic", LogisticArchitecture(), epochs=1, batch_size=8, learning_rate=0.1))


def test_the_tables_list_the_same_attacks_and_each_has_a_metric() -> None:
    assert set(ATTACKS) == set(CLASSES)
    assert all(CLASSES[name].name == name for name in CLASSES)
    assert {metric.attack for metric in METRICS.values()} == {"", *ATTACKS}
    assert all(entry.metrics for entry in ATTACKS.values())


def test_all_attacks_at_once_give_the_statistics_that_there_are_and_the_model_stays(
    deep: TrainedModel, sets: Sets, deep_recipe: Recipe
) -> None:
    before = {name: tensor.clone() for name, tensor in deep.network.state_dict().items()}
    found = Attacks(EVERY).carry_out(Target(deep, sets, deep_recipe, EVERY))
    assert set(found["forget"]) == set(ATTACKED)
    assert set(found["held_out"]) == {"probe"}
    assert all(len(numbers) == len(sets[name]) for name, columns in found.items() for numbers in columns.values())
    assert all(bool((tensor == before[name]).all()) for name, tensor in deep.network.state_dict().items())
    again = Attacks(EVERY).carry_out(Target(deep, sets, deep_recipe, EVERY))
    assert all(again["forget"][name] == pytest.approx(numbers, nan_ok=True) for name, numbers in found["forget"].items())


def test_one_example_is_attacked_wherever_it_needs_no_other(deep: TrainedModel, sets: Sets, deep_recipe: Recipe) -> None:
    asked = replace(PROTOCOL, attacks=("quantized_4", "quantized_8", "prefix", "lens", "difference"))
    one = {"forget": sets["forget"][:1], "held_out": sets["held_out"]}
    found = Attacks(asked).carry_out(Target(deep, one, deep_recipe, asked))["forget"]
    assert np.isfinite([found[name] for name in ("quantized_4", "quantized_8", "prefix", "lens")]).all()
    alone = replace(FACTS, forget=1)
    assert {name for name in ATTACKS if attack_obstacles(name, alone)} == {"hinted", "probe", "relearning"}


@pytest.mark.parametrize(
    ("name", "facts", "words"),
    [
        ("hinted", replace(FACTS, forget=1), "another one to ask for"),
        ("relearning", replace(FACTS, forget=1), "another one to watch"),
        ("probe", replace(FACTS, forget=9), "there are 9 and 40"),
        ("probe", replace(FACTS, held_out=9), "there are 30 and 9"),
        ("difference", replace(FACTS, held_out=0), "the corpus has none"),
        ("prefix", replace(FACTS, with_long_answers=0), "long enough"),
        ("lens", replace(FACTS, recipe=replace(RECIPE, architecture=LlamaArchitecture(16, 1, 2, 16))), "no layer before"),
        ("prefix", LOGISTIC, "an attack on causal_lm and finetuned_lm, and the model is a logistic"),
        ("quantized_8", LOGISTIC, "the model is a logistic"),
        ("lens", LOGISTIC, "no layer before the last one"),
        ("relearning", LOGISTIC, "step by step"),
    ],
)
def test_what_stops_an_attack_is_known_before_anything_runs(name: str, facts: Facts, words: str) -> None:
    asked = replace(PROTOCOL, relearning=5) if name == "relearning" else replace(PROTOCOL, attacks=(name,))
    [problem] = attack_problems(asked, facts)
    assert words in problem
    assert attack_problems(asked, FACTS) == []


def test_an_attack_that_does_not_exist_is_a_problem() -> None:
    [problem] = attack_problems(replace(PROTOCOL, attacks=("telepathy",)), FACTS)
    assert problem.startswith("There is no attack 'telepathy'; choose from difference,")


def test_a_protocol_names_each_attack_once_and_relearning_by_its_steps() -> None:
    assert replace(PROTOCOL, attacks=("lens", "lens")).problems() == ["An attack is named twice; name it once."]
    [problem] = replace(PROTOCOL, attacks=("relearning",)).problems()
    assert problem.startswith("Relearning is asked for by its steps")
    assert replace(PROTOCOL, attacks=("lens",), relearning=3).all_attacks == ("lens", "relearning")


def test_a_protocol_without_attacks_keeps_its_digest_and_one_with_some_has_another() -> None:
    assert "attacks" not in PROTOCOL.to_json()
    asked = replace(PROTOCOL, attacks=("prefix",))
    assert asked.digest() != PROTOCOL.digest()
    assert Protocol.from_json(asked.to_json()) == asked


def test_the_metrics_of_an_attack_are_there_only_if_it_is_asked_for() -> None:
    assert not {"prefix", "prefix_extraction", "lens"} & set(metrics_of(PROTOCOL, "causal_lm"))
    found = set(metrics_of(replace(PROTOCOL, attacks=("prefix", "lens")), "causal_lm"))
    assert {"prefix", "prefix_extraction", "lens"} <= found
    assert "probe" not in found
    assert "prefix" not in metrics_of(replace(PROTOCOL, attacks=("prefix",)), "classifier")


def test_the_cheap_attacks_that_can_be_carried_out_are_proposed() -> None:
    assert proposed_attacks(FACTS) == ("difference", "quantized_4", "prefix")
    assert proposed_attacks(replace(FACTS, held_out=0, with_long_answers=0)) == ("quantized_4",)
    assert proposed_attacks(LOGISTIC) == ("difference",)


def test_the_cost_counts_passes_over_the_production_model_twice_and_every_oracle() -> None:
    """In examples that pass forwards and backwards, of 10 x 270 in one training; a forward pass is a third."""
    models, training = 2 + 4, 10 * 270
    costs = {name: attacks_cost(replace(PROTOCOL, attacks=(name,)), FACTS, 1) for name in EVERY.attacks}
    assert costs["difference"] == costs["prefix"] == 0
    assert costs["quantized_4"] == pytest.approx(models * 30 / 3 / training)
    assert costs["lens"] == pytest.approx((models + 1) * 30 / 3 / training), "the original tries one layer more"
    assert costs["probe"] == pytest.approx(models * (30 + 40) / 3 / training)
    assert costs["hinted"] == pytest.approx(7 * costs["quantized_4"]), "each after six hints at most"
    relearning = attacks_cost(replace(PROTOCOL, relearning=5), FACTS, 1)
    assert relearning == pytest.approx(models * (5 * 4 + 30 / 3) / training)
    assert attacks_cost(EVERY, FACTS, 1) == pytest.approx(
        sum(costs.values()) + attacks_cost(replace(PROTOCOL, relearning=2), FACTS, 1)
    )


GROUPS = ("original", "unlearned", "oracle", "oracle 2")
NOT_KNOWN = [math.nan, math.log(0.2), math.log(0.4)]


def alike(*values: float) -> dict[str, list[float]]:
    """The same values for every kind of model."""
    return {group: list(values) for group in GROUPS}


def outputs_of(
    columns: Mapping[str, Mapping[str, list[float]]], held_out: Mapping[str, list[float]] | None = None
) -> Outputs:
    """One model of each kind and two oracles, by columns and kind."""
    outputs = Outputs()
    for seed, group in enumerate(GROUPS):
        kind = group.split()[0]
        add_group(outputs, kind, "forget", seed, {name: np.array([of_kind[group]]) for name, of_kind in columns.items()})  # type: ignore[arg-type]  # literals
        if held_out:
            add_group(outputs, kind, "held_out", seed, {next(iter(columns)): np.array([held_out[group]])})  # type: ignore[arg-type]  # literals
    return outputs


def test_the_metric_is_the_mean_probability_of_what_was_attacked_and_says_what_was_known_before() -> None:
    after = {"original": [math.nan, -0.1, -0.2], "unlearned": NOT_KNOWN, "oracle": [math.nan, -2, -3], "oracle 2": NOT_KNOWN}
    before = alike(math.log(0.9), math.log(0.1), math.log(0.3))
    [finding] = METRIC_CLASSES["prefix"]().findings(outputs_of({"prefix": after, "log_likelihood": before}))
    assert finding.unlearned == pytest.approx(0.3)
    assert finding.oracles == pytest.approx(((math.exp(-2) + math.exp(-3)) / 2, 0.3))
    assert finding.note.startswith(
        "1 answers of one token are left out. Without the attack, the unlearned model's value is 0.200"
    )


@pytest.mark.parametrize("name", ["quantized_4", "prefix", "lens", "hinted"])
def test_there_is_no_finding_unless_all_models_were_attacked_on_the_same_examples(name: str) -> None:
    beside = {"lens": {"lens_layer": alike(2.0, 2.0, 2.0)}, "hinted": {"hints": alike(math.nan, 2.0, 3.0)}}
    extra, after = beside.get(name, {}), alike(*NOT_KNOWN)
    metric = METRIC_CLASSES[name]()
    assert len(list(metric.findings(outputs_of({name: after, **extra})))) == 1
    for other in ([math.nan] * 3, [-0.5, -0.5, math.nan]):
        assert list(metric.findings(outputs_of({name: after | {"oracle 2": other}, **extra}))) == []
    impossible = outputs_of({name: after | {"unlearned": [math.nan, -math.inf, -math.inf]}, **extra})
    assert [finding.unlearned for finding in metric.findings(impossible)] == [0.0], "impossible is a probability too"


def test_there_is_no_finding_of_the_lens_if_models_were_read_at_different_layers() -> None:
    layers = {"original": [1.0] * 3, "unlearned": [1.0] * 3, "oracle": [2.0] * 3, "oracle 2": [1.0] * 3}
    after = alike(-1.0, -2.0, -3.0)
    assert list(METRIC_CLASSES["lens"]().findings(outputs_of({"lens": after, "lens_layer": layers}))) == []
    [finding] = METRIC_CLASSES["lens"]().findings(outputs_of({"lens": after, "lens_layer": alike(1.0, 1.0, 1.0)}))
    assert finding.note == "Read from layer 1, where the original knows the forget set best."


def test_the_hints_that_were_given_are_said() -> None:
    hints, after = alike(math.nan, 2.0, 3.0, 0.0), alike(math.nan, -1.0, -2.0, math.nan)
    [finding] = METRIC_CLASSES["hinted"]().findings(outputs_of({"hinted": after, "hints": hints}))
    assert finding.note == (
        "2 to 3 of the forget examples stood before each of 2 others, as many as the context holds. Beside 1 there was no"
        " room for any."
    )


KNOWN = {
    "original": [-0.1, -0.2, -0.3],
    "unlearned": [-2.0, -0.2, -3.0],
    "oracle": [-2.5, -2.0, -3.0],
    "oracle 2": [-2.5, -2.0, -3.0],
}
UNSEEN = {"original": [-2.0, -2.1], "unlearned": [-2.1, -2.0], "oracle": [-2.0, -2.0], "oracle 2": [-2.0, -1.0]}


@pytest.mark.parametrize("statistic", ["log_likelihood", "margin"])
def test_old_and_new_model_together_tell_what_was_erased_also_after_retraining(statistic: str) -> None:
    [finding] = METRIC_CLASSES["difference"]().findings(outputs_of({statistic: KNOWN}, UNSEEN))
    lost = {"forget": [1.9, 0.0, 2.7], "held_out": [0.1, -0.1]}
    by_hand = [1.0 if a > b else 0.5 if a == b else 0.0 for a in lost["forget"] for b in lost["held_out"]]
    assert finding.unlearned == pytest.approx(sum(by_hand) / 6)
    assert (finding.original, finding.oracles) == (0.5, (1.0, 1.0))
    assert "high after exact retraining too, so old copies have to be destroyed" in finding.note


def test_old_and_new_model_are_not_compared_without_numbers() -> None:
    metric = METRIC_CLASSES["difference"]()
    assert list(metric.findings(outputs_of({"log_likelihood": KNOWN}))) == [], "nothing held out"
    nothing = outputs_of({"log_likelihood": KNOWN | {"oracle": [math.nan] * 3}}, UNSEEN)
    assert list(metric.findings(nothing)) == []
    endless = [-math.inf] * 3
    assert (
        list(metric.findings(outputs_of({"log_likelihood": KNOWN | {"original": endless, "oracle": endless}}, UNSEEN))) == []
    )


def test_the_probe_is_an_area_under_the_curve_and_needs_every_score() -> None:
    scores = {
        "original": [0.9, 0.8, 0.7],
        "unlearned": [0.1, 0.9, 0.3],
        "oracle": [0.0, 0.2, 0.1],
        "oracle 2": [0.5, 0.5, 0.5],
    }
    unseen = alike(0.2, 0.4)
    [finding] = METRIC_CLASSES["probe"]().findings(outputs_of({"probe": scores}, unseen))
    assert (finding.unlearned, finding.original) == pytest.approx((3 / 6, 1.0))
    assert finding.oracles == pytest.approx((0.5 / 6, 1.0))
    assert list(METRIC_CLASSES["probe"]().findings(outputs_of({"probe": scores | {"oracle": [math.nan] * 3}}, unseen))) == []


def test_columns_join_what_was_measured_of_a_model_already() -> None:
    outputs = outputs_of({"margin": KNOWN})
    outputs.add_columns(ModelKey("unlearned", 1), "forget", {"prefix": [1.0, math.nan, 3.0]})
    assert outputs.vector(ModelKey("unlearned", 1), "forget", "prefix").tolist() == pytest.approx(
        [1, math.nan, 3], nan_ok=True
    )
    assert outputs.vector(ModelKey("unlearned", 1), "forget", "margin").tolist() == KNOWN["unlearned"]
    assert np.isnan(outputs.vector(ModelKey("oracle", 2), "forget", "prefix")).all()
