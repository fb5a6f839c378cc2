"""Unlearning by another method, then distilling into noised weights (Lee et al. 2025, arXiv 2506.06278)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar, Final

import torch
from torch import Tensor

from unlearning_jobs.engine.contracts import MethodChoice, Progress, ProgressCallback, Recipe
from unlearning_jobs.engine.families import Batch, Predictions
from unlearning_jobs.engine.families.weights import learned
from unlearning_jobs.engine.training.model import TrainedModel

from .context import Context, UnlearningMethod
from .finetune import Pass, fine_tune
from .losses import divergence, reference_predictions
from .resetting import SEEDS, starting_values

FIRST: Final = 1000
"""Units of progress of the method that unlearns first."""


class DistilNoised:
    """Sets w <- (1 - alpha) w_unlearned + alpha w_fresh for all that learns, and distils the unlearned model into it.

    w_unlearned is what `teacher` made, with its default settings for models of the recipe. w_fresh is what another training
    would start from: random weights, those of the checkpoint, or a new adapter. (The paper adds random weights to those of
    a checkpoint too; ours then start from what never saw the corpus.) The distillation descends KL(teacher || now) on the
    answers to the examples to retain. Nothing is learned from the examples to forget.
    """

    name: ClassVar[str] = "distil_noised"
    make: Callable[[MethodChoice, Recipe], UnlearningMethod]
    """Makes the method that unlearns first; set by whoever has the table of all methods."""

    def __init__(self, *, teacher: str, alpha: float, epochs: int, learning_rate_share: float, temperature: float) -> None:
        self.teacher = teacher
        self.alpha = alpha
        self.epochs = epochs
        self.learning_rate_share = learning_rate_share
        self.temperature = temperature

    def unlearn(self, model: TrainedModel, context: Context, on_progress: ProgressCallback) -> TrainedModel:
        """See `UnlearningMethod`. The curves are those of the distillation.

        Raises:
            ObstacleError: something is missing that the teacher needs.
            TrainingDivergedError: a loss became NaN or infinite.
        """
        recipe = context.training_data.recipe
        retain = context.training_data.without(context.exclude_ids)
        steps = self.epochs * math.ceil(len(retain) / recipe.batch_size)

        # 1. Unlearn.
        def unlearning(progress: Progress) -> None:
            done = FIRST * progress.done // max(1, progress.total)
            on_progress(Progress(progress.stage, done, FIRST + steps))

        first = self.make(MethodChoice(self.teacher), recipe)
        teacher = first.unlearn(model, replace(context, on_margins=None), unlearning)

        # 2. Move a copy towards weights that never saw the corpus.
        student, generator = teacher.copy_to(context.device), torch.Generator().manual_seed(context.seed)
        fresh = starting_values(student.network, student.family, int(torch.randint(SEEDS, (), generator=generator)))
        with torch.no_grad():
            for tensor, new in zip(learned(student.network), fresh, strict=True):
                tensor.lerp_(new.to(tensor.device), self.alpha)

        # 3. Teach it the unlearned model's answers.
        def imitate(predictions: Predictions, batch: Batch, _positions: Sequence[int]) -> Tensor:
            answers = reference_predictions(teacher, batch, context.counter)
            return divergence(answers.logits, predictions.logits, self.temperature)

        passes = [Pass(retain, recipe.batch_size, imitate)] * self.epochs
        fine_tune(student, passes, context, on_progress, peak_share=self.learning_rate_share, before=FIRST)
        return student
