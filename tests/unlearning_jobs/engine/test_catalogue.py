"""The torch-free tables, against the classes that do the work."""

from __future__ import annotations

import inspect
from dataclasses import replace

import pytest

from unlearning_jobs.engine.catalogue import (
    METHODS,
    METRICS,
    Facts,
    complete_config,
    expected_cost,
    metric_problems,
    metrics_of,
    obstacles,
)
from unlearning_jobs.engine.contracts import LlamaArchitecture, Protocol, Recipe
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.evaluation.metrics import METRICS as METRIC_CLASSES
from unlearning_jobs.engine.methods import METHODS as METHOD_CLASSES

RECIPE = Recipe("causal_lm", LlamaArchitecture(64, 1, 2, 128), 26, 8, 1e-3, vocabulary_size=300)
FACTS = Facts(RECIPE, forget=5, retain=87, held_out=40, trained_seconds=6.0)


def test_the_tables_list_what_there_is() -> None:
    assert set(METHODS) == set(METHOD_CLASSES)
    assert set(METRICS) == set(METRIC_CLASSES)


@pytest.mark.parametrize("name", METRICS)
def test_the_table_says_how_many_models_a_metric_needs(name: str) -> None:
    assert METRICS[name].fewest_models == METRIC_CLASSES[name].fewest_models


def test_a_protocol_that_names_no_metrics_has_all_for_which_it_has_enough_models() -> None:
    large, small = Protocol(tuple(range(1, 50)), tuple(range(50, 100))), Protocol((1, 2, 3), (4, 5, 6, 7))
    assert set(metrics_of(large)) == set(METRICS)
    assert set(METRICS) - set(metrics_of(small)) == {"klom", "neurips_2023"}
    assert metrics_of(replace(large, metrics=())) == ()
    assert metrics_of(replace(small, metrics=("klom",))) == ("klom",)


def test_a_metric_that_is_asked_for_and_needs_more_models_is_a_problem() -> None:
    protocol = Protocol(tuple(range(1, 49)), tuple(range(50, 100)), metrics=("accuracy", "klom", "u_lira"))
    assert protocol.models_per_side() == 49
    [problem] = metric_problems(protocol)
    assert problem.startswith("KLoM needs 50 unlearned models and as many oracles, and the protocol has 49;")
    assert metric_problems(replace(protocol, replicate_seeds=tuple(range(1, 50)))) == []
    assert metric_problems(replace(protocol, metrics=None)) == []


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
    assert obstacles(name, FACTS) == []


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    ("facts", "complaint"),
    [
        (replace(FACTS, forget=0), "nothing to forget"),
        (replace(FACTS, retain=0), "Nothing would be left"),
    ],
)
def test_obstacles_are_named(name: str, facts: Facts, complaint: str) -> None:
    assert any(complaint in found for found in obstacles(name, facts))


def test_a_floor_needs_held_out_examples() -> None:
    bare = replace(FACTS, held_out=0)
    assert any("set floor to none" in found for found in obstacles("npo", bare))
    assert obstacles("npo", bare, {"floor": "none"}) == []


def test_costs_are_shares_of_retraining() -> None:
    costs = {name: expected_cost(name, FACTS) for name in METHODS}
    assert costs["retrain"] == 1.0
    assert costs["nothing"] == 0.0
    assert 0 < costs["gradient_ascent"] < costs["npo"] < 1
    assert expected_cost("npo", FACTS, {"steps": 80}) == pytest.approx(2 * costs["npo"])
