"""Perplexity of the right answers."""

from __future__ import annotations

import math
from typing import ClassVar, Final

from unlearning_jobs.engine.evaluation.outputs import ModelKey, Outputs

from .metric import ModelMetric, exists

LARGEST: Final = 700.0
"""Of the mean loss: e to a larger power is no number in double precision."""
OF_TEXTS: Final = "min_k"
"""A statistic that only texts have."""


class Perplexity(ModelMetric):
    """Computes e to the mean loss per token, end-of-text included. Every example weighs the same, whatever its length."""

    name: ClassVar[str] = "perplexity"

    def applies(self, outputs: Outputs, name: str) -> bool:
        return exists(outputs, name, OF_TEXTS)

    def value(self, outputs: Outputs, model: ModelKey, name: str) -> float:
        return math.exp(min(LARGEST, -float(outputs.vector(model, name, "log_likelihood").mean())))
