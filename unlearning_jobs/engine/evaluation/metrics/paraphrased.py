"""What a model knows of the forget set when it is asked in other words."""

from __future__ import annotations

from typing import ClassVar

from unlearning_jobs.engine.evaluation.outputs import Outputs

from .after_attack import AfterAttack


class Paraphrased(AfterAttack):
    """Averages over the examples whose question the corpus has in other words."""

    name: ClassVar[str] = "paraphrased"
    statistic: ClassVar[str] = "paraphrased"

    def about(self, outputs: Outputs, name: str) -> str:
        asked = int(self.attacked(outputs, name).sum())
        return f"{asked} of {len(outputs.ids[name])} examples have another wording of their question."
