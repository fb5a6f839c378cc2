"""The metrics of membership: how well examples to forget are told from held-out ones by a number of each."""

from __future__ import annotations

from typing import Final

from compliance.formats.translation import gettext_noop as _

from .entry import MetricEntry, answers_with_text, has_reference

OF_MEMBERSHIP: Final[tuple[MetricEntry, ...]] = (
    MetricEntry(
        "min_k",
        _("Min-K% membership"),
        "Shi et al. 2024, arXiv 2310.16789, k = 40 %, as in OpenUnlearning",
        "Area under the ROC curve for telling examples to forget from held-out ones by the mean of the lowest 40 % of"
        " their tokens' log-probabilities: 1 means that the forget set still looks like training data.",
        works_on=answers_with_text,
    ),
    MetricEntry(
        "min_k_plus_plus",
        _("Min-K%++ membership"),
        "Zhang et al. 2024, arXiv 2404.02936, k = 40 %, as in OpenUnlearning",
        "As Min-K%, but each token's log-probability counts by how far it is from the mean under the model's own"
        " distribution, in standard deviations of it.",
        works_on=answers_with_text,
    ),
    MetricEntry(
        "zlib_ratio",
        _("Membership by compressed length"),
        "Carlini et al. 2021, arXiv 2012.07805",
        "As Min-K%, but by the log-likelihood per token, divided by the length of the answer after compression with"
        " zlib: what is likely because it repeats itself counts less.",
        works_on=answers_with_text,
    ),
    MetricEntry(
        "gradient_norm",
        _("Membership by gradients"),
        "GradNorm of OpenUnlearning (Dorna et al. 2025), p = 2; on membership by gradients: Nasr et al. 2019,"
        " arXiv 1812.00910",
        "As Min-K%, but by how little an example pulls at the weights: the norm of the gradient of its mean loss per"
        " token, end-of-text included, averaged over the tensors of weights.",
        works_on=answers_with_text,
    ),
    MetricEntry(
        "reference",
        _("Membership against the checkpoint"),
        "Loss against a reference model: Carlini et al. 2021, arXiv 2012.07805; Ye et al. 2022, arXiv 2111.09679",
        "As Min-K%, but by how much likelier per token the model finds an answer than the checkpoint does from which all"
        " models started: what is likely to everybody counts less. What the checkpoint knows already does not show.",
        works_on=has_reference,
        reason=(
            "Its reference is the checkpoint that a model started from. A model that started from random weights has"
            " none, and an oracle would be compared with itself."
        ),
    ),
    MetricEntry(
        "privleak",
        _("PrivLeak"),
        "MUSE (Shi et al. 2024, arXiv 2407.06460)",
        "(AUC - AUC of the oracles) / AUC of the oracles, in per cent, where the AUC is that of taking held-out"
        " examples for more familiar than those to forget by Min-K%. 0 is as the oracles; towards -100 the forget set"
        " still looks like training data, and above 0 it was pushed below data that was never seen.",
        works_on=answers_with_text,
        against_oracles=True,
    ),
)
