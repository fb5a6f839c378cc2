"""Reweighting by saturation and importance (Yang et al. 2025, SatImp, arXiv 2505.11953)."""

from __future__ import annotations

from typing import Any, ClassVar

import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor

from unlearning_jobs.engine.families import Predictions

from .gradient import TokenMethod


class SatImp(TokenMethod):
    """Ascends the loss of every token to forget, weighted by p^saturation x (1 - p)^importance, plus a retain term.

    p is the probability that the model gives the token now; no gradient flows through the weight. The first factor spares
    what is unlikely already, the second one tokens that are certain from their context whatever was learned. The paper calls
    the exponents beta1 and beta2. A token whose probability rounds to 1 has the weight 0. The mean is over all tokens of the
    batch, as in the authors' code.
    """

    name: ClassVar[str] = "satimp"

    def __init__(self, *, saturation: float, importance: float, **gradient: Any) -> None:
        super().__init__(**gradient)
        self.saturation = saturation
        self.importance = importance

    def token_losses(self, answers: Predictions) -> Tensor:
        losses = F.cross_entropy(answers.logits, answers.labels, reduction="none")  # (answers,)
        fixed = losses.detach()
        p, others = (-fixed).exp(), -(-fixed).expm1()  # 1 - p without cancellation
        return -(p**self.saturation) * others**self.importance * losses
