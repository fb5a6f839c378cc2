"""Share of the examples whose class the model ranks first."""

from __future__ import annotations

from typing import ClassVar

from unlearning_jobs.engine.evaluation.outputs import Outputs

from .metric import MeanMetric, exists


class Accuracy(MeanMetric):
    """Averages the statistic over the examples of each set. Of texts, `exact_memorization` is the same share."""

    name: ClassVar[str] = "accuracy"
    statistic: ClassVar[str] = "accuracy"

    def applies(self, outputs: Outputs, name: str) -> bool:
        return super().applies(outputs, name) and not exists(outputs, name, "exact_memorization")
