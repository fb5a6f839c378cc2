"""Membership by the loss against that of a reference model, forget set against held-out examples."""

from __future__ import annotations

from typing import ClassVar

from unlearning_jobs.engine.evaluation.outputs import Array, ModelKey, Outputs

from .membership import MembershipAttack


class Reference(MembershipAttack):
    """Compares how much likelier the model finds an example than the checkpoint does that it started from.

    An oracle is no reference here: it is what the value is compared with, and would say of itself that it knows nothing.
    """

    name: ClassVar[str] = "reference"
    statistic: ClassVar[str] = "reference_log_likelihood"

    def familiarity(self, outputs: Outputs, model: ModelKey, name: str) -> Array:
        return outputs.vector(model, name, "log_likelihood") - super().familiarity(outputs, model, name)
