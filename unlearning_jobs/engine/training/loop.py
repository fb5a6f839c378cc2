"""The one loop of optimiser steps, on which training and the gradient-based unlearning methods stand.

Two kinds of training have loops of their own, because they compute other gradients: `private` needs one gradient per
example, and `vectorised` takes a step for many stacked models at once. They share the schedule and the divergence check,
and both are refused under bfloat16.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor, nn

from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.errors import TrainingDivergedError
from unlearning_jobs.engine.families import Dataset, Family
from unlearning_jobs.engine.families.weights import learned

from .checkpoint import TrainingCheckpoint
from .parts import MicroBatch, Objective, free_memory, mixes_examples, over_answers, ran_out
from .recomputing import recomputing
from .schedule import GRADIENT_NORM, LearningRate, epoch_order, make_optimizer

REPORT_EVERY: Final = 10
"""Steps between two reports of a training. Reading the loss waits for the device, so it is not done at every step."""
MOST_UNREAD: Final = 10
"""Losses of steps that are read at once, where each of them is reported."""
MOST_SECONDS: Final = 1.0
"""After which losses are read even so: waiting for the device costs nothing then."""
LOWER_THE_RATE: Final = "lower the learning rate"
EXPLODED: Final = 50.0
"""Mean loss of a training, in nats per answer, from which it has come to nothing. Guessing among 150,000 tokens costs 12."""

BatchT = TypeVar("BatchT")
StepCallback = Callable[[int, int, float], None]
"""Called with the steps done, the steps in total, and the loss."""


def training_loop(
    network: nn.Module,
    batches: Iterable[BatchT],
    objective: Objective[BatchT],
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
    reads: Callable[[int], bool] = lambda _done: True,
    on_smaller: Callable[[int], None] = lambda _most: None,
) -> None:
    """Take one optimiser step per batch, in place.

    Args:
        network: the network that the optimiser changes.
        batches: anything from which the objective can work out losses.
        objective: what to descend. It runs under autocast if the recipe asks for bfloat16.
        recipe: decides the precision, and how many examples pass at once. When memory runs out, the step is tried again
            with half of them.
        optimizer: of the network's parameters that learn.
        learning_rate: its schedule; also says how many steps the whole run has.
        device: where the network is.
        on_step: called every `report_every` steps and after the last one.
        first_step: number of the first step here, if others of the same run came before.
        report_every: how many steps lie between two calls of `on_step`.
        on_gradients: may change the gradients, before they are clipped.
        remedy: what to do if the loss diverges, for the error message.
        reads: says at which steps `on_step` looks at the network, so that it must be called before the next step. At others
            it may be called up to `MOST_UNREAD` steps later: whoever reads a loss waits for the device.
        on_smaller: told how many examples pass at once when that number falls.

    Raises:
        ObstacleError: the recipe asks for checkpointing, and the architecture does not allow it.
        OutOfMemoryError, or torch's own: the memory ran out with one example at once.
        TrainingDivergedError: the loss became NaN or infinite.
    """
    total = learning_rate.steps
    micro_batch = MicroBatch(recipe.micro_batch, on_smaller)
    losses = _Losses(total, on_step, remedy)
    with recomputing(network, enabled=recipe.checkpointing):
        for done, batch in enumerate(batches, start=first_step + 1):
            learning_rate.set_for(done - 1, optimizer)

            # 1. Forward and backward, part by part. The weights stay float32; under bfloat16, autocast casts what enters
            #    matrix products.
            loss = _add_gradients(
                network, batch, objective, micro_batch, optimizer=optimizer, device=device, precision=recipe.precision
            )
            if on_gradients:
                on_gradients(network)
            torch.nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_NORM)

            # 2. Step.
            optimizer.step()

            # 3. Report.
            if done % report_every == 0 or done == total:
                losses.note(done, loss, read=reads(done))
    losses.read()


def _add_gradients(
    network: nn.Module,
    batch: BatchT,
    objective: Objective[BatchT],
    micro_batch: MicroBatch,
    *,
    optimizer: torch.optim.Optimizer,
    device: torch.device,
    precision: str,
) -> Tensor:
    """Leave the gradient of the batch's loss in the network, and return the loss, which nobody has waited for.

    Raises:
        OutOfMemoryError, or torch's own: the memory ran out with one example at once, or in a network that mixes examples.
    """
    drawn_before = objective.generator.get_state() if objective.generator else None
    while True:
        optimizer.zero_grad(set_to_none=True)
        try:
            return _gradients_of_parts(objective.losses(batch, micro_batch.most), device, precision)
        except (MemoryError, RuntimeError) as error:
            if not ran_out(error) or mixes_examples(network):
                raise
            micro_batch.halve(objective.size(batch), error)
        # Behind the handler, where the error no longer holds what the attempt has worked out.
        free_memory(device)
        if objective.generator and drawn_before is not None:
            objective.generator.set_state(drawn_before)


def _gradients_of_parts(losses: Iterator[Tensor], device: torch.device, precision: str) -> Tensor:
    """Take the gradient of each loss before the next one is worked out, and return their sum."""
    total: Tensor | None = None
    while True:
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            loss = next(losses, None)
        if loss is None:
            break
        torch.autograd.backward(loss)
        total = loss.detach() if total is None else total + loss.detach()
    if total is None:
        message = "A step needs a loss."
        raise ValueError(message)
    return total


@dataclass
class _Losses:
    """Losses that are still on the device, and are read several at a time. They are reported in their order."""

    total: int
    on_step: StepCallback
    remedy: str
    unread: list[tuple[int, Tensor]] = field(default_factory=list)
    read_at: float = field(default_factory=time.monotonic)

    def note(self, done: int, loss: Tensor, *, read: bool) -> None:
        self.unread.append((done, loss))
        if read or done == self.total or len(self.unread) >= MOST_UNREAD or time.monotonic() - self.read_at > MOST_SECONDS:
            self.read()

    def read(self) -> None:
        """Report what has not been reported yet.

        Raises:
            TrainingDivergedError: one of them is NaN or infinite.
        """
        if not self.unread:
            return
        noted, self.unread = self.unread, []
        values = torch.stack([loss for _, loss in noted]).tolist()  # waits for the device, once for all of them
        self.read_at = time.monotonic()
        for (done, _), value in zip(noted, values, strict=True):
            check_loss(value, done, self.total, self.remedy)
            self.on_step(done, self.total, value)


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
        TrainingDivergedError: the loss became NaN or infinite, or exploded.
    """
    optimizer = make_optimizer(recipe, learned(network))
    total = epochs * math.ceil((len(data) if kept is None else len(kept)) / recipe.batch_size)
    done = checkpoint.load(network, optimizer)

    def loss_of(positions: Sequence[int]) -> Tensor:
        predictions = family.predict(network, data.batch(positions, device))
        return F.cross_entropy(predictions.logits, predictions.labels)

    def report(done: int, total: int, loss: float) -> None:
        check_training_loss(loss, done, total)
        on_step(done, total, loss)
        if done < total:
            checkpoint.save_if_due(network, optimizer, done)

    training_loop(
        network,
        _batches(data, recipe.batch_size, kept, epochs=epochs, seed=seed, first_epoch=first_epoch, skip=done),
        Objective.of_positions(loss_of, over_answers(data)),
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


def check_training_loss(loss: float, done: int, total: int) -> None:
    """Refuse to go on with a training whose loss is not a number, or far above that of guessing.

    An unlearning may raise a loss as far as it likes; its verdict says what comes of it.

    Raises:
        TrainingDivergedError: the loss is NaN, infinite or above `EXPLODED`.
    """
    check_loss(loss, done, total)
    if loss > EXPLODED:
        message = f"The loss exploded: it is {loss:.3g} after {done} of {total} steps; {LOWER_THE_RATE}."
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
