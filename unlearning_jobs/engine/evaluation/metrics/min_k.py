"""Min-K% membership inference (Shi et al. 2024), forget set against held-out examples."""

from __future__ import annotations

from typing import ClassVar

from scipy.stats import mannwhitneyu

from unlearning_jobs.engine.evaluation.outputs import ModelKey, Outputs

from .metric import ModelMetric, exists


class MinK(ModelMetric):
    """Probability that a forget example's lowest 40 % of token log-probabilities average above a held-out example's.

    1: the forget set looks like training data; below the oracles' value: it was pushed below what was never seen.
    The oracles' value need not be 1/2, because the two sets differ in more than membership.
    """

    name: ClassVar[str] = "min_k"

    def applies(self, outputs: Outputs, name: str) -> bool:
        return name == "forget" and exists(outputs, "held_out", "min_k")

    def value(self, outputs: Outputs, model: ModelKey, name: str) -> float:
        forget, held_out = outputs.one(model, name, "min_k"), outputs.one(model, "held_out", "min_k")
        return float(mannwhitneyu(forget, held_out).statistic / (len(forget) * len(held_out)))

    def note(self, outputs: Outputs, name: str) -> str:
        return f"{len(outputs.ids[name])} forget against {len(outputs.ids['held_out'])} held-out examples."
