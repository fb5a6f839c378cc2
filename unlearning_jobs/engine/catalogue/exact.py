"""Methods whose result has never seen the data: exact."""

from __future__ import annotations

from typing import Final

from unlearning_jobs.engine.sharding import expected_share

from .entry import EVERY_FAMILY, Config, Facts, MethodEntry


def _sisa_cost(facts: Facts, _config: Config) -> float:
    """Of deletions that fall anywhere; placement by expected deletion makes them cheaper."""
    return expected_share(facts.recipe.sharding, facts.forget) if facts.recipe.sharding else 1.0


def _sisa_obstacles(facts: Facts, _config: Config) -> list[str]:
    if facts.recipe.sharding is None:
        return ["The model was not trained in shards; choose retrain, or train a model by a recipe with sharding."]
    return []


EXACT: Final = (
    MethodEntry(
        "retrain",
        "Retrain without the data",
        "exact",
        EVERY_FAMILY,
        "The definition itself; e.g. Bourtoule et al. 2021, Machine Unlearning, arXiv 1912.03817",
        "Trains the model again by the same recipe and seed, on the remaining examples alone. The result has never seen"
        " the forgotten ones. It costs as much as the first training.",
    ),
    MethodEntry(
        "sisa",
        "Retrain the shards that held the data (SISA)",
        "exact",
        ("classifier",),
        "Bourtoule et al. 2021, Machine Unlearning, arXiv 1912.03817",
        "For models trained in shards: trains again only the networks whose shards held the data, each from the last state"
        " kept that had not seen it. The result equals training from scratch without the data. The cost expected is that of"
        " deletions at random places while all states are still kept; without them it is that of retraining.",
        cost=_sisa_cost,
        obstacles=_sisa_obstacles,
    ),
)
