"""Resetting part of the weights, then a short fine-tune with distillation: the kind of method that won the NeurIPS 2023
challenge.

The competition and its leading solutions: Triantafillou et al. 2024, "Are we making progress in unlearning?", arXiv
2406.09073.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from unlearning_jobs.engine.contracts import ProgressCallback
from unlearning_jobs.engine.families import Batch, Predictions
from unlearning_jobs.engine.families.weights import learned
from unlearning_jobs.engine.training.model import TrainedModel

from .context import Context
from .finetune import Pass, fine_tune
from .losses import cross_entropy, divergence, reference_predictions
from .resetting import masks, reset

SLOWED = 0.1
"""Factor on the gradients of weights that were not reset, with variant `saliency`; the value of the second place."""


class PartialReset:
    """Sets some weights to those that a training starts from, and then trains on the examples to retain.

    A training starts from a newly initialised network, or from the checkpoint that the recipe names.

    `variant` says which weights:
    `head`: the last layer (sixth place, in part).
    `random_layers`: a share of the layers, drawn by the seed (seventh and eighth place).
    `saliency`: the share of weights with the smallest |gradient of the retain loss - gradient of the forget loss|; the
    gradients of the others are then scaled to a tenth (second place, with a share of 0.3).
    `prune_l1`: the share of weights with the smallest absolute value (fourth place, with a share of 0.99).

    The last two consider only matrices and kernels, over all layers together. Of a model with adapters, only these are
    reset: the two matrices of an adapter are a layer, and the last layer is frozen. The fine-tune descends cross-entropy +
    distillation x KL(original || now) at the temperature, on the examples to retain.
    """

    name: ClassVar[str] = "partial_reset"

    def __init__(
        self,
        *,
        variant: str,
        share: float,
        epochs: int,
        distillation: float,
        temperature: float,
        learning_rate_share: float,
    ) -> None:
        self.variant = variant
        self.share = share
        self.epochs = epochs
        self.distillation = distillation
        self.temperature = temperature
        self.learning_rate_share = learning_rate_share

    def unlearn(self, model: TrainedModel, context: Context, on_progress: ProgressCallback) -> TrainedModel:
        """See `UnlearningMethod`.

        Raises:
            ObstacleError: the variant resets the last layer, and this network's is also its first, or is frozen.
            TrainingDivergedError: the loss became NaN or infinite.
        """
        result, training_data = model.copy_to(context.device), context.training_data
        generator = torch.Generator().manual_seed(context.seed)
        chosen = masks(self.variant, self.share, result, context, generator)
        reset(result, result.family, chosen, generator)

        def loss(predictions: Predictions, batch: Batch, _positions: object) -> Tensor:
            if not self.distillation:
                return cross_entropy(predictions)
            teacher = reference_predictions(model, batch, context.counter)
            distance = divergence(teacher.logits, predictions.logits, self.temperature)
            return cross_entropy(predictions) + self.distillation * distance

        def slow_others(network: nn.Module) -> None:
            for parameter, mask in zip(learned(network), chosen, strict=True):
                if parameter.grad is not None:
                    parameter.grad.mul_(SLOWED + (1 - SLOWED) * mask)

        epoch = Pass(training_data.without(context.exclude_ids), training_data.recipe.batch_size, loss)
        fine_tune(
            result,
            [epoch] * self.epochs,
            context,
            on_progress,
            peak_share=self.learning_rate_share,
            on_gradients=slow_others if self.variant == "saliency" else None,
        )
        return result
