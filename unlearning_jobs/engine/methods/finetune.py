"""Fine-tuning: the way of methods that train a model on, in passes over data sets, above all the retain set."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor, nn

from unlearning_jobs.engine.contracts import ProgressCallback
from unlearning_jobs.engine.families import Batch, Dataset, Predictions
from unlearning_jobs.engine.families.weights import learned
from unlearning_jobs.engine.training.loop import training_loop
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.parts import Objective, over_answers
from unlearning_jobs.engine.training.schedule import LearningRate, epoch_order, make_optimizer

from .context import Context
from .curves import Curves

WARMUP_SHARE: Final = 0.05
"""Of every unlearning run, whatever the recipe has: most runs are far shorter than a training."""
LOWER_THE_SHARE: Final = "lower learning_rate_share"

Loss = Callable[[Predictions, Batch, Sequence[int]], Tensor]
"""Returns a scalar, from the predictions for a batch, the batch, and the positions of its examples in the data set. It
is a mean over the answers, so that a batch can be passed in parts."""


@dataclass(frozen=True)
class Pass:
    """One pass over a data set in batches, and the loss to descend."""

    data: Dataset
    batch_size: int
    loss: Loss

    @property
    def steps(self) -> int:
        """The number of batches."""
        return math.ceil(len(self.data) / self.batch_size)


def fine_tune(
    model: TrainedModel,
    passes: Sequence[Pass],
    context: Context,
    on_progress: ProgressCallback,
    *,
    peak_share: float,
    weight_decay: float | None = None,
    on_gradients: Callable[[nn.Module], None] | None = None,
    after_pass: Callable[[int, int], None] = lambda _number, _done: None,
    before: int = 0,
    generator: torch.Generator | None = None,
) -> Curves:
    """Train the model on, in place, by the recipe's optimiser, as if its training went on for some more epochs.

    The learning rate rises to `peak_share` of the recipe's, and falls to zero at the end of the last pass. The seed decides
    the order of each pass, which differs from those of all epochs of the training.

    Args:
        model: to train on, in place.
        passes: in their order.
        context: of the method.
        on_progress: called after every step.
        peak_share: peak learning rate, as a share of the recipe's.
        weight_decay: the recipe's unless given.
        on_gradients: may change the gradients of every step, before they are clipped.
        after_pass: called with the number of a pass and the steps done so far.
        before: units of progress that came before the first step.
        generator: what the losses draw from, in the order of the examples.

    Returns:
        the curves, which know the model's margins after the last step.

    Raises:
        TrainingDivergedError: the loss became NaN or infinite.
    """
    recipe, device, network = context.training_data.recipe, context.device, model.network
    if weight_decay is not None:
        recipe = replace(recipe, weight_decay=weight_decay)
    optimizer = make_optimizer(recipe, learned(network))
    total, done = sum(each.steps for each in passes), 0
    curves = Curves(model, context, on_progress, total=total, before=before)
    network.train()

    for number, current in enumerate(passes):

        def loss_of(positions: Sequence[int], current: Pass = current) -> Tensor:
            batch = current.data.batch(positions, device)
            loss = current.loss(model.family.predict(network, batch), batch, positions)
            context.counter.add(len(positions))
            return loss

        training_loop(
            network,
            current.data.epoch(current.batch_size, epoch_order(context.seed, recipe.epochs + number)),
            Objective.of_positions(loss_of, over_answers(current.data), generator),
            recipe=recipe,
            optimizer=optimizer,
            learning_rate=LearningRate(recipe.learning_rate * peak_share, total, WARMUP_SHARE),
            device=device,
            on_step=curves.step,
            first_step=done,
            on_gradients=on_gradients,
            remedy=LOWER_THE_SHARE,
            reads=curves.looks_at,
            on_smaller=context.counter.pass_at_most,
        )
        done += current.steps
        after_pass(number, done)
    network.eval()
    return curves
