"""RMU: steers one hidden layer, holds it on the retain set, and changes only the layers up to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.unlearning_jobs.engine.methods.by_hand import CPU, changed, term, to_forget
from tests.unlearning_jobs.engine.methods.conftest import Task, Tasks
from unlearning_jobs.engine.contracts import ClassifierArchitecture, MethodChoice
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.families.causal_lm import CausalLmFamily
from unlearning_jobs.engine.methods import make_method
from unlearning_jobs.engine.methods.descent import Run
from unlearning_jobs.engine.methods.rmu import Rmu
from unlearning_jobs.engine.training.model import TrainedModel

States = NDArray[np.float64]


def rmu(**config: Any) -> Rmu:
    return cast("Rmu", make_method(MethodChoice("rmu", config)))


@pytest.fixture(scope="module")
def deep(tasks: Tasks) -> Task:
    """The towns, and a model of six layers that was not trained: only its states count."""
    task = tasks["causal_lm"]
    family = cast("CausalLmFamily", task.model.family)
    deeper = replace(family, architecture=replace(family.architecture, layers=6, hidden_size=32, intermediate_size=48))
    return Task(TrainedModel(deeper.build(5).train(mode=False), deeper), task.context)


def states(model: TrainedModel, example: Example, layer: int) -> list[States]:
    """The hidden states, below the last layer, from which the tokens of the answer are predicted; by transformers alone."""
    tokenizer = cast("CausalLmFamily", model.family).tokenizer
    prompt = [0, *tokenizer.encode(f"{example.prompt}\n").ids]
    answer = [*tokenizer.encode(example.completion).ids, 0]
    network: Any = model.network
    with torch.no_grad():
        found = network(input_ids=torch.tensor([[*prompt, *answer]]), output_hidden_states=True).hidden_states[layer]
    return list(found[0, len(prompt) - 1 : -1].double().numpy())


def of_all(model: TrainedModel, examples: list[Example], layer: int) -> States:
    return np.array([state for example in examples for state in states(model, example, layer)])


def target(task: Task, layer: int, steering: float) -> States:
    """The random direction at the length that the method aims at."""
    length = np.linalg.norm(of_all(task.model, to_forget(task), layer), axis=-1).mean()
    drawn = torch.rand(32, generator=torch.Generator().manual_seed(task.context.seed)).double().numpy()
    assert (drawn >= 0).all()
    return np.asarray(steering * length * drawn / np.linalg.norm(drawn))


def test_the_forget_term_is_the_mean_squared_distance_of_the_states_from_the_target(deep: Task) -> None:
    now = changed(deep, 1.2)
    distances = (of_all(now, to_forget(deep), 3) - target(deep, 3, 2.5)) ** 2
    assert term(rmu(layer=3, steering=2.5), deep, now).item() == pytest.approx(distances.mean(), rel=1e-4)


def test_the_retain_term_is_the_mean_squared_distance_of_the_states_from_those_of_the_original(deep: Task) -> None:
    now = changed(deep, 1.2)
    retain = deep.context.training_data.snapshot.get(deep.context.retain_ids[:5])
    distances = (of_all(now, retain, 3) - of_all(deep.model, retain, 3)) ** 2
    of_step = rmu(layer=3).retain_term(Run(deep.model, now, deep.context))
    assert of_step(range(5)).item() == pytest.approx(distances.mean(), rel=1e-4)
    at_start = rmu(layer=3).retain_term(Run(deep.model, deep.model.copy_to(CPU), deep.context))
    assert at_start(range(5)).item() == 0


@pytest.mark.parametrize(("layer", "moved"), [(5, {2, 3, 4}), (2, {0, 1}), (0, {0, 1})])
def test_only_the_layer_and_the_two_below_it_change(layer: int, moved: set[int], deep: Task) -> None:
    result = rmu(layer=layer, steps=2).unlearn(deep.model, deep.context, lambda _: None)
    before = dict(deep.model.network.named_parameters())
    changes = {name for name, now in result.network.named_parameters() if not torch.equal(now, before[name])}
    assert {int(name.split("layers.")[1].split(".")[0]) for name in changes} == moved
    assert all(parameter.requires_grad for parameter in result.network.parameters())


def test_the_forget_set_is_steered_and_the_retain_set_stays(tasks: Tasks) -> None:
    task = tasks["causal_lm"]
    retain = task.context.training_data.snapshot.get(task.context.retain_ids)
    result = rmu().unlearn(task.model, task.context, lambda _: None)

    def moved(examples: list[Example]) -> float:
        before, after = (of_all_in_batch(model, examples) for model in (task.model, result))
        return float((after - before).norm() / before.norm())

    assert moved(to_forget(task)) > 2 * moved(retain[2:4])


@torch.no_grad()
def of_all_in_batch(model: TrainedModel, examples: list[Example]) -> torch.Tensor:
    data = model.family.encode(examples)
    return model.family.hidden_states(model.network, data.batch(range(len(data)), CPU), 1)


def test_a_layer_that_the_model_does_not_have_is_an_obstacle(deep: Task) -> None:
    with pytest.raises(ObstacleError, match="last hidden layer is number 6; set"):
        rmu(layer=7).unlearn(deep.model, deep.context, lambda _: None)


@pytest.mark.parametrize("family", ["classifier in shards", "text_classifier in shards"])
def test_shards_have_no_layers_in_common(family: str, tasks: Tasks) -> None:
    with pytest.raises(ObstacleError, match="no hidden layers"):
        rmu().unlearn(tasks[family].model, tasks[family].context, lambda _: None)


def test_the_layers_of_an_imported_network_are_not_known(tasks: Tasks) -> None:
    task = tasks["classifier"]
    family: Any = task.model.family
    imported = replace(family, architecture=ClassifierArchitecture("somewhere.else:Network"))
    with pytest.raises(ObstacleError, match="no hidden layers"):
        rmu().unlearn(TrainedModel(task.model.network, imported), task.context, lambda _: None)
