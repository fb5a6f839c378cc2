"""Exact methods: their results are what training without the data could have given."""

from __future__ import annotations

from typing import Final

from compliance.formats.translation import gettext_noop as _
from unlearning_jobs.engine.contracts.sharding import expected_share

from .entry import Config, Facts, MethodEntry, all_examples_named, every_family


def _forgotten_share(facts: Facts, _config: Config) -> float:
    """Return the share of the examples: learning adds each of them once, and forgetting subtracts some."""
    return facts.forget / max(1, facts.retain)


def _sisa_cost(facts: Facts, _config: Config) -> float:
    """Return the cost of random deletions; placement by expected deletion makes them cheaper."""
    return expected_share(facts.recipe.sharding, facts.forget) if facts.recipe.sharding else 1.0


def _sisa_obstacles(facts: Facts, _config: Config) -> list[str]:
    if facts.recipe.sharding is None:
        return ["The model was not trained in shards; choose retrain, or train a model by a recipe with sharding."]
    return []


EXACT: Final = (
    MethodEntry(
        "retrain",
        _("Retrain without the data"),
        "exact",
        every_family,
        "The definition itself; e.g. Bourtoule et al. 2021, Machine Unlearning, arXiv 1912.03817",
        _(
            "Trains the model again by the same recipe and seed, only on the remaining examples, from random weights or from"
            " the checkpoint that the recipe names. This training never sees the forgotten ones. It costs a whole training."
        ),
    ),
    MethodEntry(
        "summation",
        _("Subtract from the sums"),
        "exact",
        lambda family: family.keeps_sums,
        "Cao and Yang 2015, Towards Making Systems Forget with Machine Unlearning, IEEE S&P, pp. 463-480,"
        " doi 10.1109/SP.2015.35",
        _(
            "For models that are functions of sums over their training examples: naive Bayes, ridge regression, nearest"
            " class means and a co-occurrence recommender. Subtracts what the examples to forget have added and solves"
            " again, without reading any other example; the cost does not grow with the corpus. The result is the same as"
            " that of learning without them: bit for bit if the features are whole numbers, such as bytes or baskets, else"
            " up to rounding."
        ),
        cost=_forgotten_share,
        obstacles=all_examples_named,
    ),
    MethodEntry(
        "sisa",
        _("Retrain the shards that held the data (SISA)"),
        "exact",
        lambda family: family.is_network_classifier,
        "Bourtoule et al. 2021, Machine Unlearning, arXiv 1912.03817",
        _(
            "For models trained in shards: trains again only the networks whose shards held the data, each from its last"
            " saved state that had not seen the data. The result is the same as training from scratch without the data. The"
            " expected cost is that of random deletions while all states are still saved; without the saved states, it is"
            " that of retraining."
        ),
        cost=_sisa_cost,
        obstacles=_sisa_obstacles,
    ),
)
