"""Empirical methods that unlearn by another method first, and then carry the answers over into other weights."""

from __future__ import annotations

from typing import Final

from compliance.formats.translation import gettext_noop as _

from .empirical import EMPIRICAL
from .entry import FORWARD_SHARE, Config, Facts, MethodEntry, Option, learns_by_gradient
from .finetuning import FINETUNING
from .preferences import PREFERENCES
from .tokens import TOKENS

TEACHERS: Final = {
    entry.name: entry for entry in (*EMPIRICAL, *PREFERENCES, *TOKENS, *FINETUNING) if entry.works_on is learns_by_gradient
}
"""Methods that can unlearn first: those that work wherever this one does."""


def teacher_config(facts: Facts, config: Config) -> dict[str, int | float | str]:
    """Return the default settings of the method that unlearns first, for models of this recipe."""
    return {option.name: option.default_for(facts.recipe) for option in TEACHERS[config["teacher"]].options}


def _cost(facts: Facts, config: Config) -> float:
    """Count the method that unlearns first, and the passes in which its model answers and the other one learns."""
    first = TEACHERS[config["teacher"]].cost(facts, teacher_config(facts, config))
    return first + (1 + FORWARD_SHARE) * float(config["epochs"]) / max(1, facts.recipe.epochs)


def _obstacles(facts: Facts, config: Config) -> list[str]:
    teacher = TEACHERS[config["teacher"]]
    found = teacher.obstacles(facts, teacher_config(facts, config))
    return [f"{teacher.title}, which would unlearn first with its default settings: {problem}" for problem in found]


DISTILLATION: Final = (
    MethodEntry(
        "distil_noised",
        _("Unlearn, then distil into noised weights"),
        "empirical",
        learns_by_gradient,
        "Lee et al. 2025, Distillation Robustifies Unlearning, arXiv 2506.06278",
        _(
            "Unlearns by another method first. Then the weights are moved part of the way to those that a training starts"
            " from, and learn to answer the remaining examples as the unlearned model does. Its authors found that their"
            " models could be taught again less easily than those of the methods that unlearned first, the less easily the"
            " more the weights were moved. Whether that is so here, only an attack by relearning tells."
        ),
        (
            Option(
                "teacher",
                "choice",
                "npo",
                _("The method that unlearns first, with its default settings."),
                choices=tuple(TEACHERS),
            ),
            Option("alpha", "float", 0.5, _("Share of the way to the weights that a training starts from."), 0, 1),
            Option("epochs", "int", 10, _("Passes over the examples to retain."), 1, 10_000),
            Option("learning_rate_share", "float", 1.0, _("Peak learning rate as a share of the recipe's."), 1e-6, 100),
            Option(
                "temperature",
                "float",
                1.0,
                _("Softens the answers before they are compared: above 1, small probabilities count more."),
                0.1,
                100,
            ),
        ),
        _cost,
        _obstacles,
    ),
)
