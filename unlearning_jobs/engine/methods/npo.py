"""Negative preference optimisation (Zhang et al. 2024, arXiv 2404.05868)."""

from __future__ import annotations

from typing import Any, ClassVar

import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor

from .gradient import ForgetTerms, GradientMethod


class Npo(GradientMethod):
    """Descends (2 / beta) x mean of log(1 + (p / p_start)^beta) over examples to forget, plus a retain term.

    p is the likelihood of the whole answer. p_start is its likelihood in the original model, which is computed once, so
    that no second model has to be kept.
    """

    name: ClassVar[str] = "npo"

    def __init__(self, *, beta: float, **gradient: Any) -> None:
        super().__init__(**gradient)
        self.beta = beta

    def forget_loss(self, terms: ForgetTerms) -> Tensor:
        losses = -F.logsigmoid(self.beta * (terms.nll - terms.start_nll))
        return (2 / self.beta) * (terms.active * losses).sum() / len(losses)
