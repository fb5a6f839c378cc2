"""How well a linear probe tells the forget set from held-out examples by the inside of a network."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unlearning_jobs.engine.evaluation.outputs import Outputs

from .after_attack import compared
from .membership import MembershipAttack


class Probe(MembershipAttack):
    """Compares the scores of a probe that was fitted to other examples, if every model has them."""

    name: ClassVar[str] = "probe"
    statistic: ClassVar[str] = "probe"

    def applies(self, outputs: Outputs, name: str) -> bool:
        return super().applies(outputs, name) and all(
            np.isfinite(outputs.vector(model, examples, self.statistic)).all()
            for model in compared(outputs)
            for examples in (name, "held_out")
        )
