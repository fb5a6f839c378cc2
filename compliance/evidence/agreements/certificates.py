"""Facts about certificates: their words are the method's, and their numbers follow from the recipe and the options."""

from __future__ import annotations

import math
from typing import Final

from compliance.formats.certificates import DEFINITIONS

from .facts import of_report
from .specification import Specification
from .story import ToldReport

CLOSE: Final = 1e-6


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
    if told.specification.method.name == "certified_removal":
        architecture = told.specification.recipe.get("architecture", {})
        return {name: float(architecture.get(name, math.nan)) for name in ("epsilon", "delta")}
    return _of_private_training(told.specification, told.findings.certificate.epsilon, told.findings.certificate.records)


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


def _definition(told: ToldReport) -> str | None:
    certificate = None if told.findings is None else told.findings.certificate
    return None if certificate is None else certificate.definition


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
