"""Min-K% membership inference (Shi et al. 2024), forget set against held-out examples."""

from __future__ import annotations

from typing import ClassVar

from scipy.stats import mannwhitneyu

from unlearning_jobs.engine.evaluation.outputs import ModelKey, Outputs

from .metric import ModelMetric, exists


class MinK(ModelMetric):
    """Compares the mean of the lowest 40 % of token log-probabilities: P(forget example above held-out example).

    At 1, the forget set looks like training data. Below the oracles' value, it was pushed below data that was never seen.
    The oracles' value need not be 1/2, because the two sets differ in more than membership.
    """

    name: ClassVar[str] = "min_k"

    def applies(self, outputs: Outputs, name: str) -> bool:
        return name == "forget" and exists(outputs, "held_out", "min_k")

    def value(self, outputs: Outputs, model: ModelKey, name: str) -> float:
        forget, held_out = outputs.vector(model, name, "min_k"), outputs.vector(model, "held_out", "min_k")
        return float(mannwhitneyu(forget, held_out).statistic / (len(forget) * len(held_out)))

    def note(self, outputs: Outputs, name: str) -> str:
        return f"{len(outputs.ids[name])} forget examples against {len(outputs.ids['held_out'])} held-out examples."
