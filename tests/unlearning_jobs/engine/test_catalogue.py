"""The torch-free tables, against the classes that do the work."""

from __future__ import annotations

import inspect
from dataclasses import replace

import pytest

from compliance.formats.verdicts import METHOD_GUARANTEES
from unlearning_jobs.engine.catalogue import (
    ATTACKS,
    METHODS,
    METRICS,
    Facts,
    Option,
    complete_config,
    expected_cost,
    metric_problems,
    metrics_of,
    obstacles,
)
from unlearning_jobs.engine.catalogue.entry import for_classifiers, listed
from unlearning_jobs.engine.contracts import (
    Adapter,
    BertArchitecture,
    CheckpointArchitecture,
    ClassifierArchitecture,
    EncoderArchitecture,
    LlamaArchitecture,
    LogisticArchitecture,
    Protocol,
    Recipe,
    SumsArchitecture,
)
from unlearning_jobs.engine.contracts.families import FAMILY_DESCRIPTIONS
from unlearning_jobs.engine.contracts.privacy import Privacy
from unlearning_jobs.engine.contracts.sharding import Sharding
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.evaluation.metrics import METRICS as METRIC_CLASSES
from unlearning_jobs.engine.example import EXAMPLES
from unlearning_jobs.engine.families import FAMILIES
from unlearning_jobs.engine.methods import METHODS as METHOD_CLASSES

RECIPE = Recipe("causal_lm", LlamaArchitecture(64, 1, 2, 128), 26, 8, 1e-3, vocabulary_size=300)
RECIPES = {
    "causal_lm": RECIPE,
    "finetuned_lm": replace(RECIPE, family="finetuned_lm", architecture=CheckpointArchitecture("1" * 64, 9000, 64, 2, 300)),
    "text_classifier": replace(RECIPE, family="text_classifier", architecture=BertArchitecture(64, 1, 2, 128)),
    "finetuned_classifier": replace(
        RECIPE, family="finetuned_classifier", architecture=EncoderArchitecture("1" * 64, 9000, 64, 2, 300)
    ),
    "classifier": replace(RECIPE, family="classifier", architecture=ClassifierArchitecture("mlp")),
    "logistic": replace(RECIPE, family="logistic", architecture=LogisticArchitecture()),
    "summation": replace(RECIPE, family="summation", architecture=SumsArchitecture("ridge")),
}
BY_SGD = {family: replace(recipe, optimizer="sgd") for family, recipe in RECIPES.items()}
FACTS = Facts(RECIPE, forget=5, retain=87, held_out=40, trained_seconds=6.0)
IN_SHARDS = Recipe("classifier", ClassifierArchitecture("mlp"), 26, 8, 1e-3, sharding=Sharding(shards=20, slices=4))
PRIVATE = Recipe("classifier", ClassifierArchitecture("mlp"), 26, 8, 1e-3, privacy=Privacy(4.0))
IN_STAGES = replace(RECIPE, sharding=Sharding(shards=1, slices=4))
ON_A_CHECKPOINT = Recipe(
    "finetuned_lm",
    CheckpointArchitecture("1" * 64, 9000, 64, 2, 300, adapter=Adapter(4, 8)),
    26,
    8,
    1e-3,
    sharding=Sharding(shards=3, slices=2),
)
OF_THEIR_OWN = {
    "sisa": replace(FACTS, recipe=IN_SHARDS),
    "replay": replace(FACTS, recipe=IN_STAGES),
    "adapter_shards": replace(FACTS, recipe=ON_A_CHECKPOINT),
    "dp_sgd": replace(FACTS, recipe=PRIVATE),
}
"""Jobs for methods that need a recipe of their own."""


def test_the_tables_list_what_there_is() -> None:
    assert set(METHODS) == set(METHOD_CLASSES)
    assert set(METRICS) == set(METRIC_CLASSES)


@pytest.mark.parametrize("name", METRICS)
def test_the_table_says_how_many_models_a_metric_needs(name: str) -> None:
    assert METRICS[name].fewest_models == METRIC_CLASSES[name].fewest_models
    assert METRICS[name].against_oracles == METRIC_CLASSES[name].against_oracles


def test_a_protocol_that_names_no_metrics_has_all_for_which_it_has_enough_models() -> None:
    attacks = tuple(name for name in ATTACKS if name != "relearning")
    large = Protocol(tuple(range(1, 50)), tuple(range(50, 100)), relearning=1, attacks=attacks)
    small = Protocol((1, 2, 3), (4, 5, 6, 7), relearning=1, attacks=attacks)
    assert set(metrics_of(large, "finetuned_lm")) | set(metrics_of(large, "classifier")) == set(METRICS)
    for family in RECIPES:
        assert set(metrics_of(large, family)) - set(metrics_of(small, family)) == {"klom", "neurips_2023"}
        assert metrics_of(replace(large, metrics=(), relearning=0, attacks=()), family) == ()
        assert metrics_of(replace(small, metrics=("klom",), relearning=0, attacks=()), family) == ("klom",)


