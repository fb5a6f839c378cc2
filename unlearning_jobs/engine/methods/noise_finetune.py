"""Noise on the weights, then a short fine-tune: a plain form of the third place in the NeurIPS 2023 challenge."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from unlearning_jobs.engine.contracts import ProgressCallback
from unlearning_jobs.engine.families.weights import learned
from unlearning_jobs.engine.training.model import TrainedModel

from .context import Context
from .finetune import Pass, fine_tune
from .losses import cross_entropy

MATRIX_DIMENSIONS = 2


class NoiseFinetune:
    """Sets w <- w + noise x std(w) x N(0, 1) for every matrix and kernel that learns, then trains on the examples to retain.

    Biases and normalisations stay as they are: they are few and hold no example. The noise is scaled by each tensor's own
    standard deviation, so that one number suits layers of any size (Triantafillou et al. 2024, arXiv 2406.09073, on the
    challenge; the third place used noise of one size for all kernels).
    """

    name: ClassVar[str] = "noise_finetune"

    def __init__(self, *, noise: float, epochs: int, learning_rate_share: float) -> None:
        self.noise = noise
        self.epochs = epochs
        self.learning_rate_share = learning_rate_share

    def unlearn(self, model: TrainedModel, context: Context, on_progress: ProgressCallback) -> TrainedModel:
        """See `UnlearningMethod`.

        Raises:
            TrainingDivergedError: the loss became NaN or infinite.
        """
        result, training_data = model.copy_to(context.device), context.training_data
        add_noise(result.network, self.noise, torch.Generator().manual_seed(context.seed))
        retain = training_data.without(context.exclude_ids)
        epoch = Pass(retain, training_data.recipe.batch_size, lambda predictions, *_: cross_entropy(predictions))
        fine_tune(result, [epoch] * self.epochs, context, on_progress, peak_share=self.learning_rate_share)
        return result


@torch.no_grad()
def add_noise(network: nn.Module, noise: float, generator: torch.Generator) -> None:
    """Add Gaussian noise to every matrix and kernel, in place, with `noise` times the tensor's own standard deviation.

    What is frozen stays as it is.
    """
    for tensor in learned(network):
        if tensor.dim() >= MATRIX_DIMENSIONS:
            drawn = torch.randn(tensor.shape, generator=generator).to(tensor.device)
            tensor.add_(drawn, alpha=noise * float(tensor.std()))
