"""What methods have in common that descend a forget and a retain term: their options, their cost, and their obstacle."""

from __future__ import annotations

import math

from compliance.formats.translation import gettext_noop as _

from .entry import FORWARD_SHARE, Config, Facts, Option


def step_options(*, steps: int, rate: float) -> tuple[Option, ...]:
    """Return the options of every descent."""
    return (
        Option("learning_rate_share", "float", rate, _("Peak learning rate as a share of the recipe's."), 1e-6, 100),
        Option("steps", "int", steps, _("Optimiser steps."), 1, 1_000_000),
        Option("forget_batch", "int", 32, _("Most examples to forget per step."), 1, 4096),
    )


def gradient_options(*, floor: str, steps: int, rate: float) -> tuple[Option, ...]:
    """Return the options of descents whose forget term can rest."""
    return (
        *step_options(steps=steps, rate=rate),
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


def retain_batch(most: int = 16) -> Option:
    """Return the option of the size of a retain batch."""
    return Option("retain_batch", "int", most, _("Most examples to retain per step."), 1, 4096)


def retain_options(weight: float, *, forget: float = 1.0, batch: int = 16) -> tuple[Option, ...]:
    """Return the options of a retain term that has a weight, beside the weight of the forget term."""
    return (
        retain_batch(batch),
        Option("forget_weight", "float", forget, _("Weight of the forget term."), 0, 1000),
        Option("retain_weight", "float", weight, _("Weight of the retain term."), 0, 1000),
    )


def gradient_cost(facts: Facts, config: Config) -> float:
    """Count the examples of every step."""
    retained = taken(facts.retain, config["retain_batch"]) if "retain_batch" in config else 0
    return share_of_training(facts, config["steps"] * (taken(facts.forget, config["forget_batch"]) + retained))


def taken(examples: int, most: int) -> float:
    """Return how many of the examples a step takes on average: every epoch is as few batches of one size as can be."""
    return examples / max(1, math.ceil(examples / most))


def compared_cost(facts: Facts, config: Config) -> float:
    """Count the original's forward pass over every retain batch as well."""
    return gradient_cost(facts, config) + share_of_training(
        facts, config["steps"] * taken(facts.retain, config["retain_batch"]) * FORWARD_SHARE
    )


def share_of_training(facts: Facts, examples: float) -> float:
    """Return the cost of passing this many examples forwards and backwards."""
    return float(examples / max(1, facts.recipe.epochs * facts.retain))


def floor_obstacles(facts: Facts, config: Config) -> list[str]:
    """Return the obstacle of a forget term that rests at the level of held-out examples."""
    if config["floor"] == "held_out" and facts.held_out < 1:
        return ["It stops at the level of held-out examples, and the corpus has none; set floor to none."]
    return []
