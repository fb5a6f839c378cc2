"""Certified methods: their results carry a guarantee in numbers."""

from __future__ import annotations

import math
from typing import Final

from compliance.formats.certificates import MOST_DELTA, MOST_EPSILON
from compliance.formats.translation import gettext_noop as _
from unlearning_jobs.engine.contracts.families import describe_family
from unlearning_jobs.engine.privacy_budget import (
    affordable_examples,
    broken_promise,
    budget_share,
    erased_examples,
    group_privacy,
    overspent,
)

from .entry import Budget, Config, Facts, MethodEntry, Option, all_examples_named

NEWTON_PASSES: Final = 8
"""Passes over the examples that it takes to solve a logistic regression, roughly; a removal takes one."""


def _nothing_to_do(_facts: Facts, _config: Config) -> float:
    return 0.0


def _passes_share(facts: Facts, config: Config) -> float:
    steps = math.ceil(facts.forget / int(config["records_per_step"]))
    return steps / NEWTON_PASSES


def _private_obstacles(facts: Facts, config: Config) -> list[str]:
    if facts.recipe.privacy is None:
        return ["The model was not trained privately, so leaving it as it is promises nothing: its recipe has no privacy."]
    if problem := broken_promise(facts.earlier, "dp_sgd"):
        return [problem]
    if facts.epsilon is None:  # the engine knows it, at the latest when it loads the model
        return []
    erased = erased_examples(facts.earlier, facts.forget)
    limits = {"max_epsilon": config["max_epsilon"], "max_delta": config["max_delta"]}
    problem = overspent(facts.epsilon, facts.recipe.privacy.delta, erased, **limits)
    return [problem] if problem else []


def _private_budget(facts: Facts, config: Config) -> Budget | None:
    if facts.recipe.privacy is None or facts.epsilon is None:
        return None
    per_example = facts.epsilon, facts.recipe.privacy.delta
    limits = {"max_epsilon": config["max_epsilon"], "max_delta": config["max_delta"]}
    before, after = (erased_examples(facts.earlier, now) for now in (0, facts.forget))
    return Budget(
        before=budget_share(*group_privacy(*per_example, before), **limits),
        after=budget_share(*group_privacy(*per_example, after), **limits),
        examples_left=max(0, affordable_examples(*per_example, **limits) - after),
    )


def _removal_budget(facts: Facts, _config: Config) -> Budget:
    """Return what is spent so far. The bound of a step depends on the examples that it removes."""
    return Budget(facts.budget_spent, after=None)


def _removal_obstacles(facts: Facts, config: Config) -> list[str]:
    if not describe_family(facts.recipe.family).certifies_removal:
        return ["Its bound holds for a convex loss only, and this model's is not; train a logistic head on frozen features."]
    problems = all_examples_named(facts, config)
    if problem := broken_promise(facts.earlier, "certified_removal"):
        problems.append(problem)
    if facts.budget_spent >= 1:
        problems.append("The model's budget for removals is spent; retrain it without the examples.")
    return problems


CERTIFIED: Final = (
    MethodEntry(
        "certified_removal",
        _("Certified removal"),
        "certified",
        lambda family: family.certifies_removal,
        "Guo et al. 2020, Certified Data Removal from Machine Learning Models, arXiv 1911.03030",
        _(
            "For logistic regressions on frozen features whose training adds a random term to the objective. Takes a Newton"
            " step towards the optimum without the examples and bounds how much of their influence remains. As long as all"
            " bounds over the model's life add up to no more than the random term hides, the result is within (epsilon,"
            " delta) of training without the examples. After that, only retraining helps."
        ),
        (
            Option(
                "records_per_step",
                "int",
                1,
                _(
                    "Examples per Newton step. Removing them one by one uses the least of the budget, and costs a pass over"
                    " the corpus for each."
                ),
                1,
                1_000_000,
            ),
        ),
        cost=_passes_share,
        obstacles=_removal_obstacles,
        budget=_removal_budget,
    ),
    MethodEntry(
        "dp_sgd",
        _("Keep a privately trained model"),
        "certified",
        lambda family: family.trains_privately,
        "Abadi et al. 2016, Deep Learning with Differential Privacy, arXiv 1607.00133; Ginart et al. 2019, arXiv 1907.05012",
        _(
            "For models whose training was differentially private: it hardly depended on any single example, so the model"
            " stays as it is and is within (epsilon, delta) of a model trained without the erased examples. Both numbers"
            " grow with the examples erased over the model's life, whoever they are about. Beyond the limits, only"
            " retraining helps."
        ),
        (
            Option(
                "max_epsilon",
                "float",
                3.0,
                _("Largest epsilon for all examples erased so far. Above 4, it says little."),
                0,
                MOST_EPSILON,
            ),
            Option("max_delta", "float", 1e-3, _("Largest delta for all examples erased so far."), 0, MOST_DELTA),
        ),
        cost=_nothing_to_do,
        obstacles=_private_obstacles,
        budget=_private_budget,
    ),
)
