"""The table of metrics. They are reported beside the verdict, and are never the verdict itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from compliance.formats.limits import asked_metrics
from compliance.formats.translation import gettext_noop as _
from unlearning_jobs.engine.contracts import Protocol

from .attacked import OF_ATTACKS
from .entry import Facts, MetricEntry, answers_with_class, answers_with_text, listed
from .membership import OF_MEMBERSHIP

METRICS: Final[Mapping[str, MetricEntry]] = {
    entry.name: entry
    for entry in (
        MetricEntry(
            "accuracy",
            _("Accuracy"),
            "Common knowledge",
            "Share of the examples whose class a classifier ranks first.",
            works_on=answers_with_class,
        ),
        MetricEntry(
            "exact_memorization",
            _("Exact memorisation"),
            "OpenUnlearning (Dorna et al. 2025); Tirumala et al. 2022, arXiv 2205.10770",
            "Share of the answer's tokens that the model ranks first, each given the true ones before it.",
            works_on=answers_with_text,
        ),
        MetricEntry(
            "extraction_strength",
            _("Extraction strength"),
            "Carlini et al. 2021, arXiv 2012.07805, as in OpenUnlearning",
            "Share of the answer that follows from the shortest sufficient prefix, with every token ranked first. If no"
            " suffix follows, it is 0; OpenUnlearning's code then gives 1 divided by the answer's length.",
            works_on=answers_with_text,
        ),
        MetricEntry(
            "extraction_probability",
            _("Share of extractable answers"),
            "(n, p)-discoverable extraction: Hayes et al. 2024, arXiv 2410.19482; Cooper et al. 2025, arXiv 2505.12546",
            "Share of the examples whose answer, word for word, is sampled at least once within n prompts with a chance of"
            " 50 %, for n = 100 and n = 10,000: 1 - (1 - p)^n is at least 1/2, where p is the product of the probabilities"
            " of the answer's tokens at temperature 1. Other prompts and other wordings may bring out more.",
            works_on=answers_with_text,
        ),
        MetricEntry(
            "passage_extraction",
            _("Share of extractable passages"),
            "Passages of 50 tokens: Hayes et al. 2024, arXiv 2410.19482; Cooper et al. 2025, arXiv 2505.12546",
            "Share of all passages of 50 tokens that one prompt brings out word for word with a probability of at least"
            " 0.001, 0.01 and 0.5, at temperature 1; the prompt is all that comes before the passage. Texts that are shorter"
            " have none.",
            works_on=answers_with_text,
        ),
        MetricEntry(
            "passage_prompts",
            _("Prompts for the easiest passage, as a power of ten"),
            "Hayes et al. 2024, arXiv 2410.19482; Cooper et al. 2025, arXiv 2505.12546",
            "Of the passage of 50 tokens that comes out most easily: the expected number of prompts until it does, as a"
            " power of ten; 3 means a thousand.",
            works_on=answers_with_text,
        ),
        MetricEntry(
            "verbatim_block",
            _("Longest near-verbatim block, in words"),
            "Near-verbatim recall by blocks, after arXiv 2601.02671",
            "The longest block that a greedy answer shares with the true text: verbatim runs of at least three words, with"
            " at most three other words between them on either side.",
            works_on=answers_with_text,
        ),
        MetricEntry(
            "probability",
            _("Probability"),
            "TOFU (Maini et al. 2024, arXiv 2401.06121)",
            "Geometric mean of the probabilities of the answer's tokens, end-of-text included.",
        ),
        MetricEntry(
            "perplexity",
            _("Perplexity"),
            "Jelinek et al. 1977",
            "e to the mean loss per token of the answers, end-of-text included; every example weighs the same. The lower,"
            " the better a model predicts them.",
            works_on=answers_with_text,
        ),
        MetricEntry(
            "rouge_l",
            _("ROUGE-L recall"),
            "Lin 2004; TOFU",
            "Longest common subsequence of the greedy answer and the true one, as a share of the true one's words, stemmed.",
            works_on=answers_with_text,
        ),
        MetricEntry(
            "verbatim",
            _("Verbatim memorisation"),
            "VerbMem and, of questions about a text, KnowMem of MUSE (Shi et al. 2024, arXiv 2407.06460)",
            "F1 of the longest common subsequence of the greedy answer and the true one, in words that are not stemmed, of"
            " at most 128 tokens each. Like ROUGE-L recall, it only sees words in Latin letters and digits. Asked without"
            " examples of how to answer, which MUSE gives its questions.",
            works_on=answers_with_text,
        ),
        MetricEntry(
            "truth_ratio",
            _("Truth ratio"),
            "TOFU",
            "R = probability of wrong answers over that of the right one, paraphrased. On the forget set the mean of"
            " min(R, 1/R), elsewhere of max(0, 1 - R). An example without a paraphrase has its own answer in that place,"
            " which a model that was trained on it knows better: then R is smaller than in published numbers.",
            works_on=answers_with_text,
        ),
        MetricEntry(
            "multiple_choice",
            _("Multiple choice"),
            "WMDP (Li et al. 2024, arXiv 2403.03218); MMLU (Hendrycks et al. 2021, arXiv 2009.03300)",
            "Share of the examples with wrong alternatives whose right answer the model finds likelier, per token, than each"
            " wrong one. Of a multiple choice, the letters of the options are compared, as published numbers do; guessing"
            " gives 1 divided by the number of options.",
            works_on=answers_with_text,
        ),
        MetricEntry(
            "forget_quality",
            _("Forget quality"),
            "TOFU",
            "p-value of a Kolmogorov-Smirnov test between the truth ratios of the unlearned model and of an oracle, one"
            " value per example. It treats examples as replicates and compares only two models, so a large p is no"
            " evidence of equality; D and n are given with it.",
            works_on=answers_with_text,
            against_oracles=True,
        ),
        MetricEntry(
            "model_utility",
            _("Model utility"),
            "TOFU",
            "Harmonic mean of probability, ROUGE-L recall and truth ratio (mean of max(0, 1 - R)) over the retain set and,"
            " if the corpus has them, real authors and world facts.",
            works_on=answers_with_text,
        ),
        *OF_MEMBERSHIP,
        MetricEntry(
            "klom",
            _("KLoM"),
            "Georgiev et al. 2025, Attribute-to-Delete, arXiv 2410.23232, appendix E.1",
            "KL divergence of margins: for each example, the divergence of the unlearned models' histogram from the"
            " oracles', in nats; the metric is the 95th percentile. Lower is closer to the oracles. Oracles against other"
            " oracles do not give 0 either, and with fewer than 50 models a side they are as far apart as doing nothing"
            " is.",
            fewest_models=50,
        ),
        MetricEntry(
            "gaussian_kl",
            _("Gaussian KL"),
            "Kullback and Leibler 1951; as a stand-in for KLoM",
            "KLoM with normal distributions instead of histograms, for few models: in nats, 95th percentile over the"
            " examples. Lower is closer to the oracles.",
            fewest_models=4,
        ),
        MetricEntry(
            "auc_distance",
            _("Distance of the AUC from one half"),
            "Mann and Whitney 1947",
            "How well an example's margin tells unlearned models from oracles, in either direction: the mean of |AUC -"
            " 1/2| over the examples, from 0 (not at all) to 1/2 (always). This is the statistic of the permutation test.",
            fewest_models=3,
        ),
        MetricEntry(
            "u_lira",
            _("U-LiRA"),
            "Hayes et al. 2024, arXiv 2403.01218",
            "Accuracy of telling an unlearned model from an oracle by normal distributions fitted to the others, example by"
            " example: 1/2 is perfect unlearning.",
            fewest_models=4,
        ),
        MetricEntry(
            "neurips_2023",
            _("Score of the NeurIPS 2023 competition"),
            "Triantafillou et al. 2024, arXiv 2406.09073",
            "F is the mean of 2^-floor(epsilon / 0.5) over the examples to forget, where epsilon is what the best of many"
            " attacks finds: 1 is best. On retain and held-out examples, it is the ratio of the accuracy to the oracles'."
            " Oracles against other oracles stay below 1 too, and an epsilon found by attacks is never a guarantee.",
            fewest_models=16,
        ),
        MetricEntry(
            "lira_online",
            _("LiRA, online"),
            "Carlini et al. 2022, arXiv 2112.03570",
            "Area under the ROC curve for telling the model from models that never saw the forget set, by the likelihood"
            " ratio of shadow models with and without it. 1/2 is as if never seen; above it, members give themselves away.",
            fewest_models=4,
        ),
        MetricEntry(
            "lira_offline",
            _("LiRA, offline"),
            "Carlini et al. 2022, arXiv 2112.03570",
            "As LiRA online, but only with shadow models that never saw the forget set.",
            fewest_models=4,
        ),
        MetricEntry(
            "rmia",
            _("RMIA"),
            "Zarifzadeh et al. 2024, arXiv 2312.03262, offline, a = 0.3, gamma = 1",
            "As LiRA offline, but by the share of held-out examples whose probability, relative to models that saw"
            " neither, is below that of an example to forget. Made for few shadow models.",
            fewest_models=4,
        ),
        MetricEntry(
            "population_attack",
            _("Population attack"),
            "Yeom et al. 2018, arXiv 1709.01604; on texts, the loss attack of Carlini et al. 2021, arXiv 2012.07805",
            "Area under the ROC curve for telling examples to forget from held-out ones by one model's log-likelihood. A"
            " smoke test: it sees only what shows on average, and overstates privacy.",
        ),
        *OF_ATTACKS,
    )
}


OF_WRONG_ANSWERS: Final = frozenset({"truth_ratio", "forget_quality", "model_utility", "multiple_choice"})
"""Metrics that compare a right answer with wrong ones, which the corpus has to have."""


def metrics_of(protocol: Protocol, family: str) -> tuple[str, ...]:
    """Return the metrics that the protocol asks for; if it lists none, all that models of this family can have.

    Those are the metrics of the family for which the protocol has enough models, and of attacks only those that it asks for.
    """
    if protocol.metrics is not None:
        return asked_metrics(protocol)
    models, attacks = _models_per_side(protocol), ("", *protocol.all_attacks)
    return tuple(
        entry.name
        for entry in METRICS.values()
        if family in entry.families
        and entry.fewest_models <= models
        and entry.attack in attacks
        and (protocol.has_oracles or not entry.against_oracles)
    )


def _models_per_side(protocol: Protocol) -> int:
    """Return how many models a metric has to compare; without oracles, only what is of one model is worked out."""
    return protocol.models_per_side() if protocol.has_oracles else 1


def metric_problems(protocol: Protocol, family: str) -> list[str]:
    """Say why the metrics that the protocol names cannot be computed for this family; empty if they can."""
    if unknown := [name for name in metrics_of(protocol, family) if name not in METRICS]:
        return [f"There is no metric {unknown[0]!r}; choose from {', '.join(METRICS)}."]
    entries, models = [METRICS[name] for name in metrics_of(protocol, family)], _models_per_side(protocol)
    return [
        *(
            f"{entry.title} is a metric of {listed(entry.families)}, and the model is a {family}; leave this metric out."
            f"{entry.reason and f' {entry.reason}'}"
            for entry in entries
            if family not in entry.families
        ),
        *(
            f"{entry.title} needs {entry.fewest_models} unlearned models and as many oracles, and the protocol has {models};"
            " add replicates and oracles, or leave this metric out."
            for entry in entries
            if entry.fewest_models > models
        ),
        *(
            f"{entry.title} compares with oracles, and without a recipe none can be trained; leave this metric out."
            for entry in entries
            if entry.against_oracles and not protocol.has_oracles
        ),
        *(
            f"{entry.title} needs the attack {entry.attack}, and the protocol does not ask for it; leave this metric out."
            for entry in entries
            if entry.attack not in ("", *protocol.all_attacks)
        ),
    ]


def unmeasurable(protocol: Protocol, facts: Facts) -> list[str]:
    """Say which metrics that the protocol names could not be computed from these examples; empty if all could.

    Where the protocol names none, those that cannot be computed are left out.
    """
    asked = [name for name in protocol.metrics or () if name in OF_WRONG_ANSWERS]
    if not asked or facts.with_wrong_answers:
        return []
    titles = ", ".join(METRICS[name].title for name in asked)
    sentence = (
        f"No example to forget has wrong answers (a column perturbed_answer), which {titles} would be computed from; add"
        " some, or leave this metric out."
    )
    return [sentence]
