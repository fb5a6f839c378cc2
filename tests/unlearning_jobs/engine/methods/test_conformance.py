"""One suite over every method."""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
import torch

from tests.unlearning_jobs.engine.methods.conftest import Task
from unlearning_jobs.engine.catalogue import METHODS as CATALOGUE
from unlearning_jobs.engine.catalogue import complete_config
from unlearning_jobs.engine.contracts import MethodChoice, Progress
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.methods import METHODS, UnlearningMethod, make_method
from unlearning_jobs.engine.training.model import TrainedModel

Check = Callable[[str, str, Mapping[str, Task]], None]
"""A test of one method, on one family."""
QUICK = {"steps": 4, "epochs": 1, "oracles": 2, "subset_models": 10, "teacher": "gradient_ascent"}

IN_SHARDS = {"sisa": " in shards", "replay": " in stages", "adapter_shards": " in shards"}
"""Methods that need such models, and what tasks of such are called."""
CASES = [(name, family + IN_SHARDS.get(name, "")) for name in METHODS for family in CATALOGUE[name].families]


def quick(name: str) -> UnlearningMethod:
    known = complete_config(name, {})
    return make_method(MethodChoice(name, {option: value for option, value in QUICK.items() if option in known}))


def equal(a: TrainedModel, b: TrainedModel) -> bool:
    ours, theirs = (model.family.weights(model.network) for model in (a, b))
    return ours.keys() == theirs.keys() and all(torch.equal(weight, theirs[name]) for name, weight in ours.items())


@pytest.mark.parametrize("name", METHODS)
def test_a_configuration_survives_json(name: str) -> None:
    config = complete_config(name, {})
    assert complete_config(name, json.loads(json.dumps(config))) == config


@pytest.mark.parametrize("name", METHODS)
def test_the_constructor_only_stores_hyper_parameters(name: str) -> None:
    config = complete_config(name, {})
    method = make_method(MethodChoice(name, config))
    assert {k: v for k, v in vars(method).items() if k in config} == config
    assert all(p.kind in (p.KEYWORD_ONLY, p.VAR_KEYWORD) for p in inspect.signature(METHODS[name]).parameters.values())


@pytest.mark.parametrize(("name", "family"), CASES)
def test_a_seeded_run_repeats(name: str, family: str, tasks: Mapping[str, Task]) -> None:
    model, context = tasks[family].model, tasks[family].context
    first, second = (quick(name).unlearn(model, context, lambda _: None) for _ in range(2))
    assert equal(first, second)


@pytest.mark.parametrize(("name", "family"), CASES)
def test_the_given_model_is_untouched(name: str, family: str, tasks: Mapping[str, Task]) -> None:
    model, context = tasks[family].model, tasks[family].context
    before = copy.deepcopy(model)
    result = quick(name).unlearn(model, context, lambda _: None)
    assert equal(model, before)
    assert not model.network.training
    assert not result.network.training


@pytest.mark.parametrize(("name", "family"), CASES)
def test_progress_reaches_its_total(name: str, family: str, tasks: Mapping[str, Task]) -> None:
    model, context = tasks[family].model, tasks[family].context
    seen: list[Progress] = []
    quick(name).unlearn(model, context, seen.append)
    assert (seen[-1].done, seen[-1].total) == (seen[-1].total, seen[0].total)
    assert [p.done for p in seen] == sorted(p.done for p in seen)
    assert {p.stage for p in seen} == {"unlearn"}


@pytest.mark.parametrize(("name", "family"), [case for case in CASES if CATALOGUE[case[0]].guarantee == "empirical"])
def test_gradient_methods_draw_all_three_curves(name: str, family: str, tasks: Mapping[str, Task]) -> None:
    model, context = tasks[family].model, tasks[family].context
    seen: list[Progress] = []
    quick(name).unlearn(model, context, seen.append)
    curves = {p.point[0] for p in seen if p.point}
    assert curves == {"loss", "forget", "retain"}


@pytest.mark.parametrize(("name", "family"), CASES)
def test_an_empty_forget_set_is_refused(name: str, family: str, tasks: Mapping[str, Task]) -> None:
    model, context = tasks[family].model, tasks[family].context
    with pytest.raises(SpecError, match="forget set is empty"):
        quick(name).unlearn(model, replace(context, forget_ids=()), lambda _: None)
