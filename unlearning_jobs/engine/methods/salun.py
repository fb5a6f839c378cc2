"""Saliency unlearning (Fan et al. 2024, SalUn, arXiv 2310.12508)."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor, nn

from unlearning_jobs.engine.contracts import ProgressCallback
from unlearning_jobs.engine.families import Predictions
from unlearning_jobs.engine.families.weights import learned
from unlearning_jobs.engine.training.model import TrainedModel

from .context import Context
from .finetune import Pass, fine_tune
from .losses import cross_entropy
from .saliency import mask_of_largest, mean_gradients


class Salun:
    """Learns wrong answers to the examples to forget and right answers to the others, in the salient weights only.

    The salient weights are the `share` of all weights on which the loss of the examples to forget depends most: those whose
    |gradient| in the original is above its quantile (the paper takes the median). All other weights keep their values
    exactly, so there is no weight decay. As in the authors' code, every epoch passes over the examples to forget, with a
    wrong answer drawn anew for each, and then over those to retain.
    """

    name: ClassVar[str] = "salun"

    def __init__(self, *, share: float, epochs: int, forget_batch: int, learning_rate_share: float) -> None:
        self.share = share
        self.epochs = epochs
        self.forget_batch = forget_batch
        self.learning_rate_share = learning_rate_share

    def unlearn(self, model: TrainedModel, context: Context, on_progress: ProgressCallback) -> TrainedModel:
        """See `UnlearningMethod`.

        Raises:
            TrainingDivergedError: the loss became NaN or infinite.
        """
        result, training_data = model.copy_to(context.device), context.training_data
        forget = training_data.subset(context.forget_ids)
        retain = training_data.without(context.exclude_ids)
        salient = mask_of_largest(mean_gradients(result, forget, context.counter), self.share)  # one mask per parameter
        generator = torch.Generator().manual_seed(context.seed)

        def freeze_others(network: nn.Module) -> None:
            for parameter, mask in zip(learned(network), salient, strict=True):
                if parameter.grad is not None:
                    parameter.grad.mul_(mask)

        epoch = [
            Pass(forget, self.forget_batch, lambda predictions, *_: mislabelled(predictions, generator)),
            Pass(retain, training_data.recipe.batch_size, lambda predictions, *_: cross_entropy(predictions)),
        ]
        fine_tune(
            result,
            epoch * self.epochs,
            context,
            on_progress,
            peak_share=self.learning_rate_share,
            weight_decay=0.0,
            on_gradients=freeze_others,
            generator=generator,
        )
        return result


def mislabelled(predictions: Predictions, generator: torch.Generator) -> Tensor:
    """Return the cross-entropy of answers drawn uniformly from the wrong ones, a scalar."""
    classes = predictions.logits.shape[-1]
    shift = torch.randint(1, classes, predictions.labels.shape, generator=generator).to(predictions.labels.device)
    return F.cross_entropy(predictions.logits, (predictions.labels + shift) % classes)
