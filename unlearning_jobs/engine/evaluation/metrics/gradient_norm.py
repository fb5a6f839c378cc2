"""Membership by the norm of gradients (MUSE and OpenUnlearning), forget set against held-out examples."""

from __future__ import annotations

from typing import ClassVar

from unlearning_jobs.engine.evaluation.outputs import Array, ModelKey, Outputs

from .membership import MembershipAttack


class GradientNorm(MembershipAttack):
    """Compares how little each example pulls at the weights: what a model has learned hardly does."""

    name: ClassVar[str] = "gradient_norm"
    statistic: ClassVar[str] = "gradient_norm"

    def familiarity(self, outputs: Outputs, model: ModelKey, name: str) -> Array:
        return -super().familiarity(outputs, model, name)
