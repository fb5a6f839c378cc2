"""Facts that are computed again from the raw outputs, and what the result states about them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from compliance.evidence.recomputed.controls import behaved, moved, precision
from compliance.evidence.recomputed.method import judge
from compliance.evidence.recomputed.models import Models
from compliance.evidence.recomputed.ranks import of_control, of_set, separation
from compliance.evidence.recomputed.shares import memorised, share_finding
from compliance.evidence.recomputed.shipped import judge_shipped, veto
from compliance.evidence.recomputed.student import deviation
from compliance.evidence.recomputed.twins import judge_twins
from compliance.formats.contracts import plain
from compliance.formats.findings import Control, EstimandFinding, Evaluation, InfluenceFinding, PermutationFinding
from compliance.formats.protocol import SHARES, Estimand, Protocol
from compliance.formats.results import COUNTS_BY_LEVEL
from compliance.formats.rules import Measured, is_measurable, reach_verdict, without_numbers

from .facts import of_report
from .measured import places_of, protocol_seeds, seeds_at_look
from .positions import named
from .reasons import controls_of, judged_by
from .story import ToldReport

TOLERANCE = 1e-6
"""Absolute and relative. Sums in another order differ by far less; estimates that matter differ by far more."""
DECIMALS = 0.0006
"""The numbers of a trajectory are rounded to three decimals."""
NUMBERS = ("estimate", "low", "high", "position", "margin_used", "judged")


def close(first: Any, second: Any) -> bool:
    """Return whether two values are equal, numbers up to rounding."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(close(first[name], second[name]) for name in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(close, first, second))
    if isinstance(first, float) and isinstance(second, float):
        return math.isclose(first, second, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return type(first) is type(second) and bool(first == second)


def rounded_alike(first: dict[str, list[float]], second: dict[str, list[float]]) -> bool:
    """Return whether the numbers of each example are those of the raw outputs, rounded."""
    return all(
        name in second and all(abs(a - b) <= DECIMALS for a, b in zip(numbers, second[name], strict=True))
        for name, numbers in first.items()
    )


def _of_models(
    value: Callable[[Models, ToldReport], Any], *, first_version: bool = False, without_oracles: bool = False
) -> Callable[[ToldReport], Any]:
    """Return what `value` makes of models that answer with numbers, at a look that the protocol has."""

    def read(told: ToldReport) -> Any:
        if told.outputs is None or told.specification is None or told.evaluation is None:
            return None
        if (told.first_version and not first_version) or told.protocol.has_oracles == without_oracles:
            return None
        if not told.outputs.are_finite(places_of(told)) or told.outputs.seeds() != protocol_seeds(told):
            return None  # other pairs say so
        return value(told.outputs.models(told.specification.seed), told)

    return read


def _stated(value: Callable[[Evaluation], Any], *, first_version: bool = False) -> Callable[[ToldReport], Any]:
    """Return what `value` makes of an evaluation of models that answer with numbers."""

    def read(told: ToldReport) -> Any:
        if told.evaluation is None or told.evaluation.gap is None or (told.first_version and not first_version):
            return None
        return value(told.evaluation)

    return read


def _numbers(finding: EstimandFinding) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in NUMBERS}


def _findings(models: Models, told: ToldReport) -> dict[str, Any]:
    """Return what every estimand says, in the order and the scopes that the result must have."""
    return {named(one): _numbers(one) for one in _judged(models, told.protocol)}


def _judged(models: Models, protocol: Protocol) -> Iterator[EstimandFinding]:
    alpha, several = protocol.alpha_per_look, len(models.of("unlearned")) > 1
    for estimand in protocol.estimands:
        if several:
            yield _about_method(models, estimand, alpha)
        yield judge_shipped(models, estimand, alpha)


def _about_method(models: Models, estimand: Estimand, alpha: float) -> EstimandFinding:
    if estimand.kind in SHARES:
        return share_finding(models, estimand, "method", alpha)
    return judge(models, estimand, alpha)


def _first_findings(models: Models, told: ToldReport) -> dict[str, Any] | None:
    """Return the estimates and intervals of the first version, which were about the method."""
    if not told.first_version:
        return None
    found = [judge(models, one, told.protocol.alpha) for one in told.protocol.estimands]
    return {named(one): [one.estimate, one.low, one.high] for one in found}


