"""Empirical methods that descend a forget and a retain term: only a measurement says how close they come."""

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
    step_options,
)
from .entry import (
    FORWARD_SHARE,
    Config,
    Facts,
    MethodEntry,
    Option,
    for_classifiers,
    has_hidden_layers,
    learns_by_gradient,
)


def _rmu_cost(facts: Facts, config: Config) -> float:
    """Count the original's forward passes: over every retain batch, and once over the forget set."""
    return compared_cost(facts, config) + share_of_training(facts, FORWARD_SHARE * facts.forget)


def _layer_obstacles(facts: Facts, config: Config) -> list[str]:
    sharding, layers = facts.recipe.sharding, facts.recipe.architecture.hidden_layers
    if sharding is not None and sharding.answers_together:
        return ["The model is made of shards that have no layers in common; choose an exact method, or another one."]
    if layers < 1:
        return ["The model has no hidden layers that are known, so none can be steered; choose another method."]
    if config["layer"] > layers:
        return [f"The model's last hidden layer is number {layers}; set layer to at most that, or to 0."]
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
                *gradient_options(floor="held_out", steps=40, rate=0.1),
                *retain_options(1.0),
                Option("beta", "float", 0.1, _("Inverse temperature."), 1e-3, 100),
            ),
            learning_rate_share=0.2,
        ),
        gradient_cost,
        floor_obstacles,
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
            (*gradient_options(floor="held_out", steps=40, rate=0.05), *retain_options(2.0)), learning_rate_share=0.2
        ),
        gradient_cost,
        floor_obstacles,
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
        for_classifiers(gradient_options(floor="none", steps=20, rate=0.1), floor="held_out"),
        gradient_cost,
        floor_obstacles,
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
            (*gradient_options(floor="held_out", steps=40, rate=0.05), *retain_options(2.0)), learning_rate_share=0.3
        ),
        compared_cost,
        floor_obstacles,
    ),
    MethodEntry(
        "rmu",
        _("Representation misdirection"),
        "empirical",
        has_hidden_layers,
        "Li et al. 2024, RMU, in The WMDP Benchmark, arXiv 2403.03218",
        _(
            "Steers what a layer inside the model makes of the examples to forget towards a random direction, and keeps what"
            " it makes of remaining ones. Only that layer and the two below it change. The answers become meaningless and"
            " not those of a model that never saw the examples, and nothing stops it at that level; what was steered away"
            " can often be brought back by a little training. Only the evaluation shows how close it came."
        ),
        for_classifiers(
            (
                *step_options(steps=40, rate=0.1),
                *retain_options(10.0),
                Option(
                    "layer",
                    "int",
                    0,
                    _("Number of the hidden layer that is steered, from 1. 0: the one with which the first quarter ends."),
                    0,
                    10_000,
                ),
                Option(
                    "steering",
                    "float",
                    2.0,
                    _("Length of the target, in units of the mean length that the layer's states have in the original."),
                    0,
                    1000,
                ),
            ),
            learning_rate_share=0.3,
            retain_weight=1.0,
        ),
        _rmu_cost,
        _layer_obstacles,
    ),
)
