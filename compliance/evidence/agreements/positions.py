"""Facts about what each estimand says: the position follows from the estimate, its interval and the margin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from compliance.formats.findings import EstimandFinding, Position
from compliance.formats.protocol import HALF, SHARES

from .facts import Fact, of_report
from .story import ToldReport

UNBOUNDED = 1000.0
"""The engine clips what it gives in units of the gap to this."""
SLACK = 1e-6
"""Ends of intervals are found to this."""


def possible_positions(finding: EstimandFinding) -> list[Position]:
    """Return the positions that an estimand can have with the numbers that are stated about it; none if those are at odds.

    How far from the oracles a further one may lie only the raw outputs say. It decides about the shipped model where its
    interval does not.
    """
    estimand, margin = finding.estimand, finding.estimand.margin
    if not finding.low - SLACK <= finding.estimate <= finding.high + SLACK or not _has_its_margin(finding):
        return []
    if estimand.kind in SHARES:
        return _of_share(finding)
    two_sided = estimand.kind == "location"
    if finding.scope == "method":
        return [_of_interval(finding, margin if finding.margin_used is None else finding.margin_used, two_sided=two_sided)]
    return list(_of_shipped(finding, two_sided=two_sided))


def _has_its_margin(finding: EstimandFinding) -> bool:
    """Return whether the margin that was used can be that of such an estimand: it is never finer than the protocol's.

    Shares, and the method in units of the gap, have no other than the protocol's; the shipped model's location in units of
    the gap has none beyond half of it.
    """
    estimand, used = finding.estimand, finding.margin_used
    if used is None:
        return True
    in_gaps = estimand.unit == "gap"
    if estimand.kind in SHARES or (in_gaps and finding.scope == "method"):
        return False
    bound = max(HALF, estimand.margin) if in_gaps and estimand.kind == "location" else UNBOUNDED
    return estimand.margin < used <= bound


def _of_share(finding: EstimandFinding) -> list[Position]:
    judged, margin = finding.judged, finding.estimand.margin
    if judged is None or judged < 0 or not 0 <= finding.low <= finding.estimate <= finding.high <= 1:
        return []
    if any(abs(share * judged - round(share * judged)) > SLACK for share in (finding.low, finding.estimate, finding.high)):
        return []
    if finding.estimand.kind == "missed" and finding.scope == "method" and not judged:
        return ["undecided"]  # an absent measurement is not a pass
    return ["within" if finding.high <= margin else "above" if finding.low > margin else "undecided"]


def _of_interval(finding: EstimandFinding, margin: float, *, two_sided: bool) -> Position:
    if finding.low <= -UNBOUNDED and finding.high >= UNBOUNDED:
        return "undecided"  # the unit is not known
    if finding.low > margin:
        return "above"
    if two_sided and finding.high < -margin:
        return "below"
    return "within" if finding.high < margin and (not two_sided or finding.low > -margin) else "undecided"


def _of_shipped(finding: EstimandFinding, *, two_sided: bool) -> Iterator[Position]:
    margin = finding.estimand.margin
    used = margin if finding.margin_used is None else finding.margin_used
    if finding.estimand.unit == "absolute" and _of_interval(finding, margin, two_sided=two_sided) == "within":
        yield "within"
        return
    if (abs(finding.estimate) if two_sided else finding.estimate) <= used:
        yield "within"
    if finding.estimate > margin:
        yield "above"
    if two_sided and finding.estimate < -margin:
        yield "below"
    yield "undecided"


def each_is_possible(stated: dict[str, Any], possible: dict[str, Any]) -> bool:
    return all(position in possible[name] for name, position in stated.items())


def by_finding(value: Callable[[EstimandFinding], Any]) -> Callable[[ToldReport], Any]:
    def read(told: ToldReport) -> dict[str, Any] | None:
        return None if told.evaluation is None else {named(one): value(one) for one in told.evaluation.estimands}

    return read


def named(finding: EstimandFinding) -> str:
    return f"{finding.estimand.name} ({finding.scope})"


def _scopes(told: ToldReport) -> list[str] | None:
    """Return what was judged: the shipped model by itself, and the method if several models were unlearned."""
    evaluation = told.evaluation
    return None if evaluation is None or evaluation.gap is None else sorted({one.scope for one in evaluation.estimands})


def _expected_scopes(told: ToldReport) -> list[str] | None:
    if told.findings is None:
        return None
    method = ["method"] if told.protocol.replicate_seeds else []
    return method if told.first_version else [*method, "shipped"]


_NUMBERS = tuple(
    f"result.json evaluation.estimands.{name}" for name in ("estimate", "low", "high", "margin_used", "judged", "scope")
)
POSITIONS: Fact = of_report(
    "result.json evaluation.estimands.position",
    by_finding(lambda one: one.position),
    "result.json evaluation.estimands.position",
)
POSSIBLE_POSITIONS: Fact = of_report(
    "the positions that its estimates, intervals and margins can have", by_finding(possible_positions), *_NUMBERS
)
SCOPES = of_report("what result.json evaluation.estimands is about", _scopes, "result.json evaluation.estimands.scope")
EXPECTED_SCOPES = of_report(
    "what must be judged by the report's protocol", _expected_scopes, "report protocol", "result.json version"
)