def _first_stated(told: ToldReport) -> dict[str, Any] | None:
    if not told.first_version or told.evaluation is None or told.evaluation.gap is None:
        return None
    return {named(one): [one.estimate, one.low, one.high] for one in told.evaluation.estimands}


def _behaved(models: Models, told: ToldReport) -> dict[str, bool]:
    controls = told.evaluation.controls if told.evaluation is not None else ()
    return {control.name: behaved(models, told.protocol, control.name) for control in controls}


def _influence(models: Models, told: ToldReport) -> Any:
    if len(models.of("original")) < 2:  # noqa: PLR2004  # one has no spread
        return "nothing"
    alpha = told.protocol.alpha_per_look
    by, by_level = moved(models, alpha), told.findings is not None and told.findings.version >= COUNTS_BY_LEVEL
    known = memorised(models, alpha if by_level else None)
    return {"probability_low": by.low, "probability_high": by.high, "memorised": known}


def _stated_influence(evaluation: Evaluation) -> Any:
    one = evaluation.influence
    if one is None:
        return "nothing"
    return {"probability_low": one.probability_low, "probability_high": one.probability_high, "memorised": one.memorised}


def _earlier_looks(told: ToldReport) -> dict[str, str] | None:
    """Return the outcomes of the looks before the one that is told; None if there were none."""
    outputs, evaluation, spec = told.outputs, told.evaluation, told.specification
    if outputs is None or evaluation is None or spec is None or outputs.seeds() != protocol_seeds(told):
        return None  # other pairs say so
    outcomes: dict[str, str] = {}
    for look in range(1, evaluation.look):
        then = outputs.only(seeds_at_look(told, look) or {})
        if groups := then.groups_without_numbers(places_of(told)):
            outcomes[f"look {look}"] = without_numbers(groups, evaluation.process, judged_by(told)).outcome
        else:
            outcomes[f"look {look}"] = _outcome(then.models(spec.seed), told)
    return outcomes or None


def _outcome(models: Models, told: ToldReport) -> str:
    """Return what the measurements decided; exact and certified results have one look, so nothing can be vetoed here."""
    protocol, untested = told.protocol, PermutationFinding(0.0, 1.0, 1, exhaustive=True)
    controls = [Control(name, behaved(models, protocol, name), untested, "") for name in controls_of(protocol)]
    nothing = [control for control in controls if control.name == "do_nothing"]
    influence = None
    if nothing:
        found = InfluenceFinding(**_influence(models, told), limit=protocol.influence, measurable=None)
        influence = replace(found, measurable=is_measurable(found, nothing[0]))
    measured = Measured(tuple(_judged(models, protocol)), untested, tuple(controls), influence, vetoes=())
    return reach_verdict(measured, (), "empirical", protocol.alpha).outcome


def _undecided(told: ToldReport) -> dict[str, str] | None:
    if told.evaluation is None or told.evaluation.look <= 1:
        return None
    return {f"look {look}": "inconclusive" for look in range(1, told.evaluation.look)}


def _vetoes(models: Models, told: ToldReport) -> list[Any]:
    sides = ((one.name, veto(models, one)) for one in told.protocol.estimands)
    return [{"estimand": name, "side": side} for name, side in sides if side is not None]


def _apart(models: Models, told: ToldReport) -> dict[str, Any]:
    """Return how far the groups that are compared are apart, by set and control, and example by example."""
    evaluation, sets = told.evaluation, {name for _, name, _ in models.values} & {"forget", "retain", "held_out"}
    groups = [models.matrix(group, "forget", "margin") for group in ("unlearned", "oracle")]
    controls = [] if evaluation is None else [control.name for control in evaluation.controls]
    return (
        {name: of_set(models, name) for name in sorted(sets)}
        | {name: of_control(models, name) for name in controls}
        | {"examples": separation(*groups)}
    )


def _stated_apart(evaluation: Evaluation) -> dict[str, Any]:
    sets = {one.examples: one.permutation.statistic for one in evaluation.sets}
    controls = {control.name: control.permutation.statistic for control in evaluation.controls}
    return sets | controls | {"examples": list(evaluation.examples.auc) if evaluation.examples is not None else []}


