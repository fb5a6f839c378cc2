"""What a model knows of the forget set after it was fine-tuned on a few of its examples (Hu et al. 2024)."""

from __future__ import annotations

from typing import ClassVar

from unlearning_jobs.engine.evaluation.outputs import Outputs

from .after_attack import AfterAttack


class Relearning(AfterAttack):
    """Averages over the examples that the attacker did not have.

    There is no finding if any model could not be attacked, because a loss became infinite.
    """

    name: ClassVar[str] = "relearning"
    statistic: ClassVar[str] = "relearned"

    def about(self, outputs: Outputs, name: str) -> str:
        others = int(self.attacked(outputs, name).sum())
        return f"Fine-tuned on {len(outputs.ids[name]) - others} of the forget examples, measured on the {others} others."