def test_an_attack_is_carried_out_only_if_the_protocol_has_steps_for_it() -> None:
    protocol = Protocol((1, 2, 3), (4, 5, 6, 7))
    assert "relearning" not in metrics_of(protocol, "causal_lm")
    assert "relearning" in metrics_of(replace(protocol, relearning=20), "causal_lm")
    [problem] = metric_problems(replace(protocol, metrics=("relearning",)), "causal_lm")
    assert "needs the attack relearning, and the protocol does not ask for it" in problem
    assert metric_problems(replace(protocol, metrics=("relearning",), relearning=20), "causal_lm") == []


def test_a_metric_that_is_asked_for_and_needs_more_models_is_a_problem() -> None:
    protocol = Protocol(tuple(range(1, 49)), tuple(range(50, 100)), metrics=("accuracy", "klom", "u_lira"))
    assert protocol.models_per_side() == 49
    [problem] = metric_problems(protocol, "classifier")
    assert problem.startswith("KLoM needs 50 unlearned models and as many oracles, and the protocol has 49;")
    assert metric_problems(replace(protocol, replicate_seeds=tuple(range(1, 50))), "classifier") == []
    assert metric_problems(replace(protocol, metrics=None), "classifier") == []


def test_a_metric_that_is_asked_for_and_that_the_family_does_not_have_is_a_problem() -> None:
    protocol = Protocol((1, 2, 3), (4, 5, 6, 7), metrics=("rouge_l", "probability"))
    [problem] = metric_problems(protocol, "text_classifier")
    assert problem.startswith("ROUGE-L recall is a metric of causal_lm and finetuned_lm, and the model is a text_classifier")
    assert problem.endswith("; leave this metric out.")
    assert metric_problems(protocol, "causal_lm") == []
    [problem] = metric_problems(replace(protocol, metrics=("accuracy",)), "causal_lm")
    with_classes = [name for name, family in FAMILY_DESCRIPTIONS.items() if family.answers == "class"]
    assert f"is a metric of {listed(with_classes)}, and" in problem


def test_a_model_from_random_weights_has_no_reference_and_the_refusal_says_why() -> None:
    protocol = Protocol((1, 2, 3), (4, 5, 6, 7), metrics=("reference",))
    [problem] = metric_problems(protocol, "causal_lm")
    assert problem.startswith("Membership against the checkpoint is a metric of finetuned_lm, and the model is a causal_lm;")
    assert problem.endswith(
        "A model that started from random weights has none, and an oracle would be compared with itself."
    )
    assert metric_problems(protocol, "finetuned_lm") == []
    assert "reference" not in metrics_of(replace(protocol, metrics=None), "causal_lm")


@pytest.mark.parametrize("name", METHODS)
def test_a_method_refuses_the_families_that_it_does_not_list(name: str) -> None:
    for family, recipe in RECIPES.items():
        problems = obstacles(name, replace(FACTS, recipe=recipe))
        assert any(f"the model is a {family}" in problem for problem in problems) == (family not in METHODS[name].families)


def test_families_are_the_same_in_the_tables_and_in_the_engine() -> None:
    assert tuple(FAMILIES) == METHODS["retrain"].families == tuple(FAMILY_DESCRIPTIONS) == tuple(EXAMPLES)


@pytest.mark.parametrize("name", METHODS)
def test_every_option_is_a_parameter_of_the_class(name: str) -> None:
    taken: set[str] = set()
    for cls in METHOD_CLASSES[name].__mro__:
        if "__init__" in vars(cls):
            taken |= set(inspect.signature(cls).parameters)
    assert {option.name for option in METHODS[name].options} <= taken


@pytest.mark.parametrize("name", METHODS)
def test_defaults_are_within_their_own_bounds(name: str) -> None:
    assert complete_config(name, complete_config(name, {})) == complete_config(name, {})


@pytest.mark.parametrize("name", METHODS)
def test_defaults_of_a_family_are_within_the_bounds_and_belong_to_a_family_of_the_method(name: str) -> None:
    for family in METHODS[name].families:
        config = complete_config(name, {}, BY_SGD[family])
        assert complete_config(name, config) == config
    answers = {FAMILY_DESCRIPTIONS[family].answers for family in METHODS[name].families}
    assert {answer for option in METHODS[name].options for answer, _optimizer in option.tuned} <= answers