def _stated_twins(told: ToldReport) -> Any:
    twins = None if told.evaluation is None else told.evaluation.twins
    return None if twins is None else plain(twins)


def _oracles_of_examples(models: Models, told: ToldReport) -> dict[str, Any] | None:
    if told.outputs is None:
        return None
    ids = told.outputs.sets["forget"][0].ids
    columns = zip(*models.matrix("oracle", "forget", "margin"), strict=True)
    return {name: [sum(one) / len(one), deviation(one)] for name, one in zip(ids, columns, strict=True)}


def _stated_oracles(told: ToldReport) -> dict[str, Any] | None:
    trajectory = told.findings.trajectory if told.findings is not None else None
    return {one.example_id: [one.oracle_mean, one.oracle_deviation] for one in trajectory.examples} if trajectory else None


def _paths(*names: str) -> tuple[str, ...]:
    return tuple(f"result.json evaluation.{name}" for name in names)


_COLUMNS = tuple(f"examples.parquet {name}" for name in ("margin", "log_likelihood", "probability", "accuracy"))
FINDINGS = of_report("examples.parquet, estimands", _of_models(_findings), *_COLUMNS)
STATED_FINDINGS = of_report(
    "result.json evaluation.estimands, numbers",
    _stated(lambda evaluation: {named(one): _numbers(one) for one in evaluation.estimands}),
    *_paths(*(f"estimands.{name}" for name in NUMBERS)),
)
FIRST_FINDINGS = of_report(
    "examples.parquet, estimands of the first version", _of_models(_first_findings, first_version=True), *_COLUMNS
)
FIRST_STATED = of_report("result.json evaluation.estimands, intervals", _first_stated, *_paths("estimands.estimate"))
TWINS = of_report(
    "examples.parquet, held-out twins",
    _of_models(lambda models, told: plain(judge_twins(models, told.protocol.alpha)), without_oracles=True),
    *_COLUMNS,
)
STATED_TWINS = of_report("result.json evaluation.twins", _stated_twins, "result.json evaluation.twins")
BEHAVED = of_report(
    "examples.parquet, controls",
    _of_models(_behaved),
    *_COLUMNS,
)
STATED_BEHAVED = of_report(
    "result.json evaluation.controls behaved",
    _stated(lambda evaluation: {control.name: control.behaved for control in evaluation.controls}),
    *_paths("controls.behaved"),
)
EARLIER_LOOKS = of_report(
    "examples.parquet, verdicts of the looks before", _earlier_looks, *_COLUMNS, "result.json evaluation.look"
)
UNDECIDED = of_report("that none of these looks decided", _undecided, "result.json evaluation.look")
INFLUENCES = of_report("examples.parquet, influence", _of_models(_influence), *_COLUMNS)
STATED_INFLUENCES = of_report(
    "result.json evaluation.influence, numbers",
    _stated(_stated_influence),
    *_paths(*(f"influence.{name}" for name in ("probability_low", "probability_high", "memorised"))),
)
VETOES = of_report("examples.parquet, vetoes", _of_models(_vetoes), *_COLUMNS)
STATED_VETOES = of_report(
    "result.json evaluation.vetoes", _stated(lambda evaluation: plain(evaluation.vetoes)), *_paths("vetoes")
)
PRECISION = of_report(
    "examples.parquet, precision", _of_models(lambda models, _told: plain(precision(models)) or "none"), *_COLUMNS
)
STATED_PRECISION = of_report(
    "result.json evaluation.precision",
    _stated(lambda evaluation: plain(evaluation.precision) or "none"),
    *_paths("precision"),
)
APART = of_report("examples.parquet, groups told apart", _of_models(_apart, first_version=True), *_COLUMNS)
STATED_APART = of_report(
    "result.json evaluation, groups told apart",
    _stated(_stated_apart, first_version=True),
    *_paths("examples.auc", "sets.permutation.statistic", "controls.permutation.statistic", "sets.examples"),
)
ORACLES_OF_EXAMPLES = of_report(
    "examples.parquet, oracles by example", _of_models(_oracles_of_examples, first_version=True), *_COLUMNS
)
STATED_ORACLES = of_report(
    "result.json trajectory.examples, oracles",
    _stated_oracles,
    "result.json trajectory.examples.oracle_mean",
    "result.json trajectory.examples.oracle_deviation",
)
