"""Empirical methods that carry over the answers of another model: an unlearned one, or one that knows little."""

from __future__ import annotations

from typing import Final

from compliance.formats.translation import gettext_noop as _

from .descent import (
    compared_cost,
    floor_obstacles,
    gradient_cost,
    gradient_options,
    retain_options,
    share_of_training,
    taken,
)
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


def _taught_cost(facts: Facts, config: Config) -> float:
    """Count the training of the teacher that knows little, its answers to every batch to forget, and the steps."""
    answers = config["steps"] * taken(facts.forget, config["forget_batch"]) * FORWARD_SHARE
    steps = compared_cost if config["retain"] == "original" else gradient_cost
    return float(config["teacher_share"]) + steps(facts, config) + share_of_training(facts, answers)


def _taught_obstacles(facts: Facts, config: Config) -> list[str]:
    return floor_obstacles(facts, config) if config["ascent_weight"] else []


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
    MethodEntry(
        "bad_teaching",
        _("Answers of a model that has seen little"),
        "empirical",
        learns_by_gradient,
        "Chundawat et al. 2023, Can Bad Teaching Induce Forgetting?, arXiv 2205.08096, with a trained teacher and an ascent",
        _(
            "Trains a model by the recipe on a share of the remaining examples, and teaches the original to answer the"
            " examples to forget as that one does, while it goes on training on all others. Gradient ascent, held back at"
            " the level of held-out examples, does the rough work. It costs that share of a retraining on top; only the"
            " evaluation shows how close it came. Its authors have neither the training nor the ascent, and hold all others"
            " to the original's answers: set both to 0 and retain to original for that."
        ),
        (
            *gradient_options(floor="held_out", steps=200, rate=0.3),
            *retain_options(3.0, batch=32),
            Option(
                "retain",
                "choice",
                "labels",
                _("labels: remaining examples teach their own answers. original: those of the original model."),
                choices=("labels", "original"),
            ),
            Option(
                "teacher_share",
                "float",
                0.3,
                _(
                    "Share of the remaining examples that the teacher is trained on. 0: it is what a training starts from,"
                    " and costs nothing."
                ),
                0,
                0.9,
            ),
            Option("ascent_weight", "float", 1.0, _("Weight of the gradient ascent; 0: none."), 0, 1000),
        ),
        _taught_cost,
        _taught_obstacles,
        trains_models=True,
    ),
)
