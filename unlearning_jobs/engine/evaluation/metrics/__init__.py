"""Metrics: one small class per file, listed here. Each is computed from the raw outputs alone."""

from __future__ import annotations

from typing import Final

from .accuracy import Accuracy
from .auc_distance import AucDistance
from .conversation import Conversation
from .difference import Difference
from .exact_memorization import ExactMemorization
from .extraction_probability import ExtractionProbability
from .extraction_strength import ExtractionStrength
from .forget_quality import ForgetQuality
from .gaussian_kl import GaussianKl
from .gradient_norm import GradientNorm
from .hinted import Hinted
from .klom import Klom
from .lens import Lens
from .lira_offline import LiraOffline
from .lira_online import LiraOnline
from .metric import Metric
from .min_k import MinK
from .min_k_plus_plus import MinKPlusPlus
from .model_utility import ModelUtility
from .multiple_choice import MultipleChoice
from .neurips_2023 import NeurIPS2023
from .paraphrased import Paraphrased
from .passages import PassageExtraction, PassagePrompts, VerbatimBlock
from .perplexity import Perplexity
from .population_attack import PopulationAttack
from .prefix import Prefix, PrefixExtraction
from .privleak import PrivLeak
from .probability import Probability
from .probe import Probe
from .quantized import Quantized4, Quantized8
from .reference import Reference
from .relearning import Relearning
from .rmia import Rmia
from .rouge_l import RougeL
from .truth_ratio import TruthRatio
from .u_lira import ULira
from .verbatim import Verbatim
from .zlib_ratio import ZlibRatio

METRICS: Final[dict[str, type[Metric]]] = {
    metric.name: metric
    for metric in (
        Accuracy,
        ExactMemorization,
        ExtractionStrength,
        ExtractionProbability,
        PassageExtraction,
        PassagePrompts,
        VerbatimBlock,
        Probability,
        Perplexity,
        RougeL,
        Verbatim,
        TruthRatio,
        MultipleChoice,
        ForgetQuality,
        ModelUtility,
        MinK,
        MinKPlusPlus,
        ZlibRatio,
        GradientNorm,
        Reference,
        PrivLeak,
        Relearning,
        Klom,
        GaussianKl,
        AucDistance,
        ULira,
        NeurIPS2023,
        LiraOnline,
        LiraOffline,
        Rmia,
        PopulationAttack,
        Quantized8,
        Quantized4,
        Hinted,
        Conversation,
        Prefix,
        PrefixExtraction,
        Paraphrased,
        Lens,
        Probe,
        Difference,
    )
}

__all__ = ["METRICS", "Metric"]
