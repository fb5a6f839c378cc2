"""Metrics: one small class per file, listed here. Each is computed from the raw outputs alone."""

from __future__ import annotations

from typing import Final

from .accuracy import Accuracy
from .auc_distance import AucDistance
from .exact_memorization import ExactMemorization
from .extraction_strength import ExtractionStrength
from .forget_quality import ForgetQuality
from .gaussian_kl import GaussianKl
from .klom import Klom
from .lira_offline import LiraOffline
from .lira_online import LiraOnline
from .metric import Metric
from .min_k import MinK
from .model_utility import ModelUtility
from .neurips_2023 import NeurIPS2023
from .population_attack import PopulationAttack
from .probability import Probability
from .rmia import Rmia
from .rouge_l import RougeL
from .truth_ratio import TruthRatio
from .u_lira import ULira

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
        Klom,
        GaussianKl,
        AucDistance,
        ULira,
        NeurIPS2023,
        LiraOnline,
        LiraOffline,
        Rmia,
        PopulationAttack,
    )
}

__all__ = ["METRICS", "Metric"]
