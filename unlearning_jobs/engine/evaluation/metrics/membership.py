"""Attacks that tell the forget set from held-out examples by one number of each example (no shadow models)."""

from __future__ import annotations

from typing import ClassVar

from unlearning_jobs.engine.evaluation.outputs import ModelKey, Outputs
from unlearning_jobs.engine.evaluation.roc import auc

from .metric import ModelMetric, exists


class MembershipAttack(ModelMetric):
    """Computes P(forget example above held-out example), the area under the ROC curve, by a statistic.

    At 1, the forget set looks like training data. Below the oracles' value, it was pushed below data that was never seen.
    The oracles' value need not be 1/2, because the two sets differ in more than membership.
    """

    statistic: ClassVar[str]
    """Higher for what the model has learned."""

    def applies(self, outputs: Outputs, name: str) -> bool:
        return name == "forget" and exists(outputs, name, self.statistic) and exists(outputs, "held_out", self.statistic)

    def value(self, outputs: Outputs, model: ModelKey, name: str) -> float:  # noqa: ARG002  # it compares two sets
        return forget_above_held_out(outputs, model, self.statistic)

    def note(self, outputs: Outputs, name: str) -> str:
        return f"{len(outputs.ids[name])} forget examples against {len(outputs.ids['held_out'])} held-out examples."


def forget_above_held_out(outputs: Outputs, model: ModelKey, statistic: str) -> float:
    """Return the share of pairs in which the forget example has the higher value, ties counting half."""
    return auc(*(outputs.vector(model, name, statistic) for name in ("forget", "held_out")))
