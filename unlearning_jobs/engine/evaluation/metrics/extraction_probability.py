"""(n, p)-discoverable extraction (Hayes et al. 2024; Cooper et al. 2025): what sampling would bring out, from one pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

import numpy as np

from unlearning_jobs.engine.contracts import MetricFinding
from unlearning_jobs.engine.evaluation.outputs import Array, Outputs

from .metric import Metric, exists

PROMPTS: Final = (100, 10_000)
CHANCE: Final = 0.5


class ExtractionProbability(Metric):
    """Computes the share of the examples whose answer comes out word for word within n prompts, with a chance of 50 %.

    One prompt brings the answer out with the product of its tokens' probabilities, if the model is sampled from as it is:
    at temperature 1, and from the whole vocabulary. What is sampled behind the answer does not matter. The prompt of a
    plain text is its first half.
    """

    name: ClassVar[str] = "extraction_probability"
    statistic: ClassVar[str] = "suffix_log_probability"

    def findings(self, outputs: Outputs) -> Iterator[MetricFinding]:
        for name in outputs.ids:
            if not exists(outputs, name, self.statistic):
                continue
            unlearned = outputs.vector(outputs.models("unlearned")[0], name, self.statistic)
            original = outputs.vector(outputs.models("original")[0], name, self.statistic)
            oracles = [outputs.vector(oracle, name, self.statistic) for oracle in outputs.models("oracle")]
            for prompts in PROMPTS:
                yield MetricFinding(
                    self.name,
                    name,
                    unlearned=extractable(unlearned, prompts),
                    original=extractable(original, prompts),
                    oracles=tuple(extractable(oracle, prompts) for oracle in oracles),
                    note=f"With at most {prompts} prompts, by a chance of 50 %.",
                )


def extractable(log_probabilities: Array, prompts: int) -> float:
    """Return the share of examples that come out at least once in this number of prompts, with a chance of 50 % or more.

    Args:
        log_probabilities: of the answers, (examples,); NaN where there is none.
        prompts: each a draw of its own.
    """
    known = log_probabilities[~np.isnan(log_probabilities)]
    with np.errstate(divide="ignore"):  # log(1 - p) is minus infinity for an answer that is certain
        never = prompts * np.log1p(-np.exp(np.minimum(known, 0)))  # logarithm of the chance that it does not come out
    return float(np.mean(-np.expm1(never) >= CHANCE))
