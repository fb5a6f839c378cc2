"""What every unlearning method is given, and what it must do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

import torch

from compliance.formats.results import Certificate
from unlearning_jobs.engine.catalogue.entry import FORWARD_SHARE
from unlearning_jobs.engine.contracts import ProgressCallback, UnlearningStep
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.training.loop import StepCallback
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.training_data import TrainingData

MarginCallback = Callable[[int, Mapping[str, float]], None]
"""Called with the steps done, and the mean margin of each watched example to forget at that step, by example id.

A step that is not later than the last one means that the run went back to it."""


@dataclass
class ExampleCounter:
    """Counts the examples that a method passes through networks. A forward pass alone counts for a third."""

    examples: float | None = None
    """None until something is counted."""

    micro_batch: int = 0
    """The fewest examples that passed at once because memory ran out; 0 if it did not."""

    def pass_at_most(self, examples: int) -> None:
        """Note that memory ran out, and that this many examples pass at once from now on."""
        self.micro_batch = min(examples, self.micro_batch or examples)

    def add(self, examples: float, *, backwards: bool = True) -> None:
        """Count this many more examples."""
        self.examples = (self.examples or 0.0) + examples * (1 if backwards else FORWARD_SHARE)


@dataclass
class Prepared:
    """What a method prepared for all requests about a model version; for the report."""

    models: int = 0
    """Number of models that were trained for it."""
    correlation: float = 0.0
    """Correlation between its predictions and models that were really trained."""


def unnoted() -> AbstractContextManager[Prepared]:
    """Return a context manager for preparations that nobody reports."""
    return nullcontext(Prepared())


@dataclass(frozen=True)
class Context:
    """The task of an unlearning method: what to forget, what to retain, and all that is needed to repeat it exactly."""

    training_data: TrainingData
    forget_ids: tuple[str, ...]
    retain_ids: tuple[str, ...]
    """Training examples that the result may know: all but this forget set and all earlier ones."""
    exclude_ids: tuple[str, ...]
    """All other training examples: this forget set and all earlier ones."""
    held_out_ids: tuple[str, ...]
    seed: int
    """The seed of the model to unlearn, which also decides the order of the batches."""
    device: torch.device
    train: Callable[[Collection[str], int, StepCallback], TrainedModel]
    """Trains a model by the recipe without these examples, with a seed."""
    shared: Path
    """Folder for what a method prepares once for all requests about a model version."""
    preparing: Callable[[], AbstractContextManager[Prepared]] = unnoted
    """Entered while the method prepares it, since that is not part of the cost of unlearning. Yields what to fill in."""
    taken_seeds: frozenset[int] = frozenset()
    """Seeds of the models that the result is compared with. A method that trains models of its own uses other seeds."""
    counter: ExampleCounter = field(default_factory=ExampleCounter)
    on_margins: MarginCallback | None = None
    """Receives the margins of every example during the run; None if nobody watches."""
    earlier: tuple[UnlearningStep, ...] = ()
    """The earlier unlearning steps of the model, oldest first."""

    def __post_init__(self) -> None:
        if not self.forget_ids:
            message = "There is nothing to forget: the forget set is empty."
            raise SpecError(message)


class UnlearningMethod(Protocol):
    """An unlearning algorithm. `__init__` takes hyper-parameters by their names in the catalogue, and only stores them."""

    name: ClassVar[str]

    def unlearn(self, model: TrainedModel, context: Context, on_progress: ProgressCallback) -> TrainedModel:
        """Return a model that has unlearned the context's forget set. The given model is not changed.

        Progress is reported in the stage "unlearn" and ends with `done == total`. A method that takes steps also reports
        points of the curves loss, forget and retain (mean margins of the examples).
        """
        ...


@runtime_checkable
class CertifiedMethod(UnlearningMethod, Protocol):
    """A method whose result carries a guarantee in numbers. The certificate gives it, not `unlearn`."""

    def certificate(self, model: TrainedModel, context: Context) -> Certificate:
        """Return what is guaranteed for the model that `unlearn` made in this context.

        Raises:
            ObstacleError: the guarantee does not hold, or no longer holds; the message says why. The model must not be
                released then.
        """
        ...
