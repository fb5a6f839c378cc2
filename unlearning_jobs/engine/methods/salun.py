"""Saliency unlearning (Fan et al. 2024, SalUn, arXiv 2310.12508)."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor, nn

from unlearning_jobs.engine.contracts import ProgressCallback
from unlearning_jobs.engine.families import Predictions
from unlearning_jobs.engine.training.model import TrainedModel

from .context import Context
from .finetune import Hooks, Pass, take_passes
from .losses import cross_entropy
from .saliency import mask_of_largest, mean_gradients


class Salun:
    """Random relabelling of the examples to forget, and training on the others, in the salient weights alone.

    Salient are the `share` of all weights on which the loss of the examples to forget depends most: |gradient| at the
    start, above its quantile (the paper takes the median). The others keep their values exactly, so there is no
    weight decay. Every epoch passes over the examples to forget, each with a wrong answer drawn anew, and then over those
    to retain, as the authors' code does.
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
        salient = mask_of_largest(mean_gradients(result, forget, context.counter), self.share)
        generator = torch.Generator().manual_seed(context.seed)

        def hold_the_others(network: nn.Module) -> None:
            for tensor, chosen in zip(network.parameters(), salient, strict=True):
                if tensor.grad is not None:
                    tensor.grad.mul_(chosen)

        epoch = [
            Pass(forget, self.forget_batch, lambda predictions, _batch, _places: mislabelled(predictions, generator)),
            Pass(retain, training_data.recipe.batch_size, lambda predictions, _batch, _places: cross_entropy(predictions)),
        ]
        take_passes(
            result,
            epoch * self.epochs,
            context,
            on_progress,
            peak_share=self.learning_rate_share,
            weight_decay=0.0,
            hooks=Hooks(on_gradients=hold_the_others),
        )
        return result


def mislabelled(predictions: Predictions, generator: torch.Generator) -> Tensor:
    """Cross-entropy of answers drawn evenly from the wrong ones: a scalar."""
    classes = predictions.logits.shape[-1]
    shift = torch.randint(1, classes, predictions.labels.shape, generator=generator).to(predictions.labels.device)
    return F.cross_entropy(predictions.logits, (predictions.labels + shift) % classes)
