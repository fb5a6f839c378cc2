"""The verdict, from the protocol alone."""

from __future__ import annotations

from collections.abc import Sequence

from unlearning_jobs.engine.contracts import Control, Direction, EstimandFinding, PermutationFinding, Reason, Verdict

WHAT = {
    ("forget", "location"): "The mean margin on the forget set",
    ("forget", "deviation"): "The distance to the oracles, example by example, on the forget set",
    ("retain", "location"): "The mean on the retain set",
    ("held_out", "location"): "The mean on held-out examples",
}
POSITIONS = {
    "above": "lies above the margin",
    "below": "lies below the margin",
    "undecided": "cannot be placed inside or outside the margin with so few models",
}


def reach_verdict(
    estimands: Sequence[EstimandFinding], permutation: PermutationFinding, controls: Sequence[Control], alpha: float
) -> Verdict:
    """The outcome.

    inconclusive: a control did not behave. failed: an estimand lies outside its margin. passed: every estimand lies
    within (an intersection-union test, so alpha needs no correction for their number). Else inconclusive.
    """
    if misbehaved := [Reason("control_misbehaved", c.note) for c in controls if not c.behaved]:
        return Verdict("inconclusive", None, tuple(misbehaved))
    if outside := [f for f in estimands if f.position in ("above", "below")]:
        return Verdict("failed", _direction(outside), tuple(map(_reason, outside)))
    if undecided := [f for f in estimands if f.position == "undecided"]:
        return Verdict("inconclusive", None, tuple(map(_reason, undecided)))
    return Verdict("passed", None, (_passed(permutation, alpha),))


def _direction(outside: Sequence[EstimandFinding]) -> Direction | None:
    for finding in outside:
        if (finding.estimand.examples, finding.estimand.kind) == ("forget", "location"):
            return "undershot" if finding.position == "above" else "overshot"
    return None


def _reason(finding: EstimandFinding) -> Reason:
    e = finding.estimand
    what = WHAT.get((e.examples, e.kind), f"The {e.kind} on the set {e.examples}")
    unit = "of the do-nothing gap" if e.unit == "gap" else f"of {e.statistic}"
    bounds = f"at most {e.margin:g}" if e.kind == "deviation" else f"±{e.margin:g}"
    sentence = (
        f"{what} {POSITIONS[finding.position]}: {finding.estimate:.3g}, interval {finding.low:.3g} to {finding.high:.3g},"
        f" margin {bounds} {unit}."
    )
    return Reason(f"{e.name}_{finding.position}", sentence)


def _passed(permutation: PermutationFinding, alpha: float) -> Reason:
    if permutation.p_value > alpha:
        return Reason(
            "within_margins",
            "Every estimand lies within its margin, and no difference to the oracles was detected"
            f" (p = {permutation.p_value:.3g}).",
        )
    return Reason(
        "within_margins_detectable",
        "Every estimand lies within its margin. The unlearned models can still be told from the oracles"
        f" (p = {permutation.p_value:.3g}): the difference is real and smaller than the margin fixed beforehand.",
    )
