"""The loop of methods that descend a term of a few examples to forget and a term of a few to retain, step by step."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from unlearning_jobs.engine.contracts import ProgressCallback
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.families import Batch, Dataset, Predictions
from unlearning_jobs.engine.families.weights import learned
from unlearning_jobs.engine.training.loop import training_loop
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.parts import Objective, Units, shares
from unlearning_jobs.engine.training.schedule import LearningRate, make_optimizer

from .context import Context, ExampleCounter
from .curves import Curves
from .finetune import LOWER_THE_SHARE, WARMUP_SHARE
from .losses import cross_entropy

Term = Callable[[Sequence[int]], Tensor]
"""Returns a scalar to descend, from the positions of a step's examples in their data set."""


class SteppedTerm(ABC):
    """A term that changes from step to step. Its batch may come in parts, and a step may be tried more than once."""

    @abstractmethod
    def begin(self) -> None:
        """Begin a step, perhaps again."""

    @abstractmethod
    def __call__(self, chosen: Sequence[int]) -> Tensor:
        """Return the term of a part of the step's examples."""

    @abstractmethod
    def end(self) -> None:
        """End the step."""


class Draw(NamedTuple):
    """The examples of one step: positions in the forget set, and in the retain set."""

    forget: list[int]
    retain: list[int]


@dataclass(frozen=True)
class Run:
    """What the terms of one run are made of."""

    start: TrainedModel
    """The original. Nobody changes it."""
    now: TrainedModel
    """The copy of it that is trained."""
    context: Context

    @cached_property
    def examples(self) -> list[Example]:
        """The examples to forget."""
        return self.context.training_data.snapshot.get(self.context.forget_ids)

    @cached_property
    def forget(self) -> Dataset:
        """The examples to forget, encoded."""
        return self.start.family.encode(self.examples)

    @cached_property
    def retain(self) -> Dataset:
        """The examples to retain, encoded."""
        return self.context.training_data.without(self.context.exclude_ids)

    @cached_property
    def generator(self) -> torch.Generator:
        """What terms draw from at each step, in the order of its examples."""
        return torch.Generator().manual_seed(self.context.seed)

    def predict(self, batch: Batch) -> Predictions:
        """Return the predictions of the model as it is now."""
        return self.now.family.predict(self.now.network, batch)


class Descent(ABC):
    """Descends forget_weight x forget term + retain_weight x retain term by the recipe's optimiser, without weight decay.

    The retain term is that of a random batch; here it is the batch's cross-entropy.
    """

    per_answer: ClassVar[bool] = False
    """Whether the forget term is a mean over the answers of a batch, tokens or classes; if not, over its examples. Every
    method has a test of it: its steps in parts are those of whole batches."""

    def __init__(
        self,
        *,
        learning_rate_share: float,
        steps: int,
        forget_batch: int,
        retain_batch: int = 0,
        forget_weight: float = 1.0,
        retain_weight: float = 0.0,
    ) -> None:
        self.learning_rate_share = learning_rate_share
        self.steps = steps
        self.forget_batch = forget_batch
        self.retain_batch = retain_batch
        self.forget_weight = forget_weight
        self.retain_weight = retain_weight

    @abstractmethod
    def forget_term(self, run: Run) -> Term:
        """Return the forget term of a step. What a run needs only once is worked out here, before the first step.

        Raises:
            ObstacleError: something is missing that the term needs.
        """

    def retain_term(self, run: Run) -> Term:
        """Return the retain term of a step; as `forget_term`."""

        def term(chosen: Sequence[int]) -> Tensor:
            batch = run.retain.batch(chosen, run.context.device)
            return self.retain_loss(run.start, batch, run.predict(batch), run.context.counter)

        return term

    def retain_loss(self, start: TrainedModel, batch: Batch, now: Predictions, counter: ExampleCounter) -> Tensor:  # noqa: ARG002  # for subclasses that compare with the start
        """Return the retain term of a batch, a scalar to descend."""
        return cross_entropy(now)

    def forget_units(self, run: Run) -> Units:
        """Return over what the forget term is a mean."""
        return run.forget.answers if self.per_answer else len

    def retain_units(self, run: Run) -> Units:
        """Return over what the retain term is a mean."""
        return run.retain.answers

    def trained(self, run: Run) -> list[nn.Parameter]:
        """Return the weights that may change; all others keep their values exactly."""
        return learned(run.now.network)

    def unlearn(self, model: TrainedModel, context: Context, on_progress: ProgressCallback) -> TrainedModel:
        """See `UnlearningMethod`.

        Raises:
            ObstacleError: something is missing that the terms need.
            TrainingDivergedError: the loss became NaN or infinite.
        """
        # 1. Copy the original, and measure it as far as the terms need that.
        run = Run(model, model.copy_to(context.device), context)
        forget_term, retain_term = self.forget_term(run), self.retain_term(run)
        curves = Curves(run.now, context, on_progress, total=self.steps)
        network = run.now.network.train()
        trained = self.trained(run)
        ours = set(map(id, trained))
        others = [parameter for parameter in network.parameters() if id(parameter) not in ours]

        # 2. The loss of a step, and the weights that it moves. Weight decay would pull at every weight; the optimiser is
        #    the recipe's, so that a share of its learning rate means something.
        recipe = replace(context.training_data.recipe, weight_decay=0.0)

        forget_units, retain_units = self.forget_units(run), self.retain_units(run)
        stepped = [term for term in (forget_term, retain_term) if isinstance(term, SteppedTerm)]

        def losses(draw: Draw, most: int) -> Iterator[Tensor]:
            for each in stepped:
                each.begin()
            for loss in shares(forget_term, draw.forget, forget_units, most):
                yield self.forget_weight * loss
            context.counter.add(len(draw.forget))
            if draw.retain:
                for loss in shares(retain_term, draw.retain, retain_units, most):
                    yield self.retain_weight * loss
                context.counter.add(len(draw.retain))
            for each in stepped:
                each.end()

        def leave_others(_network: nn.Module) -> None:
            for parameter in others:
                parameter.grad = None

        # 3. Descend.
        draws = self._draws(run, torch.Generator().manual_seed(context.seed))
        training_loop(
            network,
            draws,
            Objective(losses, lambda draw: max(len(draw.forget), len(draw.retain)), run.generator),
            recipe=recipe,
            optimizer=make_optimizer(recipe, trained),
            learning_rate=LearningRate(recipe.learning_rate * self.learning_rate_share, self.steps, WARMUP_SHARE),
            device=context.device,
            on_step=curves.step,
            on_gradients=leave_others,
            remedy=LOWER_THE_SHARE,
            reads=curves.looks_at,
            on_smaller=context.counter.pass_at_most,
        )
        network.eval()
        return run.now

    def _draws(self, run: Run, generator: torch.Generator) -> Iterator[Draw]:
        """Draw the examples of every step: of about the same length on either side, so that little is padded."""
        forget = batches_of(run.forget, self.forget_batch, generator)
        retain = batches_of(run.retain, self.retain_batch, generator) if self.retain_weight and self.retain_batch else None
        for _ in range(self.steps):
            yield Draw(next(forget), next(retain) if retain else [])


def batches_of(data: Dataset, most: int, generator: torch.Generator) -> Iterator[list[int]]:
    """Yield batches without end, epoch after epoch.

    They are of about the same size: the loss of a step is a mean over its batch, so examples in a small one would count for
    more.
    """
    size = math.ceil(len(data) / math.ceil(len(data) / most))
    while True:
        yield from data.epoch(size, generator)
