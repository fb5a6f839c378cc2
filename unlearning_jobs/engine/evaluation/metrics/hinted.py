"""What a model knows of the forget set after other examples of it as hints."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unlearning_jobs.engine.evaluation.outputs import Outputs

from .after_attack import AfterAttack, compared


class Hinted(AfterAttack):
    """Averages over the examples that the attacker does not have, and that there was room for a hint beside."""

    name: ClassVar[str] = "hinted"
    statistic: ClassVar[str] = "hinted"

    def about(self, outputs: Outputs, name: str) -> str:
        given = outputs.vector(compared(outputs)[0], name, "hints")
        fewest, most = (int(end(given[given > 0])) for end in (np.min, np.max))
        hints = f"{most}" if fewest == most else f"{fewest} to {most}"
        without = int((given == 0).sum())
        return (
            f"{hints} of the forget examples stood before each of {int((given > 0).sum())} others, as many as the context"
            f" holds.{f' Beside {without} there was no room for any.' if without else ''}"
        )
