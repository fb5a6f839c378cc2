"""It says what the attribution predicts, prepares once, and refuses what cannot be predicted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch

from tests.unlearning_jobs.engine.methods.conftest import Tasks
from unlearning_jobs.engine.catalogue import Facts, complete_config, expected_cost, obstacles, preparation_cost
from unlearning_jobs.engine.contracts import Privacy, Progress, Recipe
from unlearning_jobs.engine.methods import ExampleCounter
from unlearning_jobs.engine.methods.context import Prepared
from unlearning_jobs.engine.methods.datamodel_matching import DatamodelMatching, predicted_logits

SMALL = {"subset_models": 20, "attribution": "trak", "checkpoints": 3}


def make(**config: object) -> DatamodelMatching:
    return DatamodelMatching(**complete_config("datamodel_matching", {**SMALL, **config}))


def test_the_result_says_what_was_predicted(tasks: Tasks) -> None:
    task, method = tasks["classifier"], make(epochs=40)
    ids = task.context.forget_ids
    data = task.context.training_data.subset(ids)
    targets = torch.cat(predicted_logits(method.prepare(task.context), task.model, task.context, ids))
    result = method.unlearn(task.model, task.context, lambda _: None)
    inputs = data.batch(range(len(data)), torch.device("cpu")).inputs
    with torch.no_grad():
        before, after = (float((m.network(inputs) - targets).square().mean()) for m in (task.model, result))
    assert after < before / 5


def test_preparing_is_told_apart_and_what_it_passes_through_networks_is_not_counted(tasks: Tasks) -> None:
    entered: list[str] = []

    prepared = Prepared()

    @contextmanager
    def preparing() -> Iterator[Prepared]:
        entered.append("in")
        yield prepared
        entered.append("out")

    task, counter = tasks["classifier"], ExampleCounter()
    context = replace(task.context, preparing=preparing, counter=counter)
    matched = len(context.forget_ids) + 20
    make(epochs=3, retain_examples=20).unlearn(task.model, context, lambda _: entered.append("step"))
    assert entered[0] == "in"
    assert entered.index("out") < len(entered) - 3
    assert prepared.models > 0
    assert -1 <= prepared.correlation <= 1
    assert counter.examples == pytest.approx(matched * (3 + 1 / 3))


def test_the_preparation_comes_first_in_the_progress(tasks: Tasks) -> None:
    seen: list[Progress] = []
    task = tasks["classifier"]
    make(epochs=1, retain_examples=20).unlearn(task.model, task.context, seen.append)
    loss = [p.done for p in seen if p.point and p.point[0] == "loss"]
    assert loss[0] == 1001
    assert {p.done for p in seen if p.point is None} <= set(range(1001))


def facts(recipe: Recipe, forget: int = 10) -> Facts:
    return Facts(recipe=recipe, forget=forget, retain=1000 - forget, held_out=100)


def test_larger_forget_sets_than_the_subsets_leave_out_are_refused(tasks: Tasks) -> None:
    recipe = tasks["classifier"].context.training_data.recipe
    assert obstacles("datamodel_matching", facts(recipe, 100)) == []
    (found,) = obstacles("datamodel_matching", facts(recipe, 101))
    assert "101 examples to forget are more than 10 %" in found


def test_private_recipes_are_refused(tasks: Tasks) -> None:
    recipe = replace(tasks["classifier"].context.training_data.recipe, privacy=Privacy(noise_multiplier=1.0))
    assert any("stacked" in sentence for sentence in obstacles("datamodel_matching", facts(recipe)))


def test_a_request_costs_little_and_the_preparation_much(tasks: Tasks) -> None:
    recipe = tasks["classifier"].context.training_data.recipe
    assert expected_cost("datamodel_matching", facts(recipe)) < 0.15
    assert preparation_cost("datamodel_matching", facts(recipe)) > 500
    assert preparation_cost("datamodel_matching", facts(recipe), {"attribution": "trak"}) < 100
