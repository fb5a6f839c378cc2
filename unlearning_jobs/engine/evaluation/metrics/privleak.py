"""PrivLeak (MUSE, Shi et al. 2024): how far Min-K% membership inference is from what it finds in oracles, in per cent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from unlearning_jobs.engine.contracts import MetricFinding
from unlearning_jobs.engine.evaluation.outputs import ModelKey, Outputs

from .membership import forget_above_held_out
from .metric import Metric, exists

STATISTIC = "min_k"


class PrivLeak(Metric):
    """Computes (AUC - AUC of the oracles) / AUC of the oracles, in per cent; 0 is as the oracles.

    MUSE's AUC is that of taking a held-out example for the more familiar one, so this is -100 % where every forget example
    is more familiar than every held-out one, and positive where they were pushed below. MUSE divides by the AUC of a single
    model trained once; here it is the mean of all oracles, and an oracle is compared with the other ones. An AUC of 0
    cannot be divided by: half a pair stands in its place.
    """

    name: ClassVar[str] = "privleak"
    against_oracles: ClassVar[bool] = True

    def findings(self, outputs: Outputs) -> Iterator[MetricFinding]:
        if not (exists(outputs, "forget", STATISTIC) and exists(outputs, "held_out", STATISTIC)):
            return
        smallest = 0.5 / (len(outputs.ids["forget"]) * len(outputs.ids["held_out"]))
        oracles = [_auc(outputs, model) for model in outputs.models("oracle")]
        unlearned, original = _auc(outputs, outputs.models("unlearned")[0]), _auc(outputs, outputs.models("original")[0])
        mean = float(np.mean(oracles))
        yield MetricFinding(
            self.name,
            "forget",
            unlearned=leak(unlearned, mean, smallest),
            original=leak(original, mean, smallest),
            oracles=tuple(
                leak(own, float(np.mean(others)), smallest)
                for i, own in enumerate(oracles)
                if (others := oracles[:i] + oracles[i + 1 :])
            ),
            note=(
                f"AUC of held-out against forget examples by Min-K%: {unlearned:.3f}, and {mean:.3f} on average over"
                f" {len(oracles)} oracles. The smaller the latter, the more a small difference counts."
            ),
        )


def leak(auc: float, of_oracles: float, smallest: float) -> float:
    """Return the difference in per cent of the oracles' AUC, or of the smallest one that can be told from 0."""
    return 100 * (auc - of_oracles) / max(of_oracles, smallest)


def _auc(outputs: Outputs, model: ModelKey) -> float:
    return 1 - forget_above_held_out(outputs, model, STATISTIC)
