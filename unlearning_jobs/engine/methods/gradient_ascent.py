"""Gradient ascent on the forget set (Jang et al. 2023, arXiv 2210.01504)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from .gradient import ForgetTerms, GradientMethod


class GradientAscent(GradientMethod):
    """Descends minus the mean cross-entropy per token of examples to forget, without a retain term."""

    name: ClassVar[str] = "gradient_ascent"
    per_answer: ClassVar[bool] = True

    def forget_loss(self, terms: ForgetTerms) -> Tensor:
        return -(terms.active * terms.nll).sum() / terms.tokens.sum()
