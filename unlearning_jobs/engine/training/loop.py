"""The training loop. It reads top to bottom, and every random choice in it comes from the seed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor, nn

from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.errors import TrainingDivergedError
from unlearning_jobs.engine.families import Dataset

from .checkpoint import load_checkpoint, save_checkpoint
from .device import COPIES_IN_TRAINING, check_memory
from .model import TrainedModel, place
from .training_data import TrainingData

ADAM_BETAS = (0.9, 0.99)
MOMENTUM = 0.9
GRADIENT_NORM = 1.0
REPORT_EVERY = 10
SEED_STRIDE = 1_000_003
"""A prime larger than any number of epochs, so that no two seeds share an order."""
CHECKPOINT_SECONDS = 30.0

StepCallback = Callable[[int, int, float], None]
"""Called with steps done, steps in total, and the loss."""


def learning_rate_share(step: int, total: int, warmup_share: float) -> float:
    """Share of the peak learning rate at a step: linear warm-up, then half a cosine down to zero."""
    warmup = max(1, round(total * warmup_share))
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))


def make_optimizer(recipe: Recipe, parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
    """The recipe's optimiser. All of them work number by number, so that stacked models are optimised like single ones."""
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            parameters, lr=recipe.learning_rate, momentum=MOMENTUM, weight_decay=recipe.weight_decay, fused=True
        )
    return torch.optim.AdamW(
        parameters, lr=recipe.learning_rate, betas=ADAM_BETAS, weight_decay=recipe.weight_decay, fused=True
    )


def epoch_order(seed: int, epoch: int) -> torch.Generator:
    """Where the order of an epoch's examples comes from."""
    return torch.Generator().manual_seed(seed * SEED_STRIDE + epoch)


def train(
    training_data: TrainingData,
    exclude_ids: Collection[str],
    seed: int,
    *,
    device: torch.device,
    on_step: StepCallback,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    slices: Path | None = None,
) -> TrainedModel:
    """Train the recipe's model on the snapshot's training examples without the excluded ones.

    The loss is the mean cross-entropy over the answers. Two runs with the same arguments on the same CPU, with the same
    number of threads, give the same weights, also when one of them went on from a checkpoint: the file `checkpoint` is
    read at the start if it is there, and written every `checkpoint_seconds`. So do two runs of a recipe with shards of
    which one found some of its networks in the folder `slices`.

    With privacy, see `train_privately`: then there are no checkpoints.

    Raises:
        ObstacleError: the network cannot be trained privately, as the recipe asks.
        OutOfMemoryError: the model would not fit; said before the work starts.
        SpecError: nothing is left to train on.
        TrainingDivergedError: the loss became NaN or infinite.
    """
    if training_data.recipe.sharding is not None:
        from .sharded import train_sharded  # it trains with `training_loop`, below

        return train_sharded(
            training_data,
            exclude_ids,
            seed,
            device=device,
            on_step=on_step,
            slices=slices,
            checkpoint=checkpoint,
            checkpoint_seconds=checkpoint_seconds,
        )
    family = training_data.family
    check_memory(training_data.footprint, device)
    data = training_data.without(exclude_ids)
    network = place(family.build(seed), device).train()
    if family.fit(network, data, partial(training_data.secret_seed, exclude_ids, seed)):
        on_step(1, 1, math.nan)
        return TrainedModel(network.eval(), family)
    if training_data.recipe.privacy is not None:
        from .private import train_privately  # Opacus takes a while to load

        gradients = (
            2 * training_data.recipe.batch_size
        )  # one for each example, and twice as many examples when chance has it so
        check_memory(training_data.footprint, device, copies=COPIES_IN_TRAINING + gradients)
        secret = training_data.secret_seed(exclude_ids, seed)
        spent = train_privately(network, data, family, training_data.recipe, secret, device=device, on_step=on_step)
        return TrainedModel(network.eval(), family, spent)
    training_loop(
        network,
        data,
        training_data,
        epochs=training_data.recipe.epochs,
        seed=seed,
        device=device,
        on_step=on_step,
        checkpoint=checkpoint,
        checkpoint_seconds=checkpoint_seconds,
    )
    return TrainedModel(network.eval(), family)


def training_loop(
    network: nn.Module,
    data: Dataset,
    training_data: TrainingData,
    *,
    epochs: int,
    seed: int,
    first_epoch: int = 0,
    device: torch.device,
    on_step: StepCallback,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> None:
    """Train the network in place for so many epochs on the data, with a fresh optimiser and schedule; see `train`.

    Raises:
        TrainingDivergedError: the loss became NaN or infinite.
    """
    recipe, family = training_data.recipe, training_data.family
    optimizer = make_optimizer(recipe, network.parameters())
    steps_per_epoch = math.ceil(len(data) / recipe.batch_size)
    total = epochs * steps_per_epoch
    done = load_checkpoint(checkpoint, network, optimizer) if checkpoint else 0
    saved_at = time.monotonic()

    for epoch in range(done // steps_per_epoch, epochs):
        order = epoch_order(seed, first_epoch + epoch)
        for positions in data.epoch(recipe.batch_size, order)[done - epoch * steps_per_epoch :]:
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * learning_rate_share(done, total, recipe.warmup_share)
            with torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16"):
                predictions = family.predict(network, data.batch(positions, device))
            loss = F.cross_entropy(predictions.logits, predictions.labels)
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_NORM)
            optimizer.step()
            done += 1

            if done % REPORT_EVERY == 0 or done == total:
                value = loss.item()
                if not math.isfinite(value):
                    message = f"The loss became {value} after {done} of {total} steps; lower the learning rate."
                    raise TrainingDivergedError(message)
                on_step(done, total, value)
                if checkpoint and time.monotonic() - saved_at >= checkpoint_seconds and done < total:
                    save_checkpoint(checkpoint, network, optimizer, done)
                    saved_at = time.monotonic()
