"""Empirical methods that train the model on, in passes over data sets."""

from __future__ import annotations

from typing import Final

from compliance.formats.translation import gettext_noop as _
from unlearning_jobs.engine.contracts.families import describe_family

from .descent import share_of_training
from .entry import FORWARD_SHARE, Config, Facts, MethodEntry, Option, for_classifiers, learns_by_gradient

SEARCHED_EXAMPLES: Final = 256
"""Examples to retain on which the search of `task_vector` measures."""
TRIALS: Final = 8
"""Steps of that search."""


def _options(*, epochs: int, rate: float) -> tuple[Option, ...]:
    return (
        Option("epochs", "int", epochs, _("Passes over the examples to retain."), 1, 10_000),
        _rate(rate),
    )


def _rate(default: float) -> Option:
    return Option("learning_rate_share", "float", default, _("Peak learning rate as a share of the recipe's."), 1e-6, 100)


def _forget_batch(default: int) -> Option:
    return Option("forget_batch", "int", default, _("Examples to forget per step."), 1, 4096)


def _temperature(default: float) -> Option:
    return Option(
        "temperature",
        "float",
        default,
        _("Softens the answers before they are compared: above 1, small probabilities count more."),
        0.1,
        100,
    )


def _shares(facts: Facts, *, retain: float, forget: float = 0.0) -> float:
    """Return the cost of this many passes over the two sets, as a share of one training."""
    passes = retain * facts.retain + forget * facts.forget
    return float(passes / max(1, facts.recipe.epochs * facts.retain))


def _epochs_cost(facts: Facts, config: Config) -> float:
    return _shares(facts, retain=config["epochs"])


def _scrub_cost(facts: Facts, config: Config) -> float:
    both = 1 + FORWARD_SHARE  # the original passes forwards as well
    most = min(config["max_epochs"], config["epochs"])
    return _shares(facts, retain=both * config["epochs"], forget=both * most)


def _scrub_obstacles(facts: Facts, config: Config) -> list[str]:
    if config["rewind"] == "held_out" and facts.held_out < 1:
        return ["It goes back to where held-out examples are as badly known, and the corpus has none; set rewind to none."]
    return []


def _reset_cost(facts: Facts, config: Config) -> float:
    original = FORWARD_SHARE if config["distillation"] else 0.0
    measuring = 1 if config["variant"] == "saliency" else 0
    return _shares(facts, retain=(1 + original) * config["epochs"] + measuring, forget=measuring)


def _reset_obstacles(facts: Facts, config: Config) -> list[str]:
    if config["variant"] == "head" and describe_family(facts.recipe.family).ties_embeddings:
        return ["The model's last layer shares its weights with its first; choose another variant than head."]
    return []


def _salun_cost(facts: Facts, config: Config) -> float:
    return _shares(facts, retain=config["epochs"], forget=config["epochs"] + 1)


def _tuned_cost(facts: Facts, config: Config) -> float:
    searching = (TRIALS + 1) * min(SEARCHED_EXAMPLES, facts.retain)  # the original's loss is measured as well
    return _shares(facts, retain=0, forget=config["epochs"]) + share_of_training(facts, FORWARD_SHARE * searching)


