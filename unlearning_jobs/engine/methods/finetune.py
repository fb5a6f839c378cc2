"""The loop that methods share which train on in passes over data sets, above all the retain set."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from unlearning_jobs.engine.contracts import ProgressCallback
from unlearning_jobs.engine.families import Batch, Dataset, Predictions
from unlearning_jobs.engine.training.loop import GRADIENT_NORM, epoch_order, learning_rate_share, make_optimizer
from unlearning_jobs.engine.training.model import TrainedModel

from .context import Context
from .curves import Curves

WARMUP_SHARE = 0.05

Loss = Callable[[Predictions, Batch, Sequence[int]], Tensor]
"""A scalar, from what the network says about a batch, the batch, and the places of its examples in the pass's data set."""


@dataclass(frozen=True)
class Pass:
    """Once over a data set in batches, descending a loss."""

    data: Dataset
    batch_size: int
    loss: Loss

    @property
    def steps(self) -> int:
        """Batches in the pass."""
        return math.ceil(len(self.data) / self.batch_size)


@dataclass(frozen=True)
class Hooks:
    """What a method adds to the loop."""

    on_gradients: Callable[[nn.Module], None] = lambda _: None
    """Called between the backward pass and the step, before gradients are clipped."""
    after_pass: Callable[[int, int], None] = lambda _number, _done: None
    """Called with a pass's number and the steps done."""


def take_passes(
    model: TrainedModel,
    passes: Sequence[Pass],
    context: Context,
    on_progress: ProgressCallback,
    *,
    peak_share: float,
    weight_decay: float | None = None,
    hooks: Hooks | None = None,
    before: int = 0,
) -> Curves:
    """Train the model on, in place, by the recipe's optimiser, as if it were trained for some more epochs.

    The learning rate rises to `peak_share` of the recipe's and falls to zero over all passes together. Their orders come
    from the seed, and none of them is one of the training's own. `weight_decay` is the recipe's unless given. `before`
    units of progress came first. Returns the curves, which know the last step.

    Raises:
        TrainingDivergedError: the loss became NaN or infinite.
    """
    recipe, device, network = context.training_data.recipe, context.device, model.network
    hooks = hooks or Hooks()
    if weight_decay is not None:
        recipe = replace(recipe, weight_decay=weight_decay)
    optimizer = make_optimizer(recipe, network.parameters())
    total, done = sum(one.steps for one in passes), 0
    curves = Curves(model, context, on_progress, total=total, before=before)
    network.train()

    for number, one in enumerate(passes):
        for positions in one.data.epoch(one.batch_size, epoch_order(context.seed, recipe.epochs + number)):
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * peak_share * learning_rate_share(done, total, WARMUP_SHARE)
            batch = one.data.batch(positions, device)
            loss = one.loss(model.family.predict(network, batch), batch, positions)
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            hooks.on_gradients(network)
            torch.nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_NORM)
            optimizer.step()
            context.counter.add(len(positions))
            done += 1
            curves.step(done, loss.item())
        hooks.after_pass(number, done)
    network.eval()
    return curves
