"""The recipes that are measured on every corpus, each with its methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Literal, get_args

from unlearning_jobs.engine.contracts import LogisticArchitecture, Privacy, Recipe, Sharding, SumsArchitecture

from .models import BenchmarkSubject

SHARDING: Final = Sharding(shards=5, slices=2)
PRIVACY: Final = Privacy(noise_multiplier=4.0)
Learner = Literal["naive_bayes", "ridge", "nearest_mean"]


def subjects(recipe: Recipe, configs: Mapping[str, Mapping[str, Any]] | None = None) -> tuple[BenchmarkSubject, ...]:
    """Return the recipe for all methods that can run on it, and variants for methods that need their own recipe.

    `configs` are for methods whose defaults would take too long. The co-occurrence recommender is left out, because it
    reads baskets and not pictures.
    """
    network = BenchmarkSubject("One network", recipe, configs=configs or {})
    shards = BenchmarkSubject("In shards", replace(recipe, sharding=SHARDING), ("sisa",))
    sums = [
        _closed_form(f"Sums, {learner.replace('_', ' ')}", SumsArchitecture(learner), "summation")
        for learner in get_args(Learner)
    ]
    logistic = _closed_form("Logistic regression", LogisticArchitecture(), "certified_removal")
    private = BenchmarkSubject("Trained privately", replace(recipe, privacy=PRIVACY), ("dp_sgd",))
    return network, *sums, logistic, private, shards


def _closed_form(title: str, architecture: SumsArchitecture | LogisticArchitecture, method: str) -> BenchmarkSubject:
    """Return a subject whose models are solved for, so that the recipe's optimiser has no effect."""
    family: Literal["summation", "logistic"] = "summation" if isinstance(architecture, SumsArchitecture) else "logistic"
    recipe = Recipe(family=family, architecture=architecture, epochs=1, batch_size=64, learning_rate=0.0)
    return BenchmarkSubject(title, recipe, (method,))
