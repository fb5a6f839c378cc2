"""Representation misdirection (Li et al. 2024, RMU, in The WMDP Benchmark, arXiv 2403.03218)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor, nn

from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.families import Batch, Dataset
from unlearning_jobs.engine.families.weights import learned
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.parts import Units

from .descent import Descent, Run, Term

DEPTH_SHARE = 4
"""The layer that is steered by default: the first quarter of them ends with it."""
TRAINED_LAYERS = 3


class Rmu(Descent):
    """Steers what a hidden layer makes of the examples to forget, and holds what it makes of the others.

    The forget term is the mean over hidden states and their numbers of (h - c x u)^2, where u is a direction with numbers
    drawn uniformly from [0, 1) and length 1, and the retain term that of (h - h of the original)^2. Only the weights of that
    layer and the two below it may change; the paper changes one matrix of each. c is `steering` times the mean length of the
    original's states on the forget set; the paper sets c itself, which suits models of one size. A family says which states
    those are: for language models, the ones from which the tokens of answers are predicted, while the paper takes all.
    No floor holds this method: it does not act on answers.
    """

    name: ClassVar[str] = "rmu"

    def __init__(self, *, layer: int, steering: float, **descent: Any) -> None:
        super().__init__(**descent)
        self.layer = layer
        self.steering = steering

    def trained(self, run: Run) -> list[nn.Parameter]:
        layers, number = run.now.family.hidden_layers(run.now.network), self._number(run)
        trained = [p for layer in layers[max(0, number - TRAINED_LAYERS) : number] for p in learned(layer)]
        if not trained:
            message = f"Hidden layer {number} and the two below it are frozen, for want of adapters; set another layer."
            raise ObstacleError(message)
        return trained

    def forget_term(self, run: Run) -> Term:
        number = self._number(run)
        length, size = _length_and_size(run, number)
        direction = torch.rand(size, generator=torch.Generator().manual_seed(run.context.seed))
        target = (self.steering * length * direction / direction.norm()).to(run.context.device)  # (size,)

        def term(chosen: Sequence[int]) -> Tensor:
            states = _states(run.now, run.forget.batch(chosen, run.context.device), number)
            return F.mse_loss(states, target.expand_as(states))

        return term

    def retain_term(self, run: Run) -> Term:
        number = self._number(run)

        def term(chosen: Sequence[int]) -> Tensor:
            batch = run.retain.batch(chosen, run.context.device)
            run.context.counter.add(len(chosen), backwards=False)
            with torch.no_grad():
                held = _states(run.start, batch, number)
            return F.mse_loss(_states(run.now, batch, number), held)

        return term

    def forget_units(self, run: Run) -> Units:
        return run.forget.states

    def retain_units(self, run: Run) -> Units:
        return run.retain.states

    def _number(self, run: Run) -> int:
        """Return the number of the layer, from 1.

        Raises:
            ObstacleError: the model does not have it.
        """
        layers = len(run.start.family.hidden_layers(run.start.network))
        if not layers:
            message = "The model has no hidden layers that could be steered; choose another method."
            raise ObstacleError(message)
        if self.layer > layers:
            message = f"The model's last hidden layer is number {layers}; set layer to at most that, or to 0."
            raise ObstacleError(message)
        return self.layer or max(1, round(layers / DEPTH_SHARE))


def _states(model: TrainedModel, batch: Batch, number: int) -> Tensor:
    return model.family.hidden_states(model.network, batch, number)


@torch.no_grad()
def _length_and_size(run: Run, number: int) -> tuple[float, int]:
    """Return the mean length of the original's hidden states on the forget set, and how many numbers each has."""
    data: Dataset = run.forget
    run.context.counter.add(len(data), backwards=False)
    lengths: list[Tensor] = []
    size = 0
    for positions in data.sweep(run.start.family.scored_at_once):
        states = _states(run.start, data.batch(positions, run.context.device), number)
        lengths.append(states.norm(dim=-1))
        size = states.shape[-1]
    return float(torch.cat(lengths).mean()), size
