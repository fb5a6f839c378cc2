"""Gradient ascent, held by the original's predictions (KL minimisation in TOFU: Maini et al. 2024, arXiv 2401.06121)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from unlearning_jobs.engine.families import Batch, Predictions
from unlearning_jobs.engine.training.model import TrainedModel

from .context import ExampleCounter
from .gradient import ForgetTerms, GradientMethod
from .losses import divergence, reference_predictions


class KlRetain(GradientMethod):
    """Descends minus the mean cross-entropy per token on examples to forget, plus KL(original || now) on others."""

    name: ClassVar[str] = "kl_retain"
    per_answer: ClassVar[bool] = True

    def forget_loss(self, terms: ForgetTerms) -> Tensor:
        return -(terms.active * terms.nll).sum() / terms.tokens.sum()

    def retain_loss(self, start: TrainedModel, batch: Batch, now: Predictions, counter: ExampleCounter) -> Tensor:
        return divergence(reference_predictions(start, batch, counter).logits, now.logits)
