"""Metrics: one small class per file, listed here. Each is worked out from the raw outputs alone."""

from __future__ import annotations

from typing import Final

from .accuracy import Accuracy
from .exact_memorization import ExactMemorization
from .extraction_strength import ExtractionStrength
from .forget_quality import ForgetQuality
from .metric import Metric
from .min_k import MinK
from .model_utility import ModelUtility
from .probability import Probability
from .rouge_l import RougeL
from .truth_ratio import TruthRatio

METRICS: Final[dict[str, type[Metric]]] = {
    metric.name: metric
    for metric in (
        Accuracy,
        ExactMemorization,
        ExtractionStrength,
        Probability,
        RougeL,
        TruthRatio,
        ForgetQuality,
        ModelUtility,
        MinK,
    )
}

__all__ = ["METRICS", "Metric"]
