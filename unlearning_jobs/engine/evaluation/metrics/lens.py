"""What of the forget set can be read from an inner layer (logit lens)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unlearning_jobs.engine.evaluation.outputs import Outputs

from .after_attack import AfterAttack, compared


class Lens(AfterAttack):
    """Averages over the forget set, if the same layer was read in every model."""

    name: ClassVar[str] = "lens"
    statistic: ClassVar[str] = "lens"

    def applies(self, outputs: Outputs, name: str) -> bool:
        return super().applies(outputs, name) and len(_layers(outputs, name)) == 1

    def about(self, outputs: Outputs, name: str) -> str:
        [layer] = _layers(outputs, name)
        return f"Read from layer {layer:.0f}, where the original knows the forget set best."


def _layers(outputs: Outputs, name: str) -> set[float]:
    vectors = [outputs.vector(model, name, "lens_layer") for model in compared(outputs)]
    return set(np.unique(np.concatenate(vectors)).tolist())
