"""Exact methods: their results are what training without the data could have given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from compliance.formats.translation import gettext_noop as _
from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.contracts.placement import expected_share
from unlearning_jobs.engine.errors import SpecError

from .entry import Config, Facts, MethodEntry, Obstacles, all_examples_named, answers_with_text, every_family


def _forgotten_share(facts: Facts, _config: Config) -> float:
    """Return the share of the examples: learning adds each of them once, and forgetting subtracts some."""
    return facts.forget / max(1, facts.retain)


def _stages_cost(facts: Facts, _config: Config) -> float:
    """Return the cost of the stages that saw the examples; if it is not known which, that of deletions by the rates."""
    sharding = facts.recipe.sharding
    if sharding is None:
        return 1.0
    return expected_share(sharding, facts.forget, facts.trained_on) if facts.touched is None else facts.touched


def sisa_obstacle(recipe: Recipe) -> str:
    """Return why `sisa` cannot unlearn from a model of this recipe; empty if it can."""
    if recipe.sharding is None:
        return "The model was not trained in shards; choose retrain, or train a model by a recipe with sharding."
    return ""


def replay_obstacle(recipe: Recipe) -> str:
    """Return why `replay` cannot unlearn from a model of this recipe; empty if it can."""
    if recipe.sharding is None:
        return "The model was not trained in stages; choose retrain, or train a model by a recipe with sharding and slices."
    if recipe.sharding.shards > 1:
        return f"The model has {recipe.sharding.shards} shards, and replay is for one; choose adapter_shards."
    return ""


def adapter_shards_obstacle(recipe: Recipe) -> str:
    """Return why `adapter_shards` cannot unlearn from a model of this recipe; empty if it can."""
    if recipe.sharding is None or not recipe.architecture.adapts:
        return (
            "The model is not made of adapters that were trained in shards; choose retrain, or train a model by a recipe"
            " with an adapter and sharding."
        )
    if recipe.sharding.shards == 1:
        return "The model has a single shard, and adapter_shards is for several; choose replay."
    return ""


def exact_in_stages(recipe: Recipe) -> str:
    """Return the method for models that a recipe with sharding makes.

    Raises:
        SpecError: its models are not trained in shards or stages.
    """
    obstacles = {"adapter_shards": adapter_shards_obstacle, "replay": replay_obstacle, "sisa": sisa_obstacle}
    for entry in EXACT:
        if entry.name in obstacles and recipe.family in entry.families and not obstacles[entry.name](recipe):
            return entry.name
    message = "Models of this recipe are not trained in shards or stages; leave both out."
    raise SpecError(message)


def _named(obstacle: Callable[[Recipe], str]) -> Obstacles:
    return lambda facts, _config: list(filter(None, [obstacle(facts.recipe)]))


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
            " expected cost holds while all states are still saved; without them, it is that of retraining."
        ),
        cost=_stages_cost,
        obstacles=_named(sisa_obstacle),
    ),
    MethodEntry(
        "replay",
        _("Replay the training from before the data"),
        "exact",
        answers_with_text,
        "The slices of Bourtoule et al. 2021, Machine Unlearning, arXiv 1912.03817, with one shard",
        _(
            "For language models trained in stages, each of which learns one slice of the examples more: goes back to the"
            " weights, or the adapter, of the last stage that had not seen the data, and trains from there again without"
            " them. The result is the same as training from scratch without the data. It is cheap if they came late, and"
            " costs a training if they came first; without the saved stages, it always does."
        ),
        cost=_stages_cost,
        obstacles=_named(replay_obstacle),
    ),
    MethodEntry(
        "adapter_shards",
        _("Retrain the adapters that held the data"),
        "exact",
        lambda family: family.takes_adapters,
        "Bourtoule et al. 2021, Machine Unlearning, arXiv 1912.03817, with adapters (Hu et al. 2021, arXiv 2106.09685) for"
        " networks",
        _(
            "For adapters trained in shards on one checkpoint: trains again only the adapters whose shards held the data,"
            " each from its last saved stage that had not seen the data. What was learned after the checkpoint is the same"
            " as by training from scratch without the data; the checkpoint itself stays as it was, with whatever it knew"
            " before. The expected cost holds while all stages are still saved; without them, it is that of retraining."
        ),
        cost=_stages_cost,
        obstacles=_named(adapter_shards_obstacle),
    ),
)
