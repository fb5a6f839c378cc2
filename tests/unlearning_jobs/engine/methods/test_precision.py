"""A recipe's precision holds wherever gradient steps are taken, and is refused where it would have no effect."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from tests.unlearning_jobs.engine.conftest import with_recipe
from tests.unlearning_jobs.engine.methods.cases import CASES, FAMILIES, OTHER_LOOPS, TRAINING, few_steps
from tests.unlearning_jobs.engine.methods.conftest import Tasks
from unlearning_jobs.engine.catalogue import METHODS as CATALOGUE
from unlearning_jobs.engine.contracts.sharding import Sharding
from unlearning_jobs.engine.errors import ObstacleError, SpecError
from unlearning_jobs.engine.methods import METHODS
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.train import train
from unlearning_jobs.engine.training.training_data import TrainingData
from unlearning_jobs.engine.training.vectorised import TrainingRun, can_be_vectorised, train_vectorised

CPU = torch.device("cpu")
COMPARED_WITH_ANOTHER = ("kl_retain", "scrub", "undial", "distil_noised")
"""Methods that ask a network for its answers at every step which is not trained."""


@contextmanager
def activations(*, trained: bool = True) -> Iterator[set[torch.dtype]]:
    """Yields the types of the outputs of all linear layers in training mode, that is, in gradient steps.

    Without `trained`, of those of other networks outside of scoring.
    """
    seen: set[torch.dtype] = set()

    def note(module: nn.Module, _inputs: object, output: object) -> None:
        counted = module.training is trained and not torch.is_inference_mode_enabled()
        if counted and isinstance(module, nn.Linear) and isinstance(output, torch.Tensor) and not output.is_meta:
            seen.add(output.dtype)

    handle = register_module_forward_hook(note)
    try:
        yield seen
    finally:
        handle.remove()


def in_bfloat16(training_data: TrainingData) -> TrainingData:
    return replace(training_data, recipe=replace(training_data.recipe, precision="bfloat16"))


def test_every_method_that_takes_steps_is_among_the_cases() -> None:
    assert {name for name, _ in CASES} == {name for name in METHODS if name not in OTHER_LOOPS | TRAINING}
    assert all(CATALOGUE[name].guarantee == "exact" for name in TRAINING)
    assert {family for _, family in CASES} == set(FAMILIES)


@pytest.mark.parametrize(("name", "family"), CASES)
def test_methods_take_their_steps_in_the_recipes_precision(name: str, family: str, tasks: Tasks) -> None:
    model = tasks[family].model
    context = replace(tasks[family].context, train=lambda *_: model)  # how oracles are trained is another test's subject
    halved = replace(context, training_data=in_bfloat16(context.training_data))
    with activations() as seen:
        result = few_steps(name).unlearn(model, halved, lambda _: None)
    assert seen == {torch.bfloat16}
    assert {weight.dtype for weight in result.network.parameters()} == {torch.float32}
    assert all(bool(weight.isfinite().all()) for weight in result.network.parameters())


@pytest.mark.parametrize("family", FAMILIES)
def test_steps_are_in_float32_unless_the_recipe_says_otherwise(family: str, tasks: Tasks) -> None:
    with activations() as seen:
        few_steps("npo").unlearn(tasks[family].model, tasks[family].context, lambda _: None)
    assert seen == {torch.float32}


@pytest.mark.parametrize("name", COMPARED_WITH_ANOTHER)
@pytest.mark.parametrize("family", ["text_classifier", "causal_lm"])
def test_a_network_that_is_compared_with_computes_as_the_one_that_is_trained(name: str, family: str, tasks: Tasks) -> None:
    model, context = tasks[family].model, tasks[family].context
    halved = replace(context, training_data=in_bfloat16(context.training_data))
    with activations(trained=False) as seen:
        few_steps(name).unlearn(model, halved, lambda _: None)
    assert seen == {torch.bfloat16}


@pytest.mark.parametrize("sharding", [None, Sharding(shards=2)])
def test_training_takes_its_steps_in_the_recipes_precision(sharding: Sharding | None, leaf_trainer: Trainer) -> None:
    for precision, expected in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        training_data = with_recipe(leaf_trainer, epochs=1, precision=precision, sharding=sharding).training_data
        with activations() as seen:
            train(training_data, (), 1, device=CPU, on_step=lambda *_: None)
        assert seen == {expected}


@pytest.mark.parametrize("family", ["causal_lm in stages", "finetuned_lm in stages", "finetuned_lm in shards"])
def test_stages_and_shards_of_language_models_do_too(family: str, tasks: Tasks) -> None:
    training_data = in_bfloat16(tasks[family].context.training_data)
    with activations() as seen:
        model = train(training_data, (), 1, device=CPU, on_step=lambda *_: None)
    assert seen == {torch.bfloat16}
    assert all(bool(weight.isfinite().all()) for weight in model.network.parameters())


def test_it_is_refused_where_it_would_have_no_effect(leaf_trainer: Trainer, logistic_trainer: Trainer) -> None:
    with pytest.raises(SpecError, match=r"takes no gradient steps.*set precision to float32"):
        with_recipe(logistic_trainer, precision="bfloat16")
    halved = with_recipe(leaf_trainer, precision="bfloat16").training_data
    assert not can_be_vectorised(halved)
    with pytest.raises(ObstacleError, match="cannot be trained at once"):
        train_vectorised(halved, [TrainingRun((), 1)], device=CPU, on_step=lambda *_: None)
