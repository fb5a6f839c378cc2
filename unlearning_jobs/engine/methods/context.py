"""What every unlearning method is given and must do."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch

from unlearning_jobs.engine.contracts import ProgressCallback
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.training.loop import OnStep
from unlearning_jobs.engine.training.material import Material
from unlearning_jobs.engine.training.model import TrainedModel


@dataclass(frozen=True)
class Context:
    """The task: which examples to forget, which to retain, and everything needed to do it again the same way."""

    material: Material
    forget_ids: tuple[str, ...]
    retain_ids: tuple[str, ...]
    """Training examples that the result may know: without this forget set and all earlier ones."""
    exclude_ids: tuple[str, ...]
    """All other training examples: this forget set and all earlier ones."""
    held_out_ids: tuple[str, ...]
    seed: int
    """The seed of the model to unlearn; it also orders the batches."""
    device: torch.device
    train: Callable[[Collection[str], int, OnStep], TrainedModel]
    """Train by the recipe without these examples, with a seed."""

    def __post_init__(self) -> None:
        if not self.forget_ids:
            message = "There is nothing to forget: the forget set is empty."
            raise SpecError(message)


class UnlearningMethod(Protocol):
    """An unlearning algorithm. `__init__` takes hyper-parameters by the names in the catalogue, and only stores them."""

    name: ClassVar[str]

    def unlearn(self, model: TrainedModel, context: Context, on_progress: ProgressCallback) -> TrainedModel:
        """A model that has unlearned the context's forget set. The given one is left as it is.

        Progress is reported in the stage "unlearn" and ends with `done == total`. Points of the curves loss, forget and
        retain (mean margin of the examples) are reported on the way where there are any.
        """
        ...
