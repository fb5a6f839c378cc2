"""Facts about what a result says that it does not show, and which metrics it reports: both follow from what was asked."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, Final

from compliance.evidence.recomputed.power import detectable_effect
from compliance.formats.limits import (
    METRICS_OF_ATTACKS,
    WITHOUT_SEEDS,
    Circumstances,
    asked_metrics,
    has_power,
    limits_of,
)
from compliance.formats.results import SAYS_LIMITS, START_FROM_BASE
from compliance.formats.specifications import specification_problem

from .contents import forget_ids
from .facts import of_report
from .raw_outputs import RawOutputs
from .reasons import judged_by
from .story import ToldReport

EFFECT: Final = re.compile(r"finds a difference of (\d+\.\d\d) standard deviations", re.ASCII)
ROUNDED: Final = 0.0051
"""How far the stated effect may lie from the computed one: it has two decimals."""
FAR: Final = 50.0
"""From such an effect on, the integral is exact to a hundredth of it only."""
RESOLUTION: Final = 1e-6
EDGE: Final = 0.1
"""Differences so near to the resolution, as a share of it, may count as rounding or not: files hold rounded numbers."""


def _says_limits(told: ToldReport) -> bool:
    """Return whether the limits can be compared: by the present sentences, at a look that the protocol has."""
    if told.findings is None or told.specification is None or told.evaluation is None:
        return False
    return told.findings.version >= SAYS_LIMITS and 1 <= told.evaluation.look <= told.protocol.looks


def _stated(told: ToldReport) -> list[str] | None:
    return list(told.evaluation.limits) if told.evaluation is not None and _says_limits(told) else None


def _reported(told: ToldReport) -> list[str] | None:
    return list(told.report.does_not_show) if _says_limits(told) else None


def _expected(told: ToldReport) -> list[str] | None:
    """Return the limits that follow from the protocol, the specification, the evaluation and, if there, the raw outputs."""
    evaluation, specification, forgotten = told.evaluation, told.specification, forget_ids(told)
    if evaluation is None or specification is None or forgotten is None or not _says_limits(told):
        return None
    protocol, stated = told.protocol, evaluation.limits
    unlearned, oracles = protocol.unlearned_at(evaluation.look), protocol.oracles_at(evaluation.look)
    effect = None
    if has_power(unlearned, paired=protocol.paired):
        effect = _effect(detectable_effect(unlearned, oracles, protocol.alpha_per_look), stated)
    about = Circumstances(
        guarantee=judged_by(told),
        from_checkpoint=specification.recipe.get("family") in START_FROM_BASE,
        unlearned=unlearned,
        oracles=oracles,
        paired=protocol.paired,
        seeds_matter=_seeds_matter(told.outputs, stated=WITHOUT_SEEDS not in stated),
        forget=len(forgotten),
        duplicates=len({one.retain_id for one in evaluation.duplicates}),
        metrics=frozenset(metric.name for metric in evaluation.metrics),
        effect=effect,
    )
    return list(limits_of(protocol, about))


def _effect(computed: float, stated: Sequence[str]) -> float:
    """Return the effect as it is stated, if that is the computed one up to rounding."""
    found = [float(match[1]) for sentence in stated if (match := EFFECT.search(sentence))]
    tolerance = ROUNDED if computed < FAR else computed / 100
    return found[0] if len(found) == 1 and abs(found[0] - computed) <= tolerance else computed


def _seeds_matter(outputs: RawOutputs | None, *, stated: bool) -> bool:
    """Return whether oracles differ by more than rounding; as it is stated where nobody can tell."""
    oracles = [] if outputs is None else [one for one in outputs.sets.get("forget", ()) if one.group == "oracle"]
    if not oracles:
        return stated
    pairs = [(a, b) for one in oracles for a, b in zip(one.values["margin"], oracles[0].values["margin"], strict=True)]
    apart = max((_distance(a, b) for a, b in pairs), default=0.0)
    return stated if abs(apart - 1) < EDGE else apart > 1


def _distance(first: float | None, second: float | None) -> float:
    """Return the distance of two numbers, in units of the resolution of numbers of this size; none is far from all."""
    if first is None or second is None:
        return math.inf
    if not (math.isfinite(first) and math.isfinite(second)):
        return 0.0 if first == second else math.inf
    return abs(first - second) / (RESOLUTION * (1 + abs(second)))


def _metrics(told: ToldReport) -> list[str] | None:
    if told.evaluation is None:
        return None
    return sorted({metric.name for metric in told.evaluation.metrics})


def _possible_metrics(told: ToldReport) -> dict[str, Any] | None:
    """Return which metrics may be reported: those that the protocol lists, or any but those of attacks that it omits."""
    if told.evaluation is None:
        return None
    protocol = told.protocol
    left_out = sorted(
        name for attack, names in METRICS_OF_ATTACKS.items() if attack not in protocol.all_attacks for name in names
    )
    return {"only": None if protocol.metrics is None else sorted(asked_metrics(protocol)), "without": left_out}


def are_asked_for(metrics: Sequence[str], possible: dict[str, Any]) -> bool:
    """Return whether nothing is reported that nobody asked for."""
    only = possible["only"]
    return not set(metrics) & set(possible["without"]) and (only is None or set(metrics) <= set(only))


def _specification_problems(told: ToldReport) -> list[str] | None:
    """Return why there can be no job with such a specification."""
    spec = told.specification
    if spec is None:
        return None
    family = str(spec.recipe.get("family"))
    problem = specification_problem(
        spec.kind,
        family,
        starts_from_base=family in START_FROM_BASE,
        base=spec.base,
        has_artefact=spec.artefact is not None,
        assurance=spec.assurance,
        in_shards=spec.recipe.get("sharding") is not None,
    )
    return [problem] if problem else []


LIMITS = of_report("result.json evaluation.limits of this version", _stated, "result.json evaluation.limits")
REPORTED_LIMITS = of_report("report does_not_show of this version", _reported, "report does_not_show")
EXPECTED_LIMITS = of_report(
    "what report protocol, spec.json and result.json do not show",
    _expected,
    "report protocol",
    *(f"spec.json {name}" for name in ("recipe", "forget_ids")),
    *(f"result.json evaluation.{name}" for name in ("look", "duplicates")),
)
MEASURED_LIMITS = of_report(
    "what report protocol, spec.json, result.json and examples.parquet do not show",
    _expected,
    *(*EXPECTED_LIMITS.places, "examples.parquet margin"),
)
METRICS = of_report("result.json evaluation.metrics, by name", _metrics, "result.json evaluation.metrics.name")
POSSIBLE_METRICS = of_report("the metrics that report protocol leaves open", _possible_metrics, "report protocol")
SPECIFICATION_PROBLEMS = of_report(
    "what is wrong with spec.json",
    _specification_problems,
    *(f"spec.json {name}" for name in ("kind", "recipe", "base", "artefact", "assurance")),
)
