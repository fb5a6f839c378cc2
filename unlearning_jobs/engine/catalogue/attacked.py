"""The metrics of attacks: what each brings out of the unlearned model, its original and the oracles."""

from __future__ import annotations

from typing import Final

from compliance.formats.attacks import RELEARNING
from compliance.formats.translation import gettext_noop as _

from .entry import MetricEntry, answers_with_text, every_family, learns_by_gradient, shows_its_layers

ZHANG: Final = "Zhang et al. 2024, arXiv 2410.16454"

OF_ATTACKS: Final[tuple[MetricEntry, ...]] = (
    MetricEntry(
        RELEARNING,
        _("Probability after relearning"),
        "Hu et al. 2024, arXiv 2406.13356; Lucki et al. 2024, arXiv 2409.18025",
        "Copies of the models are fine-tuned on a fifth of the forget examples, at most ten, for as many steps as the"
        " protocol says. The value is the mean probability of the other forget examples after that: above the oracles',"
        " the model still holds what it does not say.",
        works_on=learns_by_gradient,
        attack=RELEARNING,
    ),
    MetricEntry(
        "quantized_8",
        _("Probability after rounding to 8 bits"),
        ZHANG,
        "Mean probability of the forget examples, given by copies whose matrices are rounded to 8 bits: each output channel"
        " to 255 levels, as far apart as its largest weight asks for.",
        works_on=learns_by_gradient,
        attack="quantized_8",
    ),
    MetricEntry(
        "quantized_4",
        _("Probability after rounding to 4 bits"),
        ZHANG,
        "As after rounding to 8 bits, with 15 levels. Changes that are smaller than half a level are rounded away, and what"
        " they had hidden is there again.",
        works_on=learns_by_gradient,
        attack="quantized_4",
    ),
    MetricEntry(
        "hinted",
        _("Probability after hints"),
        "In-context learning: Brown et al. 2020, arXiv 2005.14165; against unlearning: Jin et al. 2024, arXiv 2406.10890",
        "Mean probability of the forget examples after some of the others, with their answers, as many as the context holds."
        " They are the examples that the attacker by relearning has.",
        works_on=answers_with_text,
        attack="hinted",
    ),
    MetricEntry(
        "conversation",
        _("Probability in the third turn"),
        "Several turns against unlearning: Li et al. 2024, arXiv 2408.15221",
        "Mean probability of the forget examples when their question is asked for the third time, after the model's own"
        " greedy answers to it. Turns follow each other as whole sequences; answers are cut at 50 tokens, or where the"
        " context ends.",
        works_on=answers_with_text,
        attack="conversation",
    ),
    MetricEntry(
        "prefix",
        _("Probability of the rest, given the first quarter"),
        "Carlini et al. 2023, arXiv 2202.07646",
        "Mean probability of what follows the first quarter of the answer's tokens, rounded up, end-of-text included.",
        works_on=answers_with_text,
        attack="prefix",
    ),
    MetricEntry(
        "prefix_extraction",
        _("Share of extractable answers, given the first quarter"),
        "Hayes et al. 2024, arXiv 2410.19482; Carlini et al. 2023, arXiv 2202.07646",
        "As the share of extractable answers, where each prompt gives the first quarter of the answer as well.",
        works_on=answers_with_text,
        attack="prefix",
    ),
    MetricEntry(
        "paraphrased",
        _("Probability after another wording of the question"),
        "Jin et al. 2024, arXiv 2406.10890",
        "Mean probability of the forget examples whose question the corpus has in other words, asked in those.",
        works_on=answers_with_text,
        attack="paraphrased",
    ),
    MetricEntry(
        "lens",
        _("Probability read from an inner layer"),
        "Logit lens: nostalgebraist 2020; Patil et al. 2023, arXiv 2309.17410",
        "Mean probability of the forget examples, read from the states of one intermediate layer by the network's own final"
        " norm and output layer. Of all such layers, it is the one in which the original gives them the highest; the same"
        " one is read in every model.",
        works_on=shows_its_layers,
        attack="lens",
    ),
    MetricEntry(
        "probe",
        _("Told apart by the inner states"),
        "Linear probes: Alain and Bengio 2016, arXiv 1610.01644; against unlearning: Lynch et al. 2024, arXiv 2402.16835",
        "Area under the ROC curve for telling examples to forget from held-out ones by a ridge regression on the mean state"
        " of each answer at the middle layer; every example is scored by a regression that was fitted without it.",
        works_on=shows_its_layers,
        attack="probe",
    ),
    MetricEntry(
        "difference",
        _("Told apart by old and new model together"),
        "Chen et al. 2021, arXiv 2005.02205; Bertran et al. 2024, arXiv 2405.20272",
        "Area under the ROC curve for telling examples to forget from held-out ones by how much likelier the original finds"
        " them than the model does. It is high after exact retraining too, and the original compared with itself gives 1/2.",
        works_on=every_family,
        attack="difference",
    ),
)
