"""What ROME and MEMIT share: their options, the layers that they act on, and the check of what they add."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from unlearning_jobs.engine.contracts import ProgressCallback
from unlearning_jobs.engine.errors import ObstacleError, TrainingDivergedError
from unlearning_jobs.engine.training.model import TrainedModel

from .places import Place, keys_at, places
from .task import Task
from .tracing import recalling_layer
from .values import Search, Wish, wishes


class Editing(ABC):
    """A method that changes matrices. It stores the options. A `layer` of 0 is the one that causal tracing finds."""

    name: ClassVar[str]

    def __init__(
        self,
        *,
        objective: str,
        layer: int,
        steps: int,
        rate: float,
        decay: float,
        keep: float,
        most: float,
    ) -> None:
        self.lower = objective == "lower"
        self.layer = layer
        self.search = Search(steps, rate, decay, keep, most)

    @abstractmethod
    def edit(self, model: TrainedModel, task: Task, on_progress: ProgressCallback) -> TrainedModel:
        """Return an edited model; see `ConceptMethod`."""

    def wishes(self, model: TrainedModel, task: Task) -> list[Wish]:
        """Return what is to be changed about the probes."""
        return wishes(model, task.probes, task.names, task.instead, lower=self.lower)

    def number(self, model: TrainedModel, task: Task) -> int:
        """Return the number of the layer to edit, from 1.

        Raises:
            ObstacleError: the model does not have it.
        """
        count = len(places(model))
        if self.layer > count:
            message = f"The model's last hidden layer is number {count}; set layer to at most that, or to 0."
            raise ObstacleError(message)
        known = wishes(model, task.probes, task.names, task.instead, lower=True)  # about the answers that there are now
        return self.layer or recalling_layer(model, known, task.seed)


def keys_of(model: TrainedModel, place: Place, wanted: Sequence[Wish]) -> Tensor:
    """Return the keys at the subjects' last tokens, (inputs, wishes); float64 on the CPU."""
    return torch.stack([keys_at(model, place, wish.ids)[0, wish.at] for wish in wanted], dim=1).double().cpu()


@torch.no_grad()
def add(place: Place, update: Tensor) -> None:
    """Add an update to a matrix.

    Raises:
        TrainingDivergedError: it is NaN or infinite.
    """
    if not torch.isfinite(update).all():
        message = "The edit became NaN or infinite when it was solved for, so nothing was edited; change its options."
        raise TrainingDivergedError(message)
    weight = place.weight
    weight += update.to(weight)
