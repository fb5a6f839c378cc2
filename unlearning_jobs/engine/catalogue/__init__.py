"""The methods, metrics and attacks in words, without torch: for forms, reports and the command line.

A test checks that these tables match the classes that do the work.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from compliance.formats.assurances import NO_RECIPE
from compliance.formats.protocol import ANNEXED
from unlearning_jobs.engine.contracts import Guarantee, Recipe
from unlearning_jobs.engine.errors import SpecError

from .attack_needs import RELEARNING_STEPS
from .attacks import (
    ATTACKS,
    AttackEntry,
    attack_cost,
    attack_obstacles,
    attack_problems,
    attacks_cost,
    proposed_attacks,
)
from .certified import CERTIFIED
from .concepts import EDITORS, ON_CONCEPTS_TOO, TAUGHT
from .controls import CONTROLS
from .datamodels import DATAMODELS
from .distillation import DISTILLATION
from .empirical import EMPIRICAL
from .entry import Budget, Facts, MethodEntry, MetricEntry, Option, listed
from .exact import EXACT
from .finetuning import FINETUNING
from .metrics import METRICS, metric_problems, metrics_of, unmeasurable
from .preferences import PREFERENCES
from .tokens import TOKENS

METHODS: Final[Mapping[str, MethodEntry]] = {
    entry.name: entry
    for entry in (*EXACT, *CERTIFIED, *EMPIRICAL, *PREFERENCES, *TOKENS, *FINETUNING, *DISTILLATION, *DATAMODELS, *CONTROLS)
}

"""Methods that act on examples in a model version: what forms, jobs, the advisor and evidence choose from."""
CONCEPT_METHODS: Final[Mapping[str, MethodEntry]] = {
    entry.name: entry for entry in (*EDITORS, *TAUGHT, *(METHODS[name] for name in ON_CONCEPTS_TOO))
}
"""Methods that act on a concept in a model version: editors, and those of examples that can be given its probes."""


def complete_config(method: str, config: Mapping[str, Any], recipe: Recipe | None = None) -> dict[str, Any]:
    """Fill in the defaults of all options that the configuration leaves out, for models of this recipe.

    Raises:
        SpecError: there is no such method or option, or a value is of the wrong kind or out of range.
    """
    return _complete(_entry(method), config, recipe)


def complete_concept_config(method: str, config: Mapping[str, Any], recipe: Recipe | None = None) -> dict[str, Any]:
    """Fill in the defaults of a method that acts on a concept, as `complete_config` does.

    Raises:
        SpecError: there is no such method or option, or a value is of the wrong kind or out of range.
    """
    if method not in CONCEPT_METHODS:
        message = f"{method[:60]!r} does not act on a concept; choose one of {', '.join(CONCEPT_METHODS)}."
        raise SpecError(message)
    return _complete(CONCEPT_METHODS[method], config, recipe)


def _complete(entry: MethodEntry, config: Mapping[str, Any], recipe: Recipe | None) -> dict[str, Any]:
    method, options = entry.name, {option.name: option for option in entry.options}
    if unknown := sorted(set(config) - set(options)):
        message = f"{method} has no option {unknown[0]!r}; it has {', '.join(options) or 'none'}."
        raise SpecError(message)
    return {name: _checked(method, option, config.get(name, option.default_for(recipe))) for name, option in options.items()}


def obstacles(method: str, facts: Facts, config: Mapping[str, Any] | None = None) -> list[str]:
    """Say why the method cannot run, in sentences; empty if it can.

    Raises:
        SpecError: there is no such method, or its configuration is wrong.
    """
    entry, options = _entry(method), _completed(method, facts, config)
    problems = []
    if facts.recipe.family not in entry.families:
        problems.append(f"{entry.title} works on {listed(entry.families)} only, and the model is a {facts.recipe.family}.")
    if facts.untrainable:
        problems.append(facts.untrainable)
    if facts.assurance == "behavioural" and (entry.guarantee in ANNEXED or entry.trains_models):
        problems.append(NO_RECIPE)
    if facts.forget < 1:
        problems.append("There is nothing to forget: the forget set is empty.")
    if facts.retain < 1:
        problems.append("Nothing would be left: every training example is to be forgotten.")
    elif entry.guarantee == "empirical" and facts.forget > facts.retain:
        problems.append(
            f"More is to be forgotten ({facts.forget} examples) than would be left ({facts.retain}): that is no change to a"
            " model but another model; retrain."
        )
    sharding = facts.recipe.sharding
    if (
        sharding is not None
        and sharding.aggregation == "vote"
        and sharding.answers_together
        and entry.guarantee == "empirical"
    ):
        problems.append("The model's shards vote, and a vote has no gradient to follow; choose sisa or retrain.")
    problems += entry.obstacles(facts, options)
    return problems


def method_guarantee(method: str) -> Guarantee:
    """Return what a method guarantees.

    Raises:
        SpecError: there is no such method.
    """
    return _entry(method).guarantee


def expected_cost(method: str, facts: Facts, config: Mapping[str, Any] | None = None) -> float:
    """Return the cost as a share of retraining the model, counted in examples that pass forwards and backwards."""
    return _entry(method).cost(facts, _completed(method, facts, config))


def preparation_cost(method: str, facts: Facts, config: Mapping[str, Any] | None = None) -> float:
    """Return the cost of what is computed once per model version for all of its requests, in the unit of `expected_cost`."""
    return _entry(method).preparation(facts, _completed(method, facts, config))


def budget_left(method: str, facts: Facts, config: Mapping[str, Any] | None = None) -> Budget | None:
    """Return the share of the model's budget that erasures spend; None if they spend nothing, or if it is not known."""
    return _entry(method).budget(facts, _completed(method, facts, config))


def _completed(method: str, facts: Facts, config: Mapping[str, Any] | None) -> dict[str, Any]:
    return complete_config(method, config or {}, facts.recipe)


def _entry(method: str) -> MethodEntry:
    if method not in METHODS:
        message = f"There is no method {method[:60]!r}; choose one of {', '.join(METHODS)}."
        raise SpecError(message)
    return METHODS[method]


def _checked(method: str, option: Option, value: object) -> int | float | str:
    where = f"{method}.{option.name}"
    if option.kind == "choice":
        if not isinstance(value, str) or value not in option.choices:
            message = f"{where} must be one of {', '.join(option.choices)}."
            raise SpecError(message)
        return value
    kinds = (int,) if option.kind == "int" else (int, float)
    if not isinstance(value, kinds) or isinstance(value, bool) or not option.low <= value <= option.high:
        number = "a whole number" if option.kind == "int" else "a number"
        message = f"{where} must be {number} from {option.low:g} to {option.high:g}."
        raise SpecError(message)
    return value if option.kind == "int" else float(value)


__all__ = [
    "ATTACKS",
    "CONCEPT_METHODS",
    "METHODS",
    "METRICS",
    "RELEARNING_STEPS",
    "AttackEntry",
    "Budget",
    "Facts",
    "MethodEntry",
    "MetricEntry",
    "Option",
    "attack_cost",
    "attack_obstacles",
    "attack_problems",
    "attacks_cost",
    "budget_left",
    "complete_concept_config",
    "complete_config",
    "expected_cost",
    "listed",
    "method_guarantee",
    "metric_problems",
    "metrics_of",
    "obstacles",
    "preparation_cost",
    "proposed_attacks",
    "unmeasurable",
]
