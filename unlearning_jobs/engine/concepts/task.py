"""What every method of concepts is given, and what it must do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch

from unlearning_jobs.engine.contracts import ProgressCallback
from unlearning_jobs.engine.contracts.concepts import Instead, Probe
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.training_data import TrainingData

from .covariance import Moments


@dataclass(frozen=True)
class Task:
    """The task of a method: what to edit out, by the probes that it may see. Nothing here comes from the audit."""

    names: tuple[str, ...]
    instead: Instead
    probes: tuple[Probe, ...]
    """Probes of the concept that the original answers."""
    neighbours: tuple[Probe, ...]
    """Probes about others, which must stay."""
    examples: tuple[Example, ...]
    """Training examples about the concept."""
    others: tuple[Example, ...]
    """Training examples that do not name it. In none of these or the former stands a probe that methods do not see."""
    training_data: TrainingData
    moments: Moments
    seed: int
    device: torch.device


class ConceptMethod(Protocol):
    """A way to edit a concept out of a model."""

    def edit(self, model: TrainedModel, task: Task, on_progress: ProgressCallback) -> TrainedModel:
        """Return an edited model. The given one is not changed.

        Raises:
            ObstacleError: the method cannot work on this model or concept.
            TrainingDivergedError: the edit became NaN or infinite; nothing of it is left.
        """
        ...
