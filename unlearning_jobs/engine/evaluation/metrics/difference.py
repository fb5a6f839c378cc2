"""What an old model gives away beside the new one (Chen et al. 2021; Bertran et al. 2024)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unlearning_jobs.engine.evaluation.outputs import Array, ModelKey, Outputs
from unlearning_jobs.engine.evaluation.roc import auc

from .after_attack import compared
from .metric import ModelMetric, exists


class Difference(ModelMetric):
    """Computes P(an example to forget lost more than a held-out one), from the original to the model.

    What it lost is its log-likelihood, or its margin where there is none.
    """

    name: ClassVar[str] = "difference"

    def applies(self, outputs: Outputs, name: str) -> bool:
        if name != "forget" or "held_out" not in outputs.ids:
            return False
        lost = (_lost(outputs, model, part) for model in compared(outputs) for part in (name, "held_out"))
        return not any(np.isnan(one).any() for one in lost)

    def value(self, outputs: Outputs, model: ModelKey, name: str) -> float:
        return auc(*(_lost(outputs, model, part) for part in (name, "held_out")))

    def note(self, outputs: Outputs, name: str) -> str:
        return (
            f"{len(outputs.ids[name])} forget examples against {len(outputs.ids['held_out'])} held-out examples. It is high"
            " after exact retraining too, so old copies have to be destroyed."
        )


def _lost(outputs: Outputs, model: ModelKey, name: str) -> Array:
    statistic = "log_likelihood" if exists(outputs, name, "log_likelihood") else "margin"
    original = outputs.vector(outputs.models("original")[0], name, statistic)
    with np.errstate(invalid="ignore"):  # both may be minus infinity
        return original - outputs.vector(model, name, statistic)
