"""Model utility (TOFU, Maini et al. 2024)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from scipy.stats import hmean

from unlearning_jobs.engine.evaluation.outputs import ModelKey, Outputs

from .metric import ModelMetric, exists, truth_ratio_share

SETS = ("retain", "real_authors", "world_facts")


class ModelUtility(ModelMetric):
    """Takes the harmonic mean of probability, ROUGE-L recall and truth ratio over the sets that exist: at most nine terms.

    As in TOFU, the probability is that of the answer on the retain set, and that among the options on the other sets.
    """

    name: ClassVar[str] = "model_utility"

    def applies(self, outputs: Outputs, name: str) -> bool:
        return name == "retain" and exists(outputs, "retain", "rouge_l")

    def value(self, outputs: Outputs, model: ModelKey, name: str) -> float:  # noqa: ARG002  # it covers several sets
        values = [_term(outputs, model, set_name, statistic) for set_name, statistic in _terms(outputs)]
        return float(hmean(np.maximum(values, 0)))

    def note(self, outputs: Outputs, name: str) -> str:  # noqa: ARG002  # as above
        terms = [f"{set_name} {statistic}" for set_name, statistic in _terms(outputs)]
        return f"Harmonic mean of {len(terms)} of TOFU's 9 terms: {', '.join(terms)}."


def _terms(outputs: Outputs) -> Iterator[tuple[str, str]]:
    for name in SETS:
        for statistic in ("probability" if name == "retain" else "normalised_probability", "rouge_l", "truth_ratio"):
            if exists(outputs, name, statistic):
                yield name, statistic


def _term(outputs: Outputs, model: ModelKey, name: str, statistic: str) -> float:
    values = outputs.vector(model, name, statistic)
    return truth_ratio_share(values) if statistic == "truth_ratio" else float(np.nanmean(values))