FINETUNING: Final = (
    MethodEntry(
        "finetune_retain",
        _("Fine-tuning on the remaining examples"),
        "empirical",
        learns_by_gradient,
        "The baseline of the NeurIPS 2023 challenge, Triantafillou et al. 2024, arXiv 2406.09073",
        _(
            "Trains on for some epochs, only on the remaining examples, and relies on the others fading meanwhile. What was"
            " memorised often stays."
        ),
        for_classifiers(_options(epochs=5, rate=1.0), epochs=3, learning_rate_share=5.0),
        _epochs_cost,
    ),
    MethodEntry(
        "noise_finetune",
        _("Noise, then fine-tuning"),
        "empirical",
        learns_by_gradient,
        "After the third place of the NeurIPS 2023 challenge, Triantafillou et al. 2024, arXiv 2406.09073",
        _(
            "Adds random noise to the weights, which blurs everything that was learned, and then trains for some epochs on"
            " the remaining examples, which sharpens only those."
        ),
        for_classifiers(
            (
                *_options(epochs=3, rate=1.0),
                Option("noise", "float", 0.5, _("Standard deviation of the noise, in units of each tensor's own."), 0, 100),
            ),
            noise=0.7,
        ),
        _epochs_cost,
    ),
    MethodEntry(
        "scrub",
        _("SCRUB"),
        "empirical",
        learns_by_gradient,
        "Kurmanji et al. 2023, Towards Unbounded Machine Unlearning, arXiv 2302.09880",
        _(
            "A copy of the model learns, in turns, to answer differently from the original on the examples to forget and"
            " like the original on the remaining ones. With rewinding (held_out), the result is the epoch whose error on the"
            " examples to forget is closest to the error on held-out examples of the same classes, which is the wrong"
            " measure if the labels to forget were wrong. Without it (none), the result is the last epoch."
        ),
        for_classifiers(
            (
                *_options(epochs=8, rate=1.0),
                Option("max_epochs", "int", 5, _("Epochs that begin with a pass over the examples to forget."), 0, 10_000),
                _forget_batch(8),
                Option("alpha", "float", 0.1, _("Weight of answering like the original on remaining examples."), 0, 1000),
                Option("gamma", "float", 1.0, _("Weight of answering correctly on remaining examples."), 0, 1000),
                _temperature(4.0),
                Option(
                    "rewind",
                    "choice",
                    "held_out",
                    _(
                        "held_out: go back to the epoch whose error is closest to that on held-out examples. none: take the"
                        " last epoch."
                    ),
                    choices=("held_out", "none"),
                ),
            ),
            epochs=2,
            max_epochs=1,
            forget_batch=64,
            learning_rate_share=10.0,
            rewind="none",
        ),
        _scrub_cost,
        _scrub_obstacles,
    ),
    MethodEntry(
        "partial_reset",
        _("Partial reset, then fine-tuning"),
        "empirical",
        learns_by_gradient,
        "Leading solutions of the NeurIPS 2023 challenge, Triantafillou et al. 2024, arXiv 2406.09073",
        _(
            "Gives some of the weights the values that a training starts from, which are random or a checkpoint's, and then"
            " trains for some epochs on the remaining examples, with the original's answers as a second teacher."
        ),
        for_classifiers(
            (
                *_options(epochs=4, rate=1.0),
                Option(
                    "variant",
                    "choice",
                    "saliency",
                    _(
                        "Which weights to reset. head: the last layer. random_layers: a share of the layers, drawn at"
                        " random. saliency: the share whose gradients differ least between the examples to retain and to"
                        " forget. prune_l1: the share with the smallest values."
                    ),
                    choices=("head", "random_layers", "saliency", "prune_l1"),
                ),
                Option("share", "float", 0.3, _("Share of the layers or of the weights; head does not use it."), 0.001, 1),
                Option("distillation", "float", 1.0, _("Weight of answering like the original."), 0, 1000),
                _temperature(2.0),
            ),
            epochs=3,
            learning_rate_share=5.0,
            variant="prune_l1",
            share=0.8,
            distillation=0.0,
        ),
        _reset_cost,
        _reset_obstacles,
    ),
    MethodEntry(
        "salun",
        _("Saliency unlearning"),
        "empirical",
        learns_by_gradient,
        "Fan et al. 2024, SalUn, arXiv 2310.12508",
        _(
            "Finds the weights on which the examples to forget depend most, and changes only those: it teaches them random"
            " wrong answers to these examples and the right answers to the remaining ones."
        ),
        for_classifiers(
            (
                *_options(epochs=4, rate=1.0),
                Option("share", "float", 0.5, _("Share of the weights that may change."), 0.001, 1),
                _forget_batch(32),
            ),
            epochs=3,
            learning_rate_share=0.05,
        ),
        _salun_cost,
    ),
    MethodEntry(
        "task_vector",
        _("Negated task vector"),
        "empirical",
        learns_by_gradient,
        "Ilharco et al. 2022, Editing Models with Task Arithmetic, arXiv 2212.04089",
        _(
            "Trains a copy on the examples to forget alone, and moves the model's weights the other way, as far as the loss"
            " on remaining examples allows. The copy knows those examples even better, and exists only while the method"
            " runs. How far it goes does not depend on how much is forgotten: only the evaluation shows how close it came."
        ),
        for_classifiers(
            (
                Option("epochs", "int", 5, _("Passes of the copy over the examples to forget."), 1, 10_000),
                _rate(0.1),
                _forget_batch(8),
                Option("most", "float", 5.0, _("The most by which the change of the copy is multiplied."), 0.001, 1000),
                Option(
                    "tolerance",
                    "float",
                    0.1,
                    _("How much the loss per token on remaining examples may exceed the original's, in nats."),
                    0,
                    100,
                ),
            ),
            learning_rate_share=0.5,
        ),
        _tuned_cost,
    ),
)
