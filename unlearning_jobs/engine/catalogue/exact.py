"""Methods whose result has never seen the data: exact."""

from __future__ import annotations

from typing import Final

from unlearning_jobs.engine.contracts.architectures import NETWORK_CLASSIFIERS
from unlearning_jobs.engine.contracts.sharding import expected_share
from unlearning_jobs.engine.translation import gettext_noop as _

from .entry import EVERY_FAMILY, Config, Facts, MethodEntry


def _forgotten_share(facts: Facts, _config: Config) -> float:
    """Learning adds every example once; forgetting subtracts some."""
    return facts.forget / max(1, facts.retain)


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
        _("Retrain without the data"),
        "exact",
        EVERY_FAMILY,
        "The definition itself; e.g. Bourtoule et al. 2021, Machine Unlearning, arXiv 1912.03817",
        _(
            "Trains the model again by the same recipe and seed, on the remaining examples alone. The result has never seen"
            " the forgotten ones. It costs as much as the first training."
        ),
    ),
    MethodEntry(
        "summation",
        _("Subtract from the sums"),
        "exact",
        ("summation",),
        "Cao and Yang 2015, Towards Making Systems Forget with Machine Unlearning, IEEE S&P, pp. 463-480,"
        " doi 10.1109/SP.2015.35",
        _(
            "For models that are functions of sums over their training examples: naive Bayes, ridge regression, nearest"
            " class means and a co-occurrence recommender. Subtracts what the examples to forget once added and solves"
            " again, without reading any other example; the cost does not grow with the corpus. The result is what learning"
            " without them gives: bit for bit where the features are whole numbers, such as bytes or baskets, else to within"
            " rounding."
        ),
        cost=_forgotten_share,
    ),
    MethodEntry(
        "sisa",
        _("Retrain the shards that held the data (SISA)"),
        "exact",
        NETWORK_CLASSIFIERS,
        "Bourtoule et al. 2021, Machine Unlearning, arXiv 1912.03817",
        _(
            "For models trained in shards: trains again only the networks whose shards held the data, each from the last"
            " state kept that had not seen it. The result equals training from scratch without the data. The cost expected"
            " is that of deletions at random places while all states are still kept; without them it is that of retraining."
        ),
        cost=_sisa_cost,
        obstacles=_sisa_obstacles,
    ),
)
