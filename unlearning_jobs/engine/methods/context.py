"""What every unlearning method is given and must do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

import torch

from unlearning_jobs.engine.catalogue.entry import FORWARD_SHARE
from unlearning_jobs.engine.contracts import ProgressCallback, UnlearningStep
from unlearning_jobs.engine.contracts.privacy import Certificate
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.training.loop import StepCallback
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.training_data import TrainingData

MarginCallback = Callable[[int, Mapping[str, float]], None]
"""Called with steps done, and the mean margin of each watched example to forget at that step, by record id.

A step that is not later than the one before says that the run went back to it."""


@dataclass
class ExampleCounter:
    """Counts the examples that a method sends through networks; one that only goes forwards counts for a third."""

    examples: float | None = None
    """None until something was counted."""

    def add(self, examples: float, *, backwards: bool = True) -> None:
        """So many more examples."""
        self.examples = (self.examples or 0.0) + examples * (1 if backwards else FORWARD_SHARE)


@dataclass
class Prepared:
    """What a method prepared for all requests about a model version, for the report."""

    models: int = 0
    """Trained for it."""
    correlation: float = 0.0
    """Of what it predicts with what really trained models do."""


def unnoted() -> AbstractContextManager[Prepared]:
    """Where nobody wants the notes."""
    return nullcontext(Prepared())


@dataclass(frozen=True)
class Context:
    """The task: which examples to forget, which to retain, and everything needed to do it again the same way."""

    training_data: TrainingData
    forget_ids: tuple[str, ...]
    retain_ids: tuple[str, ...]
    """Training examples that the result may know: without this forget set and all earlier ones."""
    exclude_ids: tuple[str, ...]
    """All other training examples: this forget set and all earlier ones."""
    held_out_ids: tuple[str, ...]
    seed: int
    """The seed of the model to unlearn; it also orders the batches."""
    device: torch.device
    train: Callable[[Collection[str], int, StepCallback], TrainedModel]
    """Train by the recipe without these examples, with a seed."""
    shared: Path
    """Folder for what a method prepares once for all requests about a model version."""
    preparing: Callable[[], AbstractContextManager[Prepared]] = unnoted
    """Entered while it does: that is not part of what unlearning costs. What is entered takes notes."""
    taken_seeds: frozenset[int] = frozenset()
    """Seeds of the models that the result is compared with: a method that trains models of its own uses others."""
    counter: ExampleCounter = field(default_factory=ExampleCounter)
    on_margins: MarginCallback | None = None
    """Where the way of every example goes; None when nobody looks."""
    earlier: tuple[UnlearningStep, ...] = ()
    """How the model has forgotten before, oldest first."""

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


@runtime_checkable
class CertifiedMethod(UnlearningMethod, Protocol):
    """A method whose result has a guarantee in numbers. `unlearn` alone gives none: the certificate is the guarantee."""

    def certificate(self, model: TrainedModel, context: Context) -> Certificate:
        """What is promised of the model that `unlearn` made in this context.

        Raises:
            ObstacleError: the promise does not hold, or no longer; the sentence says why. Nothing may be released then.
        """
        ...
