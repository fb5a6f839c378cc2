"""Metrics: reported beside the verdict, never the verdict itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .entry import MetricEntry

METRICS: Final[Mapping[str, MetricEntry]] = {
    entry.name: entry
    for entry in (
        MetricEntry(
            "accuracy",
            "Accuracy",
            "Everybody's",
            "Share of the examples whose class a classifier ranks first.",
        ),
        MetricEntry(
            "exact_memorization",
            "Exact memorisation",
            "OpenUnlearning (Dorna et al. 2025); Tirumala et al. 2022, arXiv 2205.10770",
            "Share of the answer's tokens that the model ranks first, each given the true ones before it.",
        ),
        MetricEntry(
            "extraction_strength",
            "Extraction strength",
            "Carlini et al. 2021, arXiv 2012.07805, as in OpenUnlearning",
            "Share of the answer that follows, every token ranked first, from the shortest prefix that suffices."
            " Where no suffix follows it is 0; OpenUnlearning's code then gives 1 over the answer's length.",
        ),
        MetricEntry(
            "probability",
            "Probability",
            "TOFU (Maini et al. 2024, arXiv 2401.06121)",
            "Geometric mean of the probabilities of the answer's tokens, end-of-text included.",
        ),
        MetricEntry(
            "rouge_l",
            "ROUGE-L recall",
            "Lin 2004; TOFU",
            "Longest common subsequence of the greedy answer and the true one, as a share of the true one's words, stemmed.",
        ),
        MetricEntry(
            "truth_ratio",
            "Truth ratio",
            "TOFU",
            "R = probability of wrong answers over that of the right one, paraphrased. On the forget set the mean of"
            " min(R, 1/R), elsewhere of max(0, 1 - R).",
        ),
        MetricEntry(
            "forget_quality",
            "Forget quality",
            "TOFU",
            "p-value of a Kolmogorov-Smirnov test between the truth ratios of the unlearned model and of an oracle, one"
            " value per example. It takes examples for replicates and compares two models alone, so a large p is no evidence"
            " of equality; D and n are given with it.",
        ),
        MetricEntry(
            "model_utility",
            "Model utility",
            "TOFU",
            "Harmonic mean of probability, ROUGE-L recall and truth ratio (mean of max(0, 1 - R)) over the retain set and,"
            " where they exist, real authors and world facts.",
        ),
        MetricEntry(
            "min_k",
            "Min-K% membership",
            "Shi et al. 2024, arXiv 2310.16789, k = 40 %, as in OpenUnlearning",
            "Area under the ROC curve of telling forget from held-out examples by the mean of the lowest 40 % of their"
            " tokens' log-probabilities: 1 means that the forget set still looks like training data.",
        ),
    )
}
