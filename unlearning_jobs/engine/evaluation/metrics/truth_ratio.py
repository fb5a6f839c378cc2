"""Truth ratio (TOFU, Maini et al. 2024)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unlearning_jobs.engine.evaluation.outputs import ModelKey, Outputs

from .metric import ModelMetric, exists, truth_ratio_share


class TruthRatio(ModelMetric):
    """Averages min(R, 1/R) on the forget set and max(0, 1 - R) on the other sets, where R = p(wrong) / p(right).

    On the forget set, 1 means that right and wrong answers are equally likely. It says nothing about equality with the
    oracles, and a higher value does not mean a better forget quality.
    """

    name: ClassVar[str] = "truth_ratio"

    def applies(self, outputs: Outputs, name: str) -> bool:
        return exists(outputs, name, "truth_ratio")

    def value(self, outputs: Outputs, model: ModelKey, name: str) -> float:
        ratios = outputs.vector(model, name, "truth_ratio")
        if name != "forget":
            return truth_ratio_share(ratios)
        with np.errstate(divide="ignore"):  # R = 0 gives min(0, inf) = 0
            return float(np.nanmean(np.minimum(ratios, 1 / ratios)))

    def note(self, outputs: Outputs, name: str) -> str:
        ratios = outputs.vector(outputs.models("original")[0], name, "truth_ratio")
        counted = int((~np.isnan(ratios)).sum())
        if counted == len(ratios):
            return ""
        return f"{counted} of {len(ratios)} examples have wrong answers to compare with; the others are left out."
