"""Two teachers, one of whom knows little (Chundawat et al. 2023, Can Bad Teaching Induce Forgetting?, arXiv 2205.08096)."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from unlearning_jobs.engine.contracts import Progress, ProgressCallback
from unlearning_jobs.engine.families import Batch, Predictions
from unlearning_jobs.engine.families.weights import learned
from unlearning_jobs.engine.training.loop import StepCallback
from unlearning_jobs.engine.training.model import TrainedModel

from .context import Context, ExampleCounter
from .descent import Run, Term
from .gradient import FlooredDescent
from .losses import divergence, reference_predictions
from .resetting import starting_values

FIRST = 1000
"""Units of progress of the training of the teacher that knows little."""
SEEDS = 2**31


class BadTeaching(FlooredDescent):
    """Teaches the model to answer the examples to forget as a model does that knows little, and all others as before.

    It descends KL(bad teacher || now) on the examples to forget, plus `ascent_weight` times gradient ascent that rests at
    the level of held-out examples, plus a retain term: the cross-entropy of the right answers, or KL(original || now). The
    paper's bad teacher has random weights, its good one is the original, and it has no ascent: a `teacher_share` and an
    `ascent_weight` of 0, and `retain` "original". A random teacher answers unlike any model that was trained, and the result
    can be told by that. So ours is trained by the recipe on a share of the examples to retain: it has seen nothing of what
    is to be forgotten, and answers as a smaller retraining would. Without a share, it is what a training starts from, which
    is the checkpoint if there is one. Every model has a teacher of its own.
    """

    name: ClassVar[str] = "bad_teaching"
    per_answer: ClassVar[bool] = True
    bad: TrainedModel
    """The teacher that knows little. Only the copy that teaches one model has it: a method keeps nothing of its runs."""

    def __init__(self, *, teacher_share: float, ascent_weight: float, retain: str, **descent: Any) -> None:
        super().__init__(**descent)
        self.retain = retain
        self.teacher_share = teacher_share
        self.ascent_weight = ascent_weight

    def unlearn(self, model: TrainedModel, context: Context, on_progress: ProgressCallback) -> TrainedModel:
        """See `UnlearningMethod`.

        Raises:
            ObstacleError: the ascent should rest at the level of held-out examples, and there are none.
            TrainingDivergedError: a loss became NaN or infinite.
        """

        def training(done: int, total: int, _loss: float) -> None:
            on_progress(Progress("unlearn", FIRST * done // total, FIRST + self.steps))

        def teaching(progress: Progress) -> None:
            on_progress(replace(progress, done=FIRST + progress.done, total=FIRST + progress.total))

        lessons = copy(self)
        lessons.bad = self.bad_teacher(model, context, training)
        return super(BadTeaching, lessons).unlearn(model, context, teaching)

    def bad_teacher(self, model: TrainedModel, context: Context, on_step: StepCallback) -> TrainedModel:
        """Return a model of the recipe that knows a share of the examples to retain, or nothing of the corpus."""
        generator = torch.Generator().manual_seed(context.seed)
        seed = free_seed(context, generator)
        if self.teacher_share:
            count = max(1, round(self.teacher_share * len(context.retain_ids)))
            order = torch.randperm(len(context.retain_ids), generator=generator).tolist()
            left_out = [context.retain_ids[position] for position in sorted(order[count:])]
            return context.train((*context.exclude_ids, *left_out), seed, on_step)
        teacher = model.copy_to(context.device)
        with torch.no_grad():
            for weights, new in zip(
                learned(teacher.network), starting_values(teacher.network, teacher.family, seed), strict=True
            ):
                weights.copy_(new)
        return teacher

    def forget_term(self, run: Run) -> Term:
        measure = self.measured(run) if self.ascent_weight else None

        def term(chosen: Sequence[int]) -> Tensor:
            batch = run.forget.batch(chosen, run.context.device)
            answers = reference_predictions(self.bad, batch, run.context.counter).logits
            if measure is None:
                return divergence(answers, run.predict(batch).logits)
            now, terms = measure(chosen)
            ascent = -(terms.active * terms.nll).sum() / terms.tokens.sum()
            return divergence(answers, now.logits) + self.ascent_weight * ascent

        return term

    def retain_loss(self, start: TrainedModel, batch: Batch, now: Predictions, counter: ExampleCounter) -> Tensor:
        if self.retain == "labels":
            return super().retain_loss(start, batch, now, counter)
        return divergence(reference_predictions(start, batch, counter).logits, now.logits)


def free_seed(context: Context, generator: torch.Generator) -> int:
    """Draw a seed that no model has which the result is compared with."""
    while (seed := int(torch.randint(SEEDS, (), generator=generator))) in {*context.taken_seeds, context.seed}:
        continue
    return seed