@pytest.mark.parametrize("family", ["classifier", "text_classifier", "finetuned_classifier"])
def test_models_that_answer_with_a_class_and_were_trained_by_sgd_have_defaults_of_their_own(family: str) -> None:
    common, tuned = complete_config("npo", {}), complete_config("npo", {}, BY_SGD[family])
    assert common == complete_config("npo", {}, BY_SGD["causal_lm"])
    assert (common.pop("learning_rate_share"), tuned.pop("learning_rate_share")) == (0.1, 0.2)
    assert common == tuned


@pytest.mark.parametrize("family", RECIPES)
def test_what_was_tuned_with_sgd_is_no_default_of_a_model_trained_by_adamw(family: str) -> None:
    # SCRUB's learning rate, ten times the recipe's, takes a text classifier with AdamW from 97 % to 17 % of the retain set.
    assert RECIPES[family].optimizer == "adamw"
    assert complete_config("scrub", {}, RECIPES[family]) == complete_config("scrub", {})


def test_a_value_that_is_given_holds_for_every_model() -> None:
    config = complete_config("npo", {})
    assert complete_config("npo", config, BY_SGD["classifier"]) == config


def test_costs_and_obstacles_are_those_of_the_family_s_defaults() -> None:
    classifier = replace(FACTS, recipe=BY_SGD["classifier"], held_out=0)
    assert expected_cost("finetune_retain", classifier) == pytest.approx(3 / RECIPES["classifier"].epochs)
    assert expected_cost("finetune_retain", FACTS) == pytest.approx(5 / RECIPE.epochs)
    assert obstacles("scrub", classifier) == []
    assert obstacles("scrub", replace(FACTS, held_out=0)) != []


def test_only_options_that_exist_can_have_another_default() -> None:
    with pytest.raises(ValueError, match="no option pace"):
        for_classifiers([Option("steps", "int", 4, "")], pace=2)


@pytest.mark.parametrize(
    ("method", "config", "complaint"),
    [
        ("forget_me", {}, "no method 'forget_me'"),
        ("npo", {"betta": 1}, "npo has no option 'betta'"),
        ("retrain", {"steps": 1}, "it has none"),
        ("npo", {"beta": -1}, "npo.beta must be a number from"),
        ("npo", {"beta": "0.1"}, "npo.beta must be a number"),
        ("npo", {"beta": float("nan")}, "npo.beta must be a number"),
        ("npo", {"steps": 1.5}, "npo.steps must be a whole number"),
        ("npo", {"steps": True}, "npo.steps must be a whole number"),
        ("npo", {"floor": "cellar"}, "npo.floor must be one of held_out, none"),
    ],
)
def test_a_wrong_configuration_is_refused(method: str, config: dict[str, object], complaint: str) -> None:
    with pytest.raises(SpecError, match=complaint):
        complete_config(method, config)


@pytest.mark.parametrize("name", METHODS)
def test_a_workable_job_has_no_obstacles(name: str) -> None:
    for family in METHODS[name].families:
        assert obstacles(name, OF_THEIR_OWN.get(name, replace(FACTS, recipe=RECIPES[family]))) == []


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    ("facts", "complaint"),
    [
        (replace(FACTS, forget=0), "nothing to forget"),
        (replace(FACTS, retain=0), "Nothing would be left"),
    ],
)
def test_obstacles_are_named(name: str, facts: Facts, complaint: str) -> None:
    assert any(complaint in obstacle for obstacle in obstacles(name, facts))


@pytest.mark.parametrize("name", METHODS)
def test_what_only_a_measurement_judges_is_not_for_most_of_the_corpus(name: str) -> None:
    """An exact method is: it trains by what is left, however little that is."""
    found = obstacles(name, replace(FACTS, retain=FACTS.forget - 1))
    assert any("More is to be forgotten" in obstacle for obstacle in found) == (METHODS[name].guarantee == "empirical")


def test_a_floor_needs_held_out_examples() -> None:
    bare = replace(FACTS, held_out=0)
    assert any("set floor to none" in obstacle for obstacle in obstacles("npo", bare))
    assert obstacles("npo", bare, {"floor": "none"}) == []


def test_rewinding_needs_held_out_examples() -> None:
    bare = replace(FACTS, held_out=0)
    assert any("set rewind to none" in obstacle for obstacle in obstacles("scrub", bare))
    assert obstacles("scrub", bare, {"rewind": "none"}) == []


def test_a_head_that_is_also_the_first_layer_cannot_be_reset() -> None:
    assert any(
        "another variant than head" in obstacle for obstacle in obstacles("partial_reset", FACTS, {"variant": "head"})
    )


def test_the_upper_bound_is_the_only_method_that_is_not_offered_for_requests() -> None:
    assert [name for name, entry in METHODS.items() if not entry.for_production] == ["oracle_matching"]


def test_verification_knows_what_every_method_guarantees() -> None:
    known = {name: METHOD_GUARANTEES.get(name) for name in METHODS}
    assert known == {name: entry.guarantee for name, entry in METHODS.items()}
