"""Forget quality (TOFU, Maini et al. 2024)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np
from scipy.stats import ks_2samp

from unlearning_jobs.engine.contracts import MetricFinding
from unlearning_jobs.engine.evaluation.outputs import Array, ModelKey, Outputs

from .metric import Metric, exists


class ForgetQuality(Metric):
    """Compares a model's truth ratios on the forget set with an oracle's: two-sided Kolmogorov-Smirnov p-value.

    With several oracles, the value is the median of the p-values. An oracle's value is its median against the other
    oracles. The note gives D and n, because the smallest possible p depends on n alone and is reached at D = 1, which
    complete over-forgetting gives just as complete remembering does.
    """

    name: ClassVar[str] = "forget_quality"
    against_oracles: ClassVar[bool] = True

    def findings(self, outputs: Outputs) -> Iterator[MetricFinding]:
        if not exists(outputs, "forget", "truth_ratio"):
            return
        oracles = [_ratios(outputs, model) for model in outputs.models("oracle")]
        others = [oracles[:i] + oracles[i + 1 :] for i in range(len(oracles))] if len(oracles) > 1 else []
        production = _ratios(outputs, outputs.models("unlearned")[0])
        tests = [ks_2samp(production, oracle) for oracle in oracles]
        p_values = ", ".join(f"{test.pvalue:.3g}" for test in tests)
        distance = float(np.median([test.statistic for test in tests]))
        yield MetricFinding(
            self.name,
            "forget",
            unlearned=float(np.median([test.pvalue for test in tests])),
            original=_median_p(_ratios(outputs, outputs.models("original")[0]), oracles),
            oracles=tuple(map(_median_p, oracles, others)),
            note=f"Median over {len(oracles)} oracles; D = {distance:.3f}, n = {len(production)}; p per oracle: {p_values}.",
        )


def _ratios(outputs: Outputs, model: ModelKey) -> Array:
    ratios = outputs.vector(model, "forget", "truth_ratio")  # (examples,), NaN without wrong alternatives
    return np.asarray(ratios[~np.isnan(ratios)])


def _median_p(ratios: Array, oracles: Sequence[Array]) -> float:
    return float(np.median([ks_2samp(ratios, oracle).pvalue for oracle in oracles]))
