"""Empirical methods that know or predict the logits of an oracle, and train the model towards them."""

from __future__ import annotations

from typing import Final

from compliance.formats.translation import gettext_noop as _

from .entry import FORWARD_SHARE, Config, Facts, MethodEntry, Option, learns_by_gradient

STACKED_SPEED: Final = 7
"""Number of models that train at once in the time that one takes alone (docs/benchmarks/classifiers.md)."""
GROUP: Final = 100
"""Models that are trained at once on subsets; as many are trained on everything."""
CHECKPOINTS: Final = 10
"""Models from whose gradients a datamodel starts."""
LARGEST_SHARE: Final = 0.1
"""Largest share of the model's training examples that a subset leaves out. Beyond it, a prediction is an extrapolation."""
SPARED_SHARE: Final = 0.05
"""Share of the groups that an attribution is measured on, and from which nothing is learned."""
FEWEST_SPARED: Final = 2
"""Smallest number of such groups."""


def spared_groups(groups: int) -> int:
    """Return how many groups are trained beyond those that are learned from."""
    return max(FEWEST_SPARED, round(SPARED_SHARE * groups))


def _options(*, epochs: int, rate: float, batch: int) -> tuple[Option, ...]:
    return (
        Option("epochs", "int", epochs, _("Passes over the examples whose answers are matched."), 1, 10_000),
        Option("learning_rate_share", "float", rate, _("Peak learning rate as a share of the recipe's."), 1e-6, 100),
        Option("batch", "int", batch, _("Examples per step."), 1, 4096),
    )


def _oracle_cost(facts: Facts, config: Config) -> float:
    """Count the oracles, their logits, and the passes that train towards those."""
    examples = facts.forget + min(facts.retain, config["retain_multiplier"] * facts.forget)
    passes = config["epochs"] + FORWARD_SHARE * config["oracles"]
    return float(config["oracles"] + passes * examples / max(1, facts.recipe.epochs * facts.retain))


def _datamodel_cost(facts: Facts, config: Config) -> float:
    """Count the passes that train towards the prediction, and the model's own logits. Predicting needs no network."""
    examples = facts.forget + min(facts.retain, config["retain_examples"])
    return float((config["epochs"] + FORWARD_SHARE) * examples / max(1, facts.recipe.epochs * facts.retain))


def _preparation_cost(_facts: Facts, config: Config) -> float:
    """Count the models, which are trained at once."""
    learns = config["attribution"] == "datamodel"
    groups = -(-config["subset_models"] // GROUP) if learns else 0
    gradients = CHECKPOINTS if learns else config["checkpoints"]
    return float((GROUP * (1 + groups + spared_groups(groups)) + gradients) / STACKED_SPEED)


def _datamodel_obstacles(facts: Facts, _config: Config) -> list[str]:
    problems, recipe = [], facts.recipe
    if recipe.precision != "float32" or recipe.sharding or recipe.privacy:
        problems.append(
            "It trains thousands of models stacked, in float32, without shards and privacy; this recipe has them."
        )
    known = facts.forget + facts.retain
    if facts.forget > LARGEST_SHARE * known:
        problems.append(
            f"{facts.forget} examples to forget are more than {100 * LARGEST_SHARE:g} % of the {known} that the model was"
            " trained on; what it predicts for so many would be a guess."
        )
    return problems


DATAMODELS: Final = (
    MethodEntry(
        "datamodel_matching",
        _("Datamodel matching"),
        "empirical",
        lambda family: family.stackable,
        "Georgiev et al. 2025, Attribute-to-Delete, arXiv 2410.23232; datamodels: Ilyas et al. 2022, arXiv 2202.00622;"
        " TRAK: Park et al. 2023, arXiv 2303.14186",
        _(
            "Predicts what the model would answer if it had never seen the examples to forget, and trains it towards that."
            " The prediction is learned once per model version, from thousands of small trainings that leave out examples at"
            " random, by similarity or by difficulty, or from gradients (trak); after that, a request costs little. The"
            " quality of the prediction is measured on trainings that it was not learned from."
        ),
        (
            Option(
                "attribution",
                "choice",
                "datamodel",
                _("datamodel: from models trained on subsets. trak: from gradients, which is far cheaper and coarser."),
                choices=("datamodel", "trak"),
            ),
            Option("subset_models", "int", 8000, _("Models trained on subsets, for datamodel."), 10, 1_000_000),
            Option("checkpoints", "int", 10, _("Models whose gradients are taken, for trak."), 1, 1000),
            Option("retain_examples", "int", 300, _("Remaining examples whose answers are matched too."), 1, 1_000_000),
            *_options(epochs=12, rate=2.0, batch=32),
        ),
        _datamodel_cost,
        _datamodel_obstacles,
        preparation=_preparation_cost,
        trains_models=True,
    ),
    MethodEntry(
        "oracle_matching",
        _("Oracle matching"),
        "empirical",
        learns_by_gradient,
        "Georgiev et al. 2025, Attribute-to-Delete, arXiv 2410.23232",
        _(
            "Trains several models without the examples to forget, and then trains the original towards their mean answers."
            " It shows how close fine-tuning can come at best, and costs more than retraining: for benchmarks, not for"
            " requests."
        ),
        (
            *_options(epochs=20, rate=0.5, batch=16),
            Option("oracles", "int", 4, _("Models to train and to match."), 1, 1000),
            Option(
                "retain_multiplier",
                "float",
                3.0,
                _("Remaining examples whose answers are matched, per example to forget."),
                0,
                1000,
            ),
        ),
        _oracle_cost,
        for_production=False,
        trains_models=True,
    ),
)
