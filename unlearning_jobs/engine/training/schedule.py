"""What a run of optimiser steps is made of: the optimiser, its learning rate at each step, and the order of the examples.

Everything here follows from the recipe and the seed, and every loop uses it: training, unlearning, private and vectorised
training.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, Self

import torch
from torch import Tensor

from unlearning_jobs.engine.contracts import Recipe

Schedule = Literal["cosine", "linear"]
ADAM_BETA: Final = 0.9
"""Decay of AdamW's mean of gradients; that of their mean square is the recipe's."""
MOMENTUM: Final = 0.9
GRADIENT_NORM: Final = 1.0
"""Every step scales its gradient down to this norm if it is longer."""
SEED_STRIDE: Final = 1_000_003
"""A prime larger than any number of epochs, so that no two seeds share an order."""


@dataclass(frozen=True)
class LearningRate:
    """A learning rate that rises to its peak in a straight line, and then falls to zero along half a cosine or a line."""

    peak: float
    steps: int
    """Steps of the whole run."""
    warmup_share: float
    """Share of the steps in which the rate rises."""
    schedule: Schedule = "cosine"

    @classmethod
    def of(cls, recipe: Recipe, steps: int) -> Self:
        """Return the learning rate of a training by the recipe."""
        return cls(recipe.learning_rate, steps, recipe.warmup_share, recipe.schedule)

    def set_for(self, step: int, optimizer: torch.optim.Optimizer) -> None:
        """Set the optimiser's learning rate for this step; the first step is 0."""
        rate = self.peak * learning_rate_share(step, self.steps, self.warmup_share, self.schedule)
        for group in optimizer.param_groups:
            group["lr"] = rate


def learning_rate_share(step: int, total: int, warmup_share: float, schedule: Schedule = "cosine") -> float:
    """Return the share of the peak learning rate at a step: linear warm-up, then down to zero."""
    warmup = max(1, round(total * warmup_share))
    if step < warmup:
        return (step + 1) / warmup
    fallen = (step - warmup) / max(1, total - warmup)
    return 1 - fallen if schedule == "linear" else 0.5 * (1 + math.cos(math.pi * fallen))


def make_optimizer(recipe: Recipe, parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
    """Make the recipe's optimiser.

    Every optimiser updates each number on its own, so that stacked models take the steps that they would take alone.
    """
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            parameters, lr=recipe.learning_rate, momentum=MOMENTUM, weight_decay=recipe.weight_decay, fused=True
        )
    return torch.optim.AdamW(
        parameters, lr=recipe.learning_rate, betas=(ADAM_BETA, recipe.beta2), weight_decay=recipe.weight_decay, fused=True
    )


def epoch_order(seed: int, epoch: int) -> torch.Generator:
    """Return the generator that orders the examples of an epoch."""
    return torch.Generator().manual_seed(seed * SEED_STRIDE + epoch)
