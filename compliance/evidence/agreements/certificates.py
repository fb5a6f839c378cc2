"""Facts about certificates: their words are the method's, and their numbers follow from the recipe and the options.

Not computed again is how much of its budget certified removal has used: what each removal leaves depends on the corpus.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from compliance.evidence.recomputed.privacy import training_epsilon
from compliance.formats.certificates import DEFINITIONS, LEAST_DELTA, MOST_DELTA, ended_by

from .contents import FORGOTTEN
from .facts import of_report
from .reasons import since_training
from .specification import Specification
from .story import ToldReport

CLOSE: Final = 1e-6
ACCOUNTING: Final = 0.01
"""Relative error of the epsilon that is computed again. Absolutely, the engine's lies above it by at most so much more: it
reports the upper end of an interval."""
UPPER_END: Final = 0.03
REMOVAL: Final = "certified_removal"
"""The method whose epsilon is fixed in the recipe; those of others come from private training."""


def _promised(told: ToldReport) -> dict[str, float] | None:
    """Return the numbers of the certificate that follow from what the engine was told."""
    found, expected = told.findings, _expected(told)
    if found is None or found.certificate is None or expected is None:
        return None
    return {name: getattr(found.certificate, name) for name in expected}


def _expected(told: ToldReport) -> dict[str, float] | None:
    """Return what epsilon, delta and the share of the budget must be; nothing that a recipe lacks can be promised."""
    if told.findings is None or told.findings.certificate is None or told.specification is None:
        return None
    if told.specification.method.name == REMOVAL:
        return _of_removal(told.specification.recipe.get("architecture", {}))
    return _of_private_training(told.specification, told.findings.certificate.epsilon, told.findings.certificate.records)


def _of_removal(architecture: Mapping[str, Any]) -> dict[str, float]:
    """Return the epsilon and delta that the recipe fixed, within the bounds up to which removal is proved."""
    names = ("epsilon", "delta", "perturbation")
    epsilon, delta, noise = (float(architecture.get(name, math.nan)) for name in names)
    if not (0 < epsilon <= 1 and 0 < delta <= MOST_DELTA and noise > 0):
        return {"epsilon": math.nan, "delta": math.nan}
    return {"epsilon": epsilon, "delta": delta}


def _of_private_training(spec: Specification, epsilon: float, records: int) -> dict[str, float]:
    """Return the delta of a group, from its epsilon and the delta of one example, and the larger share of the two limits."""
    privacy = spec.recipe.get("privacy") or {}
    one = epsilon / max(records, 1)
    factor = math.expm1(epsilon) / math.expm1(one) if 0 < epsilon < math.log(1e300) else float(records)
    delta = min(1.0, privacy.get("delta", math.nan) * factor)
    limits = ((epsilon, spec.method.config.get("max_epsilon", 0.0)), (delta, spec.method.config.get("max_delta", 0.0)))
    shares = [spent / limit if limit > 0 else math.inf if spent > 0 else 0.0 for spent, limit in limits]
    return {"delta": delta, "budget_spent": max(shares)}


def promised_alike(stated: dict[str, float], expected: dict[str, float]) -> bool:
    """Return whether numbers are equal up to rounding, however small they are."""
    return all(math.isclose(stated[name], expected[name], rel_tol=CLOSE) for name in expected)


def _epsilon_of_one(told: ToldReport) -> float | None:
    """Return what the certificate says that private training has cost each example, by the rule for groups."""
    certificate = None if told.findings is None else told.findings.certificate
    if certificate is None or told.specification is None or told.specification.method.name == REMOVAL:
        return None
    return certificate.epsilon / max(certificate.records, 1)


def _epsilon_of_training(told: ToldReport) -> float | None:
    """Return what private training by the recipe costs an example; infinite if it is not private, or cannot be accounted."""
    spec = told.specification
    if spec is None or told.findings is None or told.findings.certificate is None:
        return None
    recipe, privacy = spec.recipe, spec.recipe.get("privacy")
    if not privacy or not LEAST_DELTA <= privacy["delta"] <= MOST_DELTA:
        return math.inf
    examples, size = _trained_on(told, spec), recipe["batch_size"]
    steps = recipe["epochs"] * math.ceil(examples / size)
    return training_epsilon(privacy["noise_multiplier"], min(1.0, size / examples), steps, privacy["delta"])


def _trained_on(told: ToldReport, spec: Specification) -> int:
    """Return how many examples the model was last trained on: those that remain, and those that were forgotten since."""
    since = {example_id for step in since_training(spec) for example_id in step.forget_ids}
    since |= {*spec.erased_ids, *spec.forget_ids}
    remaining = told.findings.train_examples if told.findings is not None else 0
    return remaining + len(since - {*spec.exclude_ids})


def accounted_alike(stated: float, computed: float) -> bool:
    """Return whether an epsilon is the engine's accounting: no smaller than that of the training, and hardly larger."""
    return computed * (1 - ACCOUNTING) <= stated <= computed * (1 + ACCOUNTING) + UPPER_END


def _definition(told: ToldReport) -> str | None:
    certificate = None if told.findings is None else told.findings.certificate
    return None if certificate is None else certificate.definition


def _ended_by(told: ToldReport) -> list[str] | None:
    """Return the methods that changed the model after the training on which a certified method relies."""
    spec = told.specification
    if spec is None or spec.method.name not in DEFINITIONS:
        return None
    return ended_by([step.method.name for step in spec.earlier], spec.method.name)


DEFINITION = of_report("result.json certificate.definition", _definition, "result.json certificate.definition")
METHOD_DEFINITIONS = of_report(
    "the bound of report method.name",
    lambda told: list(DEFINITIONS.get(told.report.method.name, ())),
    "report method.name",
)
PROMISED = of_report(
    "result.json certificate, its numbers",
    _promised,
    *(f"result.json certificate.{name}" for name in ("epsilon", "delta", "budget_spent", "records")),
)
PROMISED_BEFORE = of_report(
    "what spec.json recipe and method promise", _expected, "spec.json recipe", "spec.json method.config"
)
ENDED_BY = of_report(
    "the methods in spec.json earlier that end the promise of method.name",
    _ended_by,
    "spec.json method.name",
    "spec.json earlier",
)
EPSILON_OF_ONE = of_report(
    "result.json certificate.epsilon, for each example",
    _epsilon_of_one,
    "result.json certificate.epsilon",
    "result.json certificate.records",
)
EPSILON_OF_TRAINING = of_report(
    "what training by spec.json recipe costs an example",
    _epsilon_of_training,
    "spec.json recipe",
    "result.json train_examples",
    *FORGOTTEN.places,
)
