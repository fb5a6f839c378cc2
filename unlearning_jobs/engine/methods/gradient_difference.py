"""Gradient difference (Liu et al. 2022, arXiv 2203.12817; GradDiff in TOFU and OpenUnlearning)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from .gradient import ForgetTerms, GradientMethod


class GradientDifference(GradientMethod):
    """Descends minus the mean cross-entropy per token of examples to forget, plus that of examples to retain."""

    name: ClassVar[str] = "gradient_difference"
    per_answer: ClassVar[bool] = True

    def forget_loss(self, terms: ForgetTerms) -> Tensor:
        return -(terms.active * terms.nll).sum() / terms.tokens.sum()
