"""Reaches the verdict, from what the protocol fixed and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from unlearning_jobs.engine.contracts import Control, Direction, EstimandFinding, PermutationFinding, Reason, Verdict

SUBJECTS = {
    ("forget", "location"): "The mean margin on the forget set",
    ("forget", "deviation"): "The mean distance of single forget examples from the oracles",
    ("retain", "location"): "The mean on the retain set",
    ("held_out", "location"): "The mean on held-out examples",
}
POSITIONS = {
    "above": "lies above the margin",
    "below": "lies below the margin",
    "undecided": "cannot be placed inside or outside the margin with this number of models",
}


def reach_verdict(
    estimands: Sequence[EstimandFinding], permutation: PermutationFinding, controls: Sequence[Control], alpha: float
) -> Verdict:
    """Return the verdict, from the first of these rules that applies.

    1. A control misbehaved: inconclusive.
    2. An estimand lies outside its margin: failed.
    3. An estimand is undecided: inconclusive.
    4. All estimands lie within their margins: passed. This is an intersection-union test, so alpha needs no correction for
       the number of estimands.
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
    subject = SUBJECTS.get((e.examples, e.kind), f"The {e.kind} on the set {e.examples}")
    unit = "of the do-nothing gap" if e.unit == "gap" else f"of {e.statistic}"
    bounds = f"at most {e.margin:g}" if e.kind == "deviation" else f"±{e.margin:g}"
    sentence = (
        f"{subject} {POSITIONS[finding.position]}: {finding.estimate:.3g}, interval {finding.low:.3g} to {finding.high:.3g},"
        f" margin {bounds} {unit}."
    )
    return Reason(f"{e.name}_{finding.position}", sentence)


def _passed(permutation: PermutationFinding, alpha: float) -> Reason:
    if permutation.p_value > alpha:
        return Reason(
            "within_margins",
            "Every estimand lies within its margin, and no difference from the oracles was detected"
            f" (p = {permutation.p_value:.3g}).",
        )
    return Reason(
        "within_margins_detectable",
        "Every estimand lies within its margin. The unlearned models can still be told from the oracles"
        f" (p = {permutation.p_value:.3g}): there is a difference, and it is smaller than the margin fixed beforehand.",
    )
