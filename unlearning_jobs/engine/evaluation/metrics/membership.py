"""Attacks that tell the forget set from held-out examples by one number of each example (no shadow models)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unlearning_jobs.engine.evaluation.outputs import Array, ModelKey, Outputs
from unlearning_jobs.engine.evaluation.roc import auc, auc_interval

from .after_attack import compared
from .metric import ModelMetric

HELD_OUT = "held_out"


class MembershipAttack(ModelMetric):
    """Computes P(forget example above held-out example), the area under the ROC curve, by a statistic.

    At 1, the forget set looks like training data. Below the oracles' value, it was pushed below data that was never seen.
    The oracles' value need not be 1/2, because the two sets differ in more than membership. There is no finding without
    held-out examples, nor if a model has no number for an example.
    """

    statistic: ClassVar[str]
    """What the numbers come from."""

    def applies(self, outputs: Outputs, name: str) -> bool:
        return name == "forget" and all(
            examples in outputs.ids and bool(np.isfinite(self.familiarity(outputs, model, examples)).all())
            for examples in (name, HELD_OUT)
            for model in compared(outputs)
        )

    def familiarity(self, outputs: Outputs, model: ModelKey, name: str) -> Array:
        """Return a number for each example of a set, higher for what the model has learned."""
        return outputs.vector(model, name, self.statistic)

    def value(self, outputs: Outputs, model: ModelKey, name: str) -> float:
        return auc(*(self.familiarity(outputs, model, examples) for examples in (name, HELD_OUT)))

    def note(self, outputs: Outputs, name: str) -> str:
        forget, held_out = len(outputs.ids[name]), len(outputs.ids[HELD_OUT])
        shipped = self.value(outputs, outputs.models("unlearned")[0], name)
        low, high = auc_interval(shipped, forget, held_out)
        return (
            f"{forget} forget examples against {held_out} held-out examples. For so many, the unlearned model's value is"
            f" known from {low:.3f} to {high:.3f} (95 %)."
        )


def forget_above_held_out(outputs: Outputs, model: ModelKey, statistic: str) -> float:
    """Return the share of pairs in which the forget example has the higher value, ties counting half."""
    return auc(*(outputs.vector(model, name, statistic) for name in ("forget", HELD_OUT)))
