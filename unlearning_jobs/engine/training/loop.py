"""The one loop of optimiser steps, on which training and the gradient-based unlearning methods stand.

Two kinds of training have loops of their own, because they compute other gradients: `private` needs one gradient per
example, and `vectorised` takes a step for many stacked models at once. They share the schedule and the divergence check,
and both are refused under bfloat16.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor, nn

from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.errors import TrainingDivergedError
from unlearning_jobs.engine.families import Dataset, Family
from unlearning_jobs.engine.families.weights import learned

from .checkpoint import TrainingCheckpoint
from .schedule import GRADIENT_NORM, LearningRate, epoch_order, make_optimizer

REPORT_EVERY: Final = 10
"""Steps between two reports of a training. Reading the loss waits for the device, so it is not done at every step."""
LOWER_THE_RATE: Final = "lower the learning rate"

BatchT = TypeVar("BatchT")
StepCallback = Callable[[int, int, float], None]
"""Called with the steps done, the steps in total, and the loss."""


def training_loop(
    network: nn.Module,
    batches: Iterable[BatchT],
    loss_of: Callable[[BatchT], Tensor],
    *,
    recipe: Recipe,
    optimizer: torch.optim.Optimizer,
    learning_rate: LearningRate,
    device: torch.device,
    on_step: StepCallback,
    first_step: int = 0,
    report_every: int = 1,
    on_gradients: Callable[[nn.Module], None] | None = None,
    remedy: str = LOWER_THE_RATE,
) -> None:
    """Take one optimiser step per batch, in place.

    Args:
        network: the network that the optimiser changes.
        batches: anything from which `loss_of` can work out a loss.
        loss_of: returns the loss of a batch, a scalar. It runs under autocast if the recipe asks for bfloat16.
        recipe: decides the precision.
        optimizer: of the network's parameters that learn.
        learning_rate: its schedule; also says how many steps the whole run has.
        device: where the network is.
        on_step: called every `report_every` steps and after the last one.
        first_step: number of the first step here, if others of the same run came before.
        report_every: how many steps lie between two calls of `on_step`.
        on_gradients: may change the gradients, before they are clipped.
        remedy: what to do if the loss diverges, for the error message.

    Raises:
        TrainingDivergedError: the loss became NaN or infinite.
    """
    total = learning_rate.steps
    for done, batch in enumerate(batches, start=first_step + 1):
        learning_rate.set_for(done - 1, optimizer)

        # 1. Forward. The weights stay float32; under bfloat16, autocast casts what enters matrix products.
        with torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16"):
            loss = loss_of(batch)

        # 2. Backward.
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        if on_gradients:
            on_gradients(network)
        torch.nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_NORM)

        # 3. Step.
        optimizer.step()

        # 4. Report.
        if done % report_every == 0 or done == total:
            value = loss.item()
            check_loss(value, done, total, remedy)
            on_step(done, total, value)


def train_epochs(
    network: nn.Module,
    data: Dataset,
    family: Family,
    recipe: Recipe,
    *,
    epochs: int,
    seed: int,
    first_epoch: int = 0,
    device: torch.device,
    on_step: StepCallback,
    checkpoint: TrainingCheckpoint,
    kept: frozenset[int] | None = None,
) -> None:
    """Train the network in place on the data, with a fresh optimiser and learning-rate schedule.

    The loss is the mean cross-entropy over the answers. The order of epoch k is that of epoch `first_epoch` + k of the seed.
    With `kept`, it is the order of all the data, and only these positions stay in it.

    Raises:
        TrainingDivergedError: the loss became NaN or infinite.
    """
    optimizer = make_optimizer(recipe, learned(network))
    total = epochs * math.ceil((len(data) if kept is None else len(kept)) / recipe.batch_size)
    done = checkpoint.load(network, optimizer)

    def loss_of(positions: Sequence[int]) -> Tensor:
        predictions = family.predict(network, data.batch(positions, device))
        return F.cross_entropy(predictions.logits, predictions.labels)

    def report(done: int, total: int, loss: float) -> None:
        on_step(done, total, loss)
        if done < total:
            checkpoint.save_if_due(network, optimizer, done)

    training_loop(
        network,
        _batches(data, recipe.batch_size, kept, epochs=epochs, seed=seed, first_epoch=first_epoch, skip=done),
        loss_of,
        recipe=recipe,
        optimizer=optimizer,
        learning_rate=LearningRate.of(recipe, total),
        device=device,
        on_step=report,
        first_step=done,
        report_every=REPORT_EVERY,
    )


def check_loss(loss: float, done: int, total: int, remedy: str = LOWER_THE_RATE) -> None:
    """Refuse to go on from a loss that is not a number.

    Raises:
        TrainingDivergedError: the loss is NaN or infinite; the message ends with the remedy.
    """
    if not math.isfinite(loss):
        message = f"The loss became {loss} after {done} of {total} steps; {remedy}."
        raise TrainingDivergedError(message)


def _batches(
    data: Dataset,
    batch_size: int,
    kept: frozenset[int] | None,
    *,
    epochs: int,
    seed: int,
    first_epoch: int,
    skip: int,
) -> Iterator[Sequence[int]]:
    """Yield the batches of all epochs as positions in the data, without the first `skip` ones."""
    steps_per_epoch = math.ceil((len(data) if kept is None else len(kept)) / batch_size)
    for epoch in range(skip // steps_per_epoch, epochs):
        order = epoch_order(seed, first_epoch + epoch)
        batches = data.epoch(batch_size, order) if kept is None else data.thinned_epoch(batch_size, order, kept)
        yield from batches[max(0, skip - epoch * steps_per_epoch) :]
