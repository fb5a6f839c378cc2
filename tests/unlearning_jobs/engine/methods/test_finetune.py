"""The loop in passes, step by step."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import nn

from tests.unlearning_jobs.engine.conftest import with_recipe
from tests.unlearning_jobs.engine.methods.conftest import Tasks, task
from unlearning_jobs.engine.contracts import ClassifierArchitecture, MethodChoice, Progress
from unlearning_jobs.engine.errors import TrainingDivergedError
from unlearning_jobs.engine.families import Batch, Predictions
from unlearning_jobs.engine.methods import ExampleCounter, make_method
from unlearning_jobs.engine.methods.curves import CURVE_POINTS
from unlearning_jobs.engine.methods.finetune import Pass, fine_tune
from unlearning_jobs.engine.methods.losses import cross_entropy
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.schedule import epoch_order

CPU = torch.device("cpu")


def quiet(_: Progress) -> None:
    """Take no notice."""


def loss(predictions: Predictions, _batch: Batch, _places: Sequence[int]) -> torch.Tensor:
    return cross_entropy(predictions)


def test_a_pass_is_plain_sgd_over_every_example_once(tasks: Tasks) -> None:
    model, context = tasks["classifier"].model, tasks["classifier"].context
    data, recipe = context.training_data.data, context.training_data.recipe
    result = model.copy_to(CPU)
    fine_tune(result, [Pass(data, len(data), loss)], context, quiet, peak_share=0.5)

    network = copy.deepcopy(model.network)
    batch = data.batch(range(len(data)), CPU)
    torch.autograd.backward(F.cross_entropy(network(batch.inputs), batch.labels))
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    rate = 0.5 * recipe.learning_rate  # the only step is the warm-up's last, at the peak; momentum starts empty
    for found, start in zip(result.network.parameters(), network.parameters(), strict=True):
        assert start.grad is not None
        torch.testing.assert_close(found, start - rate * start.grad, rtol=1e-5, atol=1e-7)


def test_the_orders_are_those_of_epochs_after_the_trainings_last(tasks: Tasks) -> None:
    model, context = tasks["classifier"].model, tasks["classifier"].context
    data, seen = context.training_data.data, []

    def note(predictions: Predictions, _batch: Batch, places: Sequence[int]) -> torch.Tensor:
        seen.append(list(places))
        return cross_entropy(predictions)

    fine_tune(model.copy_to(CPU), [Pass(data, 50, note)] * 2, context, quiet, peak_share=0.1)
    epochs = context.training_data.recipe.epochs
    expected = [data.epoch(50, epoch_order(context.seed, epochs + number)) for number in (0, 1)]
    assert seen == [*expected[0], *expected[1]]
    assert sorted(place for batch in expected[0] for place in batch) == list(range(len(data)))


def test_callbacks_see_every_gradient_and_the_end_of_every_pass(tasks: Tasks) -> None:
    model, context = tasks["classifier"].model, tasks["classifier"].context
    result, ends = model.copy_to(CPU), []

    def freeze(network: nn.Module) -> None:
        for parameter in network.parameters():
            assert parameter.grad is not None
            parameter.grad.zero_()

    data = context.training_data.data.subset(range(20))
    fine_tune(
        result,
        [Pass(data, 8, loss)] * 2,
        context,
        quiet,
        peak_share=1.0,
        on_gradients=freeze,
        after_pass=lambda number, done: ends.append((number, done)),
    )
    assert ends == [(0, 3), (1, 6)]
    for a, b in zip(result.network.parameters(), model.network.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_meter_counts_every_example_of_every_pass(tasks: Tasks) -> None:
    task, counter = tasks["classifier"], ExampleCounter()
    context = replace(task.context, counter=counter)
    make_method(MethodChoice("finetune_retain", {"epochs": 2})).unlearn(task.model, context, quiet)
    assert counter.examples == 2 * len(context.retain_ids)


def test_answers_of_the_original_count_for_a_third(tasks: Tasks) -> None:
    task, counter = tasks["classifier"], ExampleCounter()
    context = replace(task.context, counter=counter)
    config = {"epochs": 2, "max_epochs": 1, "rewind": "none"}
    make_method(MethodChoice("scrub", config)).unlearn(task.model, context, quiet)
    assert counter.examples == pytest.approx(4 / 3 * (2 * len(context.retain_ids) + len(context.forget_ids)))


@pytest.mark.parametrize("name", ["finetune_retain", "noise_finetune", "scrub", "partial_reset", "salun"])
def test_a_diverging_loss_ends_the_run(name: str, tasks: Tasks, leaf_trainer: Trainer) -> None:
    wild = replace(tasks["classifier"].context, training_data=with_recipe(leaf_trainer, learning_rate=1e38).training_data)
    with pytest.raises(TrainingDivergedError, match="lower learning_rate_share"):
        make_method(MethodChoice(name)).unlearn(tasks["classifier"].model, wild, quiet)


@pytest.mark.parametrize("epochs", [1, 2, 9])
def test_the_margins_of_every_example_are_noted_from_the_start_to_the_end_and_not_too_often(
    epochs: int, tasks: Tasks
) -> None:
    task = tasks["classifier"]
    noted: dict[int, dict[str, float]] = {}
    context = replace(task.context, on_margins=lambda step, margins: noted.update({step: dict(margins)}))
    make_method(MethodChoice("finetune_retain", {"epochs": epochs})).unlearn(task.model, context, quiet)
    steps = epochs * -(-len(context.retain_ids) // context.training_data.recipe.batch_size)
    assert (min(noted), max(noted)) == (0, steps)
    assert min(steps, CURVE_POINTS) <= len(noted) <= 2 * CURVE_POINTS
    assert all(tuple(margins) == context.forget_ids for margins in noted.values())


def test_drawing_curves_changes_nothing_in_a_batch_normalisation(leaf_trainer: Trainer, tasks: Tasks) -> None:
    given = tasks["classifier"].context
    architecture = ClassifierArchitecture("tests.unlearning_jobs.engine.methods.test_finetune:Normalised")
    trainer = with_recipe(leaf_trainer, architecture=architecture)
    family = trainer.training_data.family
    model = replace(tasks["classifier"].model, network=family.build(1).eval(), family=family)
    context = task(trainer, model, given.forget_ids).context
    watched = replace(context, on_margins=lambda _step, _margins: None)
    method = make_method(MethodChoice("finetune_retain", {"epochs": 1}))
    states = [method.unlearn(model, one, quiet).network.state_dict() for one in (context, watched)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    batches = int(states[0]["1.num_batches_tracked"])
    assert batches == -(-len(context.retain_ids) // trainer.training_data.recipe.batch_size)


class Normalised(nn.Sequential):
    """A network whose answers in training depend on the batch."""

    def __init__(self, shape: Sequence[int], classes: int) -> None:
        super().__init__(nn.Linear(shape[0], 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, classes))
