"""Empirical methods that descend a forget and a retain term: only a measurement says how close they come."""

from __future__ import annotations

from typing import Final

from compliance.formats.translation import gettext_noop as _

from .entry import FORWARD_SHARE, Config, Facts, MethodEntry, Option, for_classifiers, learns_by_gradient


def _gradient_options(*, floor: str, steps: int, rate: float) -> tuple[Option, ...]:
    return (
        Option("learning_rate_share", "float", rate, _("Peak learning rate as a share of the recipe's."), 1e-6, 100),
        Option("steps", "int", steps, _("Optimiser steps."), 1, 1_000_000),
        Option("forget_batch", "int", 32, _("Examples to forget per step."), 1, 4096),
        Option(
            "floor",
            "choice",
            floor,
            _(
                "held_out: the forget term of an example stops acting once its answer is as unlikely, per byte, as those of"
                " similar held-out examples. none: it acts until the last step."
            ),
            choices=("held_out", "none"),
        ),
    )


def _retain_options(weight: float) -> tuple[Option, ...]:
    return (
        Option("retain_batch", "int", 16, _("Examples to retain per step, drawn at random."), 1, 4096),
        Option("forget_weight", "float", 1.0, _("Weight of the forget term."), 0, 1000),
        Option("retain_weight", "float", weight, _("Weight of the retain term."), 0, 1000),
    )


def _gradient_cost(facts: Facts, config: Config) -> float:
    per_step = min(config["forget_batch"], facts.forget) + config.get("retain_batch", 0)
    return float(config["steps"] * per_step / max(1, facts.recipe.epochs * facts.retain))


def _kl_cost(facts: Facts, config: Config) -> float:
    """Count the original's forward pass over every retain batch as well."""
    original = config["steps"] * config["retain_batch"] * FORWARD_SHARE
    return _gradient_cost(facts, config) + float(original / max(1, facts.recipe.epochs * facts.retain))


def _floor_obstacles(facts: Facts, config: Config) -> list[str]:
    if config["floor"] == "held_out" and facts.held_out < 1:
        return ["It stops at the level of held-out examples, and the corpus has none; set floor to none."]
    return []


EMPIRICAL: Final = (
    MethodEntry(
        "npo",
        _("Negative preference optimisation"),
        "empirical",
        learns_by_gradient,
        "Zhang et al. 2024, Negative Preference Optimization, arXiv 2404.05868",
        _(
            "Treats the answers to forget as answers to avoid: it lowers their likelihood relative to the original model,"
            " with a force that fades as they become unlikely, while ordinary training on remaining examples keeps"
            " everything else in place. Quick, without a guarantee: only the evaluation shows how close it came. The force"
            " depends on whole answers, so it fades early on long ones."
        ),
        for_classifiers(
            (
                *_gradient_options(floor="held_out", steps=40, rate=0.1),
                *_retain_options(1.0),
                Option("beta", "float", 0.1, _("Inverse temperature."), 1e-3, 100),
            ),
            learning_rate_share=0.2,
        ),
        _gradient_cost,
        _floor_obstacles,
    ),
    MethodEntry(
        "gradient_difference",
        _("Gradient difference"),
        "empirical",
        learns_by_gradient,
        "Liu et al. 2022, Continual Learning and Private Unlearning, arXiv 2203.12817; TOFU, arXiv 2401.06121",
        _(
            "Raises the loss on the examples to forget and lowers it on remaining ones at the same time. Quick, without a"
            " guarantee: only the evaluation shows how close it came."
        ),
        for_classifiers(
            (*_gradient_options(floor="held_out", steps=40, rate=0.05), *_retain_options(2.0)), learning_rate_share=0.2
        ),
        _gradient_cost,
        _floor_obstacles,
    ),
    MethodEntry(
        "gradient_ascent",
        _("Gradient ascent"),
        "empirical",
        learns_by_gradient,
        "Jang et al. 2023, Knowledge Unlearning, arXiv 2210.01504",
        _(
            "Raises the loss on the examples to forget and does nothing else. It soon damages everything else, and makes"
            " these examples less likely than if they had never been seen. A baseline, rarely a good choice."
        ),
        for_classifiers(_gradient_options(floor="none", steps=20, rate=0.1), floor="held_out"),
        _gradient_cost,
        _floor_obstacles,
    ),
    MethodEntry(
        "kl_retain",
        _("Gradient ascent held back by the original's answers"),
        "empirical",
        learns_by_gradient,
        "KL minimisation in TOFU, Maini et al. 2024, arXiv 2401.06121",
        _(
            "Raises the loss on the examples to forget, and keeps the answers to remaining ones close to those of the"
            " original model, right or wrong. Quick, without a guarantee: only the evaluation shows how close it came."
        ),
        for_classifiers(
            (*_gradient_options(floor="held_out", steps=40, rate=0.05), *_retain_options(2.0)), learning_rate_share=0.3
        ),
        _kl_cost,
        _floor_obstacles,
    ),
)
