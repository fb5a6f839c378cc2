"""Finding the weights that matter to some examples: gradients of their mean loss, and masks over all weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from unlearning_jobs.engine.families import Dataset
from unlearning_jobs.engine.families.weights import learned
from unlearning_jobs.engine.training.model import TrainedModel

from .context import ExampleCounter
from .losses import cross_entropy


def mean_gradients(model: TrainedModel, data: Dataset, counter: ExampleCounter) -> list[Tensor]:
    """Return the gradient of the mean cross-entropy per answer over the data set, one tensor per parameter that learns.

    The model is not changed, and its mode neither: callers pass a model in evaluation mode. It is a measurement, so it is
    float32 whatever the recipe's precision.
    """
    parameters = learned(model.network)
    totals, count = [torch.zeros_like(tensor) for tensor in parameters], 0
    for positions in data.sweep(model.family.scored_at_once):
        predictions = model.family.predict(model.network, data.batch(positions, model.device))
        size = len(predictions.labels)
        gradients = torch.autograd.grad(size * cross_entropy(predictions), parameters, allow_unused=True)
        for total, gradient in zip(totals, gradients, strict=True):
            if gradient is not None:
                total.add_(gradient)
        count += size
        counter.add(len(positions))
    return [total / count for total in totals]


def mask_of_largest(values: Sequence[Tensor], share: float) -> list[Tensor]:
    """Return 1 for the `share` of all numbers, over all tensors together, with the largest absolute value, else 0."""
    sizes = torch.cat([value.abs().flatten() for value in values])  # (weights,)
    count = max(1, round(share * len(sizes)))
    chosen = torch.zeros_like(sizes)
    chosen[sizes.topk(count, sorted=False).indices] = 1.0
    parts = torch.split(chosen, [value.numel() for value in values])
    return [part.view_as(value) for part, value in zip(parts, values, strict=True)]


def mask_of_smallest(values: Sequence[Tensor], share: float) -> list[Tensor]:
    """Return 1 for the `share` of all numbers, over all tensors together, with the smallest absolute value, else 0."""
    return [1 - mask for mask in mask_of_largest(values, 1 - share)]
