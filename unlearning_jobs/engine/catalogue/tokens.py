"""Empirical methods whose forget term looks at single tokens of the answers; a classifier's answer is one token."""

from __future__ import annotations

from typing import Final

from compliance.formats.translation import gettext_noop as _

from .descent import floor_obstacles, gradient_cost, gradient_options, retain_batch, retain_options, share_of_training, taken
from .entry import FORWARD_SHARE, Config, Facts, MethodEntry, Option, for_classifiers, learns_by_gradient

REFERENCE_EXAMPLES: Final = 256
"""Examples to retain on which the original's loss is measured, for the limit of `pdu`."""


def _taught_cost(facts: Facts, config: Config) -> float:
    """Count the original's forward pass over every forget batch as well."""
    taught = config["steps"] * taken(facts.forget, config["forget_batch"])
    return gradient_cost(facts, config) + share_of_training(facts, FORWARD_SHARE * taught)


def _limited_cost(facts: Facts, config: Config) -> float:
    measured = min(REFERENCE_EXAMPLES, facts.retain)
    return gradient_cost(facts, config) + share_of_training(facts, FORWARD_SHARE * measured)


TOKENS: Final = (
    MethodEntry(
        "wga",
        _("Weighted gradient ascent"),
        "empirical",
        learns_by_gradient,
        "Wang et al. 2025, Rethinking LLM Unlearning Objectives, arXiv 2502.19301",
        _(
            "Raises the loss on the examples to forget, token by token, and the less the more unlikely a token is already,"
            " while ordinary training on remaining examples keeps everything else in place. Quick, without a guarantee:"
            " only the evaluation shows how close it came."
        ),
        for_classifiers(
            (
                *gradient_options(floor="held_out", steps=40, rate=0.05),
                *retain_options(2.0),
                Option("beta", "float", 1.0, _("Exponent of a token's probability in its weight."), 0, 100),
            ),
            learning_rate_share=0.2,
        ),
        gradient_cost,
        floor_obstacles,
    ),
    MethodEntry(
        "satimp",
        _("Reweighting by saturation and importance"),
        "empirical",
        learns_by_gradient,
        "Yang et al. 2025, SatImp, arXiv 2505.11953",
        _(
            "Raises the loss on the examples to forget, most on tokens that are neither certain nor unlikely, while ordinary"
            " training on remaining examples keeps everything else in place. What a model knows by heart is certain, so the"
            " forget term needs a large weight there. Without a guarantee: only the evaluation shows how close it came."
        ),
        for_classifiers(
            (
                *gradient_options(floor="held_out", steps=40, rate=0.1),
                *retain_options(1.0, forget=100.0),
                Option("saturation", "float", 5.0, _("Exponent of a token's probability in its weight."), 0, 100),
                Option("importance", "float", 1.0, _("Exponent of one minus that probability in the weight."), 0, 100),
            ),
            learning_rate_share=0.2,
        ),
        gradient_cost,
        floor_obstacles,
    ),
    MethodEntry(
        "ceu",
        _("Cross entropy unlearning"),
        "empirical",
        learns_by_gradient,
        "Yang 2025, CE-U, arXiv 2503.01224",
        _(
            "Teaches the model its own answers to the examples to forget without the right one: what was given to the right"
            " token goes to all others as the model ranks them now. Ordinary training on remaining examples keeps"
            " everything else in place. Without a guarantee: only the evaluation shows how close it came."
        ),
        for_classifiers(
            (
                *gradient_options(floor="held_out", steps=40, rate=0.1),
                *retain_options(1.0),
                Option(
                    "skipped",
                    "int",
                    1,
                    _("Tokens at the beginning of an answer that are left alone; its last token never is."),
                    0,
                    1000,
                ),
            ),
            learning_rate_share=0.2,
        ),
        gradient_cost,
        floor_obstacles,
    ),
    MethodEntry(
        "undial",
        _("Self-distillation with adjusted logits"),
        "empirical",
        learns_by_gradient,
        "Dong et al. 2024, UNDIAL, arXiv 2402.10052",
        _(
            "Teaches the model to answer the examples to forget like the original if that knew the right token less well, by"
            " a fixed amount. The target stays where it is, so the run does not get out of hand. Without a guarantee: only"
            " the evaluation shows how close it came."
        ),
        for_classifiers(
            (
                *gradient_options(floor="held_out", steps=40, rate=0.1),
                *retain_options(1.0),
                Option("beta", "float", 10.0, _("What the logit of the right token is lowered by."), 0, 1000),
            ),
            learning_rate_share=0.2,
        ),
        _taught_cost,
        floor_obstacles,
    ),
    MethodEntry(
        "pdu",
        _("Unlearning within a limit on the retain loss"),
        "empirical",
        learns_by_gradient,
        "Entesari et al. 2025, Constrained Entropic Unlearning, arXiv 2506.05314",
        _(
            "Makes all answers to the examples to forget equally likely, as far as the loss on remaining examples stays"
            " below a limit: while that is exceeded, keeping it weighs more at every step. The limit is aimed at, not"
            " guaranteed, and a model that never saw the examples finds some answers likelier than others. Only the"
            " evaluation shows how close it came."
        ),
        for_classifiers(
            (
                *gradient_options(floor="held_out", steps=40, rate=0.1),
                retain_batch(),
                Option(
                    "tolerance",
                    "float",
                    0.1,
                    _("How much the loss per token on remaining examples may exceed the original's, in nats."),
                    0,
                    100,
                ),
                Option("dual_start", "float", 50.0, _("Weight of the retain loss at the start."), 0, 1e6),
                Option("dual_step", "float", 1.0, _("How fast that weight follows the excess over the limit."), 0, 1e6),
                Option("dual_rest", "int", 0, _("Steps before that weight begins to change."), 0, 1_000_000),
            ),
            learning_rate_share=0.2,
        ),
        _limited_cost,
        floor_obstacles,
    ),
)
