"""What a model knows of the forget set when it is asked again."""

from __future__ import annotations

from typing import ClassVar

from unlearning_jobs.engine.evaluation.outputs import Outputs

from .after_attack import AfterAttack


class Conversation(AfterAttack):
    """Averages over the examples that have a question, and that there was room for the turns before."""

    name: ClassVar[str] = "conversation"
    statistic: ClassVar[str] = "conversation"

    def about(self, outputs: Outputs, name: str) -> str:
        asked = int(self.attacked(outputs, name).sum())
        return f"{asked} of {len(outputs.ids[name])} examples could be asked so often."
