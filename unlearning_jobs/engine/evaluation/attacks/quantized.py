"""The attack by rounding: what a small change of the weights had hidden is there again when they are rounded.

Methods that change weights little leave them in the same cell of a coarse grid, so the rounded model is that of the original
(Zhang et al. 2024, arXiv 2410.16454).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import score

from .attack import FORGET, Attack, Columns, Target, mean_log_probabilities


class Quantized(Attack):
    """Scores the forget examples by a copy whose matrices are rounded to some bits."""

    bits: ClassVar[int]

    def carry_out(self, target: Target) -> Mapping[str, Columns]:
        known = mean_log_probabilities(score(quantized(target.model, self.bits), target.data(FORGET)))
        return {FORGET: {self.name: known}}


class Quantized8(Quantized):
    """To 8 bits."""

    name: ClassVar[str] = "quantized_8"
    bits: ClassVar[int] = 8


class Quantized4(Quantized):
    """To 4 bits."""

    name: ClassVar[str] = "quantized_4"
    bits: ClassVar[int] = 4


def quantized(model: TrainedModel, bits: int) -> TrainedModel:
    """Return a copy whose matrices are rounded, each output channel by itself. The model keeps its weights.

    All weights with two dimensions or more are rounded, embeddings too; biases and norms are not. What an adapter adds is
    added before the rounding, as in a model that is released.
    """
    copy = model.copy_to(model.device)
    copy.family.merge_adapter(copy.network)
    done: dict[int, nn.Parameter] = {}  # a matrix that two layers share stays shared
    for layer in copy.network.modules():
        for name, weight in list(layer.named_parameters(recurse=False)):
            if weight.dim() > 1:
                if id(weight) not in done:
                    rounded = rounded_to(weight.detach(), bits, channel=_output_axis(layer))
                    done[id(weight)] = nn.Parameter(rounded, requires_grad=weight.requires_grad)
                setattr(layer, name, done[id(weight)])  # a new tensor: the copy shares frozen ones with the model
    return copy


def rounded_to(weight: Tensor, bits: int, *, channel: int = 0) -> Tensor:
    """Return the weight with each channel rounded to the levels -(2^(bits-1) - 1) to 2^(bits-1) - 1 times its own scale.

    The scale is the channel's largest absolute value, divided by the highest level, so that value stays as it is.
    """
    highest = 2 ** (bits - 1) - 1
    others = [axis for axis in range(weight.dim()) if axis != channel]
    scale = weight.abs().amax(dim=others, keepdim=True) / highest
    scale = torch.where(scale == 0, torch.ones_like(scale), scale)  # a channel of zeros
    return (weight / scale).round() * scale


def _output_axis(layer: nn.Module) -> int:
    """Return the axis of a matrix along which the outputs lie: the first, but in GPT-2's layers.

    They are known by their name, because importing transformers takes seconds, and classifiers do without it.
    """
    return 1 if type(layer).__qualname__ == "Conv1D" else 0
