"""Reaches the verdict, from what the protocol fixed and nothing else, by what the method guarantees.

exact       released on the evidence of its process; the measurements can veto
certified   released on its certificate; the measurements can veto a damaged model
empirical   the measurements decide, about the method and about the shipped model
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, permutations

from .certificates import promises
from .findings import Control, EstimandFinding, Evaluation, InfluenceFinding, PermutationFinding, Position, ProcessCheck
from .protocol import ANNEXED, SHARES, Estimand, Protocol
from .results import Certificate
from .twins import twin_verdict
from .verdicts import Direction, Guarantee, Reason, Verdict

SUBJECTS = {
    ("forget", "location"): "the mean margin on the forget set",
    ("forget", "deviation"): "the mean distance of single forget examples from the oracles",
    ("forget", "missed"): "the share of forget examples still nearer to the original",
    ("retain", "location"): "the mean on the retain set",
    ("retain", "damaged"): "the share of retained examples that were damaged",
    ("held_out", "location"): "the mean on held-out examples",
    ("held_out", "damaged"): "the share of held-out examples that were damaged",
}
GROUPS = ("original", "unlearned", "oracle")
SCOPES = {"method": "About the method", "shipped": "About the shipped model"}
POSITIONS = {
    "above": "lies above the margin",
    "below": "lies below the margin",
    "undecided": "cannot be placed inside or outside the margin with this number of models",
}
VETOED = {"above": "is above what a retrained model could give", "below": "is below what a retrained model could give"}


@dataclass(frozen=True)
class Measured:
    """Everything that a verdict may depend on."""

    estimands: tuple[EstimandFinding, ...]
    permutation: PermutationFinding
    controls: tuple[Control, ...]
    influence: InfluenceFinding | None
    vetoes: tuple[tuple[Estimand, Position], ...]
    """Estimands by which the shipped model contradicts that it was trained without the forget set."""


def possible_verdicts(evaluation: Evaluation, protocol: Protocol, guarantee: Guarantee) -> list[Verdict]:
    """Return the verdicts that follow from what an evaluation states: one, unless a group of models gave no numbers.

    Which group that was, only the raw outputs say. From half an evaluation, nothing follows.
    """
    if evaluation.twins is not None:
        return [twin_verdict(evaluation.twins, protocol.alpha)]
    if evaluation.permutation is None and evaluation.gap is None:
        groups = (ones for count in (1, 2, 3) for ones in combinations(GROUPS, count))
        return [verdict for ones in groups for verdict in numberless_verdicts(ones, evaluation.process, guarantee)]
    if evaluation.permutation is None or evaluation.gap is None:
        return []
    estimands = {estimand.name: estimand for estimand in protocol.estimands}
    measured = Measured(
        estimands=evaluation.estimands,
        permutation=evaluation.permutation,
        controls=evaluation.controls,
        influence=evaluation.influence,
        vetoes=tuple((estimands[veto.estimand], veto.side) for veto in evaluation.vetoes if veto.estimand in estimands),
    )
    return [reach_verdict(measured, evaluation.process, guarantee, protocol.alpha)]


def reach_verdict(measured: Measured, process: Sequence[ProcessCheck], guarantee: Guarantee, alpha: float) -> Verdict:
    """Return the verdict of a finished evaluation."""
    if guarantee == "exact":
        return _on_process(process, measured.vetoes, "process_evidence", measured.controls)
    if guarantee == "certified":
        damage = [veto for veto in measured.vetoes if veto[0].examples != "forget" and _is_damage(veto)]
        return _on_process(process, damage, "certificate", measured.controls)
    return _on_measurements(measured, alpha)


def numberless_verdicts(groups: Sequence[str], process: Sequence[ProcessCheck], guarantee: Guarantee) -> list[Verdict]:
    """Return the verdicts if models of exactly these groups gave no numbers; they name the groups in any order."""
    return [without_numbers(ones, process, guarantee) for ones in permutations(groups)]


def without_numbers(groups: Sequence[str], process: Sequence[ProcessCheck], guarantee: Guarantee) -> Verdict:
    """Return the verdict if answers of models of these groups are no numbers."""
    if guarantee in ANNEXED and "unlearned" not in groups:
        return without_annex(process, guarantee)
    return not_finite(groups)


def not_finite(groups: Sequence[str]) -> Verdict:
    """Return the verdict for models whose answers are no numbers."""
    if "unlearned" in groups:
        sentence = "Answers of the unlearned models are not finite numbers: the models are destroyed."
        return Verdict("failed", None, (Reason("answers_not_finite", sentence),))
    sentence = (
        f"Answers of models of the group {', '.join(groups)} are not finite numbers, so nothing can be compared with them."
    )
    return Verdict("inconclusive", None, (Reason("reference_not_finite", sentence),))


def certificate_check(certificate: Certificate | None) -> ProcessCheck:
    """Return what a certified result rests on."""
    if certificate is None:
        return ProcessCheck("certificate", held=False, sentence="The method gave no certificate for this result.")
    numbers = f"epsilon {certificate.epsilon:.3g} and delta {certificate.delta:.3g} for {certificate.records} examples"
    if not promises(certificate):
        spent = f"{certificate.budget_spent:.3g} of the budget is spent"
        sentence = f"The result carries a certificate that promises nothing: {numbers}, {spent}."
        return ProcessCheck("certificate", held=False, sentence=sentence)
    sentence = f"The result carries a certificate: {numbers}. {certificate.definition}"
    return ProcessCheck("certificate", held=True, sentence=sentence)


def is_measurable(finding: InfluenceFinding, do_nothing: Control) -> bool | None:
    """Return whether the forget set moves a model at all; None if that is undecided."""
    if do_nothing.behaved or finding.memorised:
        return True
    negligible = -finding.limit < finding.probability_low and finding.probability_high < finding.limit
    return False if negligible else None


def without_annex(process: Sequence[ProcessCheck], guarantee: Guarantee) -> Verdict:
    """Return the verdict of an exact or certified result that no model could be compared with."""
    verdict = _on_process(process, (), "process_evidence" if guarantee == "exact" else "certificate")
    sentence = "Answers of the models for comparison are not finite numbers, so no measurement could contradict this."
    if verdict.outcome != "passed":
        return verdict
    return replace(verdict, reasons=(*verdict.reasons[:-1], Reason("annex_empty", sentence)))


def _on_process(
    process: Sequence[ProcessCheck],
    vetoes: Sequence[tuple[Estimand, Position]],
    code: str,
    controls: Sequence[Control] = (),
) -> Verdict:
    if contradicted := [Reason("process_contradicted", check.sentence) for check in process if check.held is False]:
        return Verdict("failed", None, tuple(contradicted))
    if not process or not all(check.held for check in process):
        unshown = " ".join(check.sentence for check in process if check.held is None)
        sentence = unshown or "Nothing shows how the result was made, so it cannot be released on that."
        return Verdict("inconclusive", None, (Reason("no_process_evidence", sentence),))
    if vetoes:
        reasons = (
            Reason(
                f"{estimand.name}_contradicts",
                f"The measurements contradict the process: {_subject(estimand)} {VETOED[side]}.",
            )
            for estimand, side in vetoes
            if side in VETOED
        )
        return Verdict("failed", _direction(vetoes), tuple(reasons))
    return Verdict("passed", None, (*(Reason(code, check.sentence) for check in process), _annex(controls)))


def _annex(controls: Sequence[Control]) -> Reason:
    """Return what the measurements are worth beside a process that shows how the result was made."""
    if misbehaved := [control.note for control in controls if not control.behaved]:
        return Reason("annex_weak", f"The measurements do not contradict this, and show little: {' '.join(misbehaved)}")
    return Reason("annex", "The measurements do not contradict this; they do not confirm it either.")


def _is_damage(veto: tuple[Estimand, Position]) -> bool:
    estimand, side = veto
    return estimand.kind == "damaged" or side == "below"


def _on_measurements(measured: Measured, alpha: float) -> Verdict:
    """Return the verdict from the first of these rules that applies.

    1. A control misbehaved: inconclusive; or, if there is nothing to measure, that finding.
    2. An estimand lies outside its margin: failed.
    3. An estimand is undecided: inconclusive.
    4. All estimands lie within their margins: passed. This is an intersection-union test, so alpha needs no correction for
       the number of estimands.
    """
    if misbehaved := [c for c in measured.controls if not c.behaved]:
        influence = measured.influence
        if [c.name for c in misbehaved] == ["do_nothing"] and influence and influence.measurable is False:
            return Verdict("no_influence", None, (_no_influence(influence),))
        return Verdict("inconclusive", None, tuple(Reason("control_misbehaved", c.note) for c in misbehaved))
    if outside := [f for f in measured.estimands if f.position in ("above", "below")]:
        direction = _direction([(f.estimand, f.position) for f in outside])
        return Verdict("failed", direction, tuple(map(_reason, outside)))
    if undecided := [f for f in measured.estimands if f.position == "undecided"]:
        return Verdict("inconclusive", None, tuple(map(_reason, undecided)))
    return Verdict("passed", None, (_passed(measured, alpha),))


def _direction(outside: Sequence[tuple[Estimand, Position]]) -> Direction | None:
    for estimand, position in outside:
        if (estimand.examples, estimand.kind) in (("forget", "location"), ("forget", "missed")):
            return "undershot" if position == "above" else "overshot"
    return None


def _reason(finding: EstimandFinding) -> Reason:
    e = finding.estimand
    margin = e.margin if finding.margin_used is None else finding.margin_used
    unit = "of the do-nothing gap" if e.unit == "gap" else "of the examples" if e.kind in SHARES else f"of {e.statistic}"
    bounds = f"±{margin:.3g}" if e.kind == "location" else f"at most {margin:.3g}"
    judged = "" if finding.judged is None else f", {finding.judged} examples judged"
    sentence = (
        f"{SCOPES[finding.scope]}: {_subject(e)} {POSITIONS[finding.position]}: {finding.estimate:.3g}, interval"
        f" {finding.low:.3g} to {finding.high:.3g}, margin {bounds} {unit}{judged}."
    )
    return Reason(f"{'' if finding.scope == 'method' else 'shipped_'}{e.name}_{finding.position}", sentence)


def _subject(estimand: Estimand) -> str:
    if estimand.statistic == "accuracy":
        return f"the accuracy on the {estimand.examples.replace('_', '-')} set"
    return SUBJECTS.get((estimand.examples, estimand.kind), f"the {estimand.kind} on the set {estimand.examples}")


def _no_influence(finding: InfluenceFinding) -> Reason:
    sentence = (
        "Doing nothing could not be told from retraining: the examples move their own mean probability by"
        f" {finding.probability_low:.3g} to {finding.probability_high:.3g}, within the limit of ±{finding.limit:g} fixed"
        " beforehand, and none of them is memorised measurably. Larger influences are excluded at the protocol's level;"
        " smaller ones are not."
    )
    return Reason("no_influence", sentence)


def _passed(measured: Measured, alpha: float) -> Reason:
    p_value, judged = measured.permutation.p_value, _judged_singly(measured.estimands)
    about_method = any(finding.scope == "method" for finding in measured.estimands)
    for_whom = "for the method and for the shipped model" if about_method else "for this model"
    if p_value > alpha:
        return Reason(
            "within_margins",
            f"Every estimand lies within its margin, {for_whom}, and no difference from the oracles was detected"
            f" (p = {p_value:.3g}).{judged}",
        )
    return Reason(
        "within_margins_detectable",
        f"Every estimand lies within its margin, {for_whom}. The unlearned models can still be told from the oracles"
        f" (p = {p_value:.3g}): there is a difference, and it is smaller than the margin fixed beforehand.{judged}",
    )


def _judged_singly(findings: Sequence[EstimandFinding]) -> str:
    """Say how many forget examples could be judged one by one; nothing if the protocol does not ask."""
    counts = [f.judged for f in findings if f.estimand.kind == "missed" and f.scope == "method" and f.judged is not None]
    if not counts:
        return ""
    return (
        f" Of the forget examples, {min(counts)} were memorised clearly enough to be judged one by one; the others count in"
        " the means only."
    )
