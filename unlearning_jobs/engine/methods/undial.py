"""Self-distillation with adjusted logits (Dong et al. 2024, UNDIAL, arXiv 2402.10052)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor

from unlearning_jobs.engine.families import Predictions

from .descent import Run, Term
from .gradient import FlooredDescent, mean_over_tokens
from .losses import reference_predictions


class Undial(FlooredDescent):
    """Descends the cross-entropy from softmax(the original's logits, with the right token's lowered by beta).

    The original is the teacher and stays as it is, so the target does not run away, and the run ends where the teacher
    without most of its memory would be. Only tokens of the answers to forget count; prompt and padding have no label and
    no part in the mean. The paper has no retain term, which is a retain weight of 0.
    """

    name: ClassVar[str] = "undial"
    per_answer: ClassVar[bool] = True

    def __init__(self, *, beta: float, **gradient: Any) -> None:
        super().__init__(**gradient)
        self.beta = beta

    def forget_term(self, run: Run) -> Term:
        measure = self.measured(run)

        def term(chosen: Sequence[int]) -> Tensor:
            answers, terms = measure(chosen)
            teacher = reference_predictions(run.start, run.forget.batch(chosen, run.context.device), run.context.counter)
            return mean_over_tokens(adjusted_distillation(answers, teacher.logits, self.beta), answers, terms)

        return term


def adjusted_distillation(answers: Predictions, teacher: Tensor, beta: float) -> Tensor:
    """Return the cross-entropy of every token from softmax(teacher - beta at the right token), (answers,).

    `teacher` is (answers, classes).
    """
    lowered = teacher - beta * F.one_hot(answers.labels, teacher.shape[-1])
    return F.cross_entropy(answers.logits, lowered.softmax(-1), reduction="none")
