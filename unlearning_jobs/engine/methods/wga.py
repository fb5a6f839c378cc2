"""Weighted gradient ascent (Wang et al. 2025, Rethinking LLM Unlearning Objectives, arXiv 2502.19301)."""

from __future__ import annotations

from typing import Any, ClassVar

import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor

from unlearning_jobs.engine.families import Predictions

from .gradient import TokenMethod


class Wga(TokenMethod):
    """Ascends the loss of every token to forget, weighted by p^beta, and descends a retain term.

    p is the probability that the model gives the token now. No gradient flows through the weight, which cancels the factor
    1 / p by which plain ascent pulls hardest at tokens that are unlikely already. The paper sums over the tokens of an
    answer and averages over answers; here, as in gradient ascent, the mean is over all tokens of the batch.
    """

    name: ClassVar[str] = "wga"

    def __init__(self, *, beta: float, **gradient: Any) -> None:
        super().__init__(**gradient)
        self.beta = beta

    def token_losses(self, answers: Predictions) -> Tensor:
        losses = F.cross_entropy(answers.logits, answers.labels, reduction="none")  # (answers,)
        return -((-losses.detach()).exp() ** self.beta) * losses
