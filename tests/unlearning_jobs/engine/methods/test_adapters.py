"""Unlearning from an adapter on a checkpoint changes the adapter alone, whichever way a method goes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.unlearning_jobs.engine.families.foreign_adapters import adapted, frozen
from tests.unlearning_jobs.engine.methods.conftest import FORGET, Task, task
from tests.unlearning_jobs.engine.methods.test_conformance import equal, quick
from unlearning_jobs.engine.catalogue import METHODS
from unlearning_jobs.engine.contracts import Adapter, MethodChoice
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.families.weights import is_adapted, learned
from unlearning_jobs.engine.methods import ExampleCounter, make_method
from unlearning_jobs.engine.methods.resetting import masks, reset, weighted_layers
from unlearning_jobs.engine.methods.saliency import mean_gradients
from unlearning_jobs.engine.training.cache import Trainer

CPU = torch.device("cpu")
IN_STAGES = ("replay", "adapter_shards")
"""Methods for models that were trained in stages or shards, which have tests of their own."""
POSSIBLE = [name for name, entry in METHODS.items() if "finetuned_lm" in entry.families and name not in IN_STAGES]
WITHOUT_CHANGE = ("nothing",)


@pytest.fixture(scope="module")
def adapter_task(tuned_trainer: Trainer) -> Task:
    data = tuned_trainer.training_data
    assert data.family.base is not None
    trainer = Trainer(adapted(data.family.base, data.snapshot), tuned_trainer.cache, CPU)
    return task(trainer, trainer.obtain((), 1, lambda *_: None), FORGET)


def own(task: Task) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in learned(task.model.network)]


@pytest.mark.parametrize("name", POSSIBLE)
def test_no_method_changes_the_checkpoint(name: str, adapter_task: Task) -> None:
    model, before = adapter_task.model, own(adapter_task)
    base = frozen(model.network)
    result = quick(name).unlearn(model, adapter_task.context, lambda _: None)
    for network in (model.network, result.network):
        left = frozen(network)
        assert left.keys() == base.keys()
        assert all(torch.equal(tensor, left[name]) for name, tensor in base.items())
    assert all(map(torch.equal, before, own(adapter_task))), "nor the model that was given"
    changed = [not torch.equal(new, old) for new, old in zip(learned(result.network), before, strict=True)]
    assert any(changed) is (name not in WITHOUT_CHANGE)
    assert equal(model, result) is (name in WITHOUT_CHANGE)


@pytest.mark.parametrize("variant", ["random_layers", "saliency", "prune_l1"])
def test_what_is_reset_of_an_adapter_is_what_a_training_starts_from(variant: str, adapter_task: Task) -> None:
    model = adapter_task.model
    result, generator = model.copy_to(CPU), torch.Generator().manual_seed(3)
    chosen = masks(variant, 0.5, model, adapter_task.context, generator)
    reset(result, model.family, chosen, generator)
    for new, old, mask in zip(learned(result.network), learned(model.network), chosen, strict=True):
        assert torch.equal(new[mask == 0], old[mask == 0])
        assert not bool((new[mask == 1] == old[mask == 1]).any())


def test_both_matrices_of_an_adapter_are_one_layer(adapter_task: Task) -> None:
    network = adapter_task.model.network
    layers = weighted_layers(network)
    assert len(layers) == 2 * 4  # two blocks of a small GPT-2
    assert all(map(is_adapted, layers))
    found = masks("random_layers", 0.5, adapter_task.model, adapter_task.context, torch.Generator().manual_seed(0))
    whole = [bool(mask.all()) for mask in found]
    assert [bool(mask.any()) for mask in found] == whole
    assert whole[::2] == whole[1::2]
    assert sum(whole) == 2 * 4


def test_the_head_of_a_model_with_adapters_is_frozen_and_cannot_be_reset(adapter_task: Task) -> None:
    with pytest.raises(ObstacleError, match="last layer is frozen, since only adapters learn"):
        masks("head", 0.5, adapter_task.model, adapter_task.context, torch.Generator())


def test_gradients_are_those_of_the_adapter(adapter_task: Task) -> None:
    context = adapter_task.context
    found = mean_gradients(adapter_task.model, context.training_data.subset(context.forget_ids), ExampleCounter())
    assert [gradient.shape for gradient in found] == [tensor.shape for tensor in own(adapter_task)]
    assert all(bool(gradient.any()) for gradient in found)


def test_layers_without_adapters_cannot_be_steered(tuned_trainer: Trainer) -> None:
    data = tuned_trainer.training_data
    assert data.family.base is not None
    second = adapted(data.family.base, data.snapshot, Adapter(4, 16, ("h.1.mlp.c_fc",)))
    trainer = Trainer(replace(second, recipe=replace(second.recipe, epochs=1)), tuned_trainer.cache, CPU)
    made = task(trainer, trainer.obtain((), 1, lambda *_: None), FORGET)
    with pytest.raises(ObstacleError, match="Hidden layer 1 and the two below it are frozen"):
        make_method(MethodChoice("rmu", {"layer": 1, "steps": 1})).unlearn(made.model, made.context, lambda _: None)
    assert make_method(MethodChoice("rmu", {"layer": 2, "steps": 1})).unlearn(made.model, made.context, lambda _: None)
