"""Training a model: `train` decides in which way, and every model comes from it."""

from __future__ import annotations

import math
from collections.abc import Collection
from functools import partial
from pathlib import Path

import torch
from torch import nn

from unlearning_jobs.engine.contracts.privacy import PrivacyLoss
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.families import Dataset

from .checkpoint import CHECKPOINT_SECONDS, TrainingCheckpoint
from .device import COPIES_IN_TRAINING, check_memory
from .loop import StepCallback, train_epochs
from .model import TrainedModel, to_device
from .sharded import train_sharded
from .training_data import TrainingData


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
    thinned_from: Collection[str] | None = None,
) -> TrainedModel:
    """Train the recipe's model on the snapshot's training examples, leaving out the excluded ones.

    The loss is the mean cross-entropy over the answers. Two runs with the same arguments on the same CPU and with the same
    number of threads give the same weights, even if one of them went on from a checkpoint, or found some networks of its
    shards in the folder `slices`.

    Args:
        training_data: the recipe and the corpus.
        exclude_ids: training examples to leave out.
        seed: decides the initial weights and the order of the examples.
        device: where to train.
        on_step: called as the training goes on, and at its end.
        checkpoint: file of the training checkpoint: read at the start if it is there, and written while the training runs.
            Private training has none and starts again.
        checkpoint_seconds: time between two writes of the checkpoint.
        slices: folder with the networks of a recipe with shards after each slice.
        thinned_from: what another model of this seed left out. This one then takes that model's batches, without the
            examples that only this one leaves out: the model that the other would have been without them. None for batches
            of its own.

    Raises:
        ObstacleError: the recipe asks for private training, and the network cannot be trained privately; or for one that
            cannot be paired.
        OutOfMemoryError: the model would not fit; raised before the work starts.
        SpecError: nothing is left to train on.
        TrainingDivergedError: the loss became NaN or infinite, or exploded.
    """
    recipe, family = training_data.recipe, training_data.family
    saving = TrainingCheckpoint(checkpoint, checkpoint_seconds)

    if thinned_from is not None and not training_data.recipe.can_be_paired:
        message = "Models of this recipe cannot take another model's batches; compare them with independent oracles."
        raise ObstacleError(message)

    # 1. In shards: each of them is trained on its own, slice after slice.
    if recipe.sharding is not None:
        return train_sharded(
            training_data, exclude_ids, seed, device=device, on_step=on_step, slices=slices, checkpoint=saving
        )

    check_memory(training_data.footprint, device)
    data = training_data.without(exclude_ids if thinned_from is None else thinned_from)
    kept = None if thinned_from is None else training_data.kept_of(exclude_ids, thinned_from)
    network = to_device(family.build(seed), device).train()

    # 2. In closed form: the family solves for the weights.
    if not family.description.learns_by_gradient:
        family.fit(network, data, partial(training_data.secret_seed, exclude_ids, seed))
        on_step(1, 1, math.nan)
        return TrainedModel(network.eval(), family)

    # 3. Privately: gradients are clipped example by example, and noise is added.
    if recipe.privacy is not None:
        secret = training_data.secret_seed(exclude_ids, seed)
        loss = _train_privately(network, data, training_data, secret, device=device, on_step=on_step)
        return TrainedModel(network.eval(), family, loss)

    # 4. By plain gradient steps.
    train_epochs(
        network,
        data,
        family,
        recipe,
        epochs=recipe.epochs,
        seed=seed,
        device=device,
        on_step=on_step,
        checkpoint=saving,
        kept=kept,
    )
    return TrainedModel(network.eval(), family)


def _train_privately(
    network: nn.Module,
    data: Dataset,
    training_data: TrainingData,
    secret: int,
    *,
    device: torch.device,
    on_step: StepCallback,
) -> PrivacyLoss:
    from .private import train_privately  # loads Opacus, which takes seconds

    # one gradient per example; chance may draw twice as many examples as a batch has on average
    gradients = 2 * training_data.recipe.batch_size
    check_memory(training_data.footprint, device, copies=COPIES_IN_TRAINING + gradients)
    return train_privately(network, data, training_data.family, training_data.recipe, secret, device=device, on_step=on_step)
