"""A recipe's precision holds wherever gradient steps are taken, and is refused where it would have no effect."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from tests.unlearning_jobs.engine.conftest import with_recipe
from tests.unlearning_jobs.engine.methods.conftest import Tasks
from unlearning_jobs.engine.contracts import MethodChoice
from unlearning_jobs.engine.contracts.sharding import Sharding
from unlearning_jobs.engine.errors import ObstacleError, SpecError
from unlearning_jobs.engine.methods import make_method
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.train import train
from unlearning_jobs.engine.training.training_data import TrainingData
from unlearning_jobs.engine.training.vectorised import TrainingRun, can_be_vectorised, train_vectorised

CPU = torch.device("cpu")
METHODS: dict[str, dict[str, Any]] = {
    "npo": {"steps": 3},
    "kl_retain": {"steps": 3},
    "finetune_retain": {"epochs": 1},
    "scrub": {"epochs": 1, "rewind": "none"},
    "salun": {"epochs": 1},
    "undial": {"steps": 3},
    "rmu": {"steps": 3},
    "task_vector": {"epochs": 1},
    "partial_reset": {"epochs": 1, "variant": "prune_l1", "share": 0.1},
    "oracle_matching": {"epochs": 1, "oracles": 1},
}


@contextmanager
def activations() -> Iterator[set[torch.dtype]]:
    """Yields the types of the outputs of all linear layers in training mode, that is, in gradient steps."""
    seen: set[torch.dtype] = set()

    def note(module: nn.Module, _inputs: object, output: object) -> None:
        if isinstance(module, nn.Linear) and module.training and isinstance(output, torch.Tensor) and not output.is_meta:
            seen.add(output.dtype)

    handle = register_module_forward_hook(note)
    try:
        yield seen
    finally:
        handle.remove()


def in_bfloat16(training_data: TrainingData) -> TrainingData:
    return replace(training_data, recipe=replace(training_data.recipe, precision="bfloat16"))


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("family", ["classifier", "text_classifier", "causal_lm"])
def test_methods_take_their_steps_in_the_recipes_precision(name: str, family: str, tasks: Tasks) -> None:
    model = tasks[family].model
    context = replace(tasks[family].context, train=lambda *_: model)  # how oracles are trained is another test's subject
    method = make_method(MethodChoice(name, METHODS[name]))
    with activations() as seen:
        method.unlearn(model, context, lambda _: None)
    assert seen == {torch.float32}
    halved = replace(context, training_data=in_bfloat16(context.training_data))
    with activations() as seen:
        result = method.unlearn(model, halved, lambda _: None)
    assert seen == {torch.bfloat16}
    assert {weight.dtype for weight in result.network.parameters()} == {torch.float32}


@pytest.mark.parametrize("sharding", [None, Sharding(shards=2)])
def test_training_takes_its_steps_in_the_recipes_precision(sharding: Sharding | None, leaf_trainer: Trainer) -> None:
    for precision, expected in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        training_data = with_recipe(leaf_trainer, epochs=1, precision=precision, sharding=sharding).training_data
        with activations() as seen:
            train(training_data, (), 1, device=CPU, on_step=lambda *_: None)
        assert seen == {expected}


def test_it_is_refused_where_it_would_have_no_effect(leaf_trainer: Trainer, logistic_trainer: Trainer) -> None:
    with pytest.raises(SpecError, match=r"takes no gradient steps.*set precision to float32"):
        with_recipe(logistic_trainer, precision="bfloat16")
    halved = with_recipe(leaf_trainer, precision="bfloat16").training_data
    assert not can_be_vectorised(halved)
    with pytest.raises(ObstacleError, match="cannot be trained at once"):
        train_vectorised(halved, [TrainingRun((), 1)], device=CPU, on_step=lambda *_: None)
