"""Simple negative preference optimisation (Fan et al. 2024, SimNPO, arXiv 2410.07163)."""

from __future__ import annotations

from typing import Any, ClassVar

import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor

from .gradient import ForgetTerms, GradientMethod


class SimNpo(GradientMethod):
    """Descends (2 / beta) x mean of log(1 + exp(beta x (delta - nll / tokens))) over examples to forget, plus a retain term.

    Unlike in NPO, the original model is no reference: what counts is the likelihood of the answer per token, so the force
    depends neither on the length of an answer nor on how well the original knew it. It fades once the loss per token exceeds
    delta. The paper's margin gamma is beta x delta.
    """

    name: ClassVar[str] = "simnpo"

    def __init__(self, *, beta: float, delta: float, **gradient: Any) -> None:
        super().__init__(**gradient)
        self.beta = beta
        self.delta = delta

    def forget_loss(self, terms: ForgetTerms) -> Tensor:
        losses = -F.logsigmoid(self.beta * (terms.nll / terms.tokens - self.delta))
        return (2 / self.beta) * (terms.active * losses).sum() / len(losses)
