"""The verdict by what a method guarantees, from findings alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compliance.formats.rules import Measured, not_finite, reach_verdict
from unlearning_jobs.engine.contracts import (
    DEFAULT_ESTIMANDS,
    Control,
    Direction,
    Estimand,
    EstimandFinding,
    Guarantee,
    InfluenceFinding,
    Outcome,
    PermutationFinding,
    Position,
    ProcessCheck,
    Verdict,
)

PERMUTATION = PermutationFinding(0.3, 0.2, 495, exhaustive=True)
BEHAVED = Control("do_nothing", behaved=True, permutation=PERMUTATION, note="fine")
MISBEHAVED = Control("do_nothing", behaved=False, permutation=PERMUTATION, note="no power")
OTHER_MISBEHAVED = replace(MISBEHAVED, name="oracle_against_oracle", note="not alike")
NEGLIGIBLE = InfluenceFinding(-0.001, 0.002, memorised=0, limit=0.02, measurable=False)
UNDECIDED = replace(NEGLIGIBLE, measurable=None)
BY_NAME = {estimand.name: estimand for estimand in DEFAULT_ESTIMANDS}
ABSENT = ProcessCheck("forget_set_absent", held=True, sentence="None is among them.")
SAME = ProcessCheck("executed_again", held=True, sentence="Bit by bit.")
CERTIFIED = ProcessCheck("certificate", held=True, sentence="Epsilon 1.")
GUARANTEES: tuple[Guarantee, ...] = ("empirical", "control", "suppression")


def measured(
    positions: dict[str, Position] | None = None,
    *,
    shipped: dict[str, Position] | None = None,
    controls: tuple[Control, ...] = (BEHAVED,),
    influence: InfluenceFinding | None = None,
    p: float = 0.2,
    vetoes: dict[str, Position] | None = None,
) -> Measured:
    """Everything within, but for what is named."""
    findings = [
        EstimandFinding(e, 0.1, 0.0, 0.2, (named or {}).get(e.name, "within"), scope=scope)  # type: ignore[arg-type]  # a literal
        for scope, named in (("method", positions), ("shipped", shipped))
        for e in DEFAULT_ESTIMANDS
    ]
    contradictions = tuple((BY_NAME[name], side) for name, side in (vetoes or {}).items())
    return Measured(tuple(findings), replace(PERMUTATION, p_value=p), controls, influence, contradictions)


def verdict(found: Measured, *process: ProcessCheck, guarantee: Guarantee = "empirical") -> Verdict:
    return reach_verdict(found, process, guarantee, 0.05)


# Empirical: the measurements decide.


@pytest.mark.parametrize("guarantee", GUARANTEES)
@pytest.mark.parametrize("scope", ["method", "shipped"])
@pytest.mark.parametrize(
    ("positions", "outcome", "direction"),
    [
        ({}, "passed", None),
        ({"forget_location": "above"}, "failed", "undershot"),
        ({"forget_location": "below"}, "failed", "overshot"),
        ({"forget_location": "below", "retain_location": "below"}, "failed", "overshot"),
        ({"forget_missed": "above"}, "failed", "undershot"),
        ({"retain_location": "below"}, "failed", None),
        ({"retain_damaged": "above"}, "failed", None),
        ({"held_out_accuracy": "below"}, "failed", None),
        ({"forget_deviation": "above"}, "failed", None),
        ({"held_out_location": "above", "retain_location": "undecided"}, "failed", None),
        ({"forget_location": "undecided"}, "inconclusive", None),
        ({"held_out_damaged": "undecided"}, "inconclusive", None),
    ],
)
def test_the_outcome_follows_from_the_positions(
    positions: dict[str, Position], outcome: Outcome, direction: Direction | None, scope: str, guarantee: Guarantee
) -> None:
    """Whether they are about the method or about the shipped model."""
    reached = verdict(measured(**{"positions" if scope == "method" else "shipped": positions}), guarantee=guarantee)  # type: ignore[arg-type]  # by scope
    assert (reached.outcome, reached.direction) == (outcome, direction)
    prefix = "" if scope == "method" else "shipped_"
    named = {f"{prefix}{n}_{p}" for n, p in positions.items() if outcome == "inconclusive" or p != "undecided"}
    assert {r.code for r in reached.reasons} == (named or {"within_margins"})
    about = {"method": "About the method", "shipped": "About the shipped model"}[scope]
    assert outcome == "passed" or all(r.sentence.startswith(about) for r in reached.reasons)


def test_evidence_of_the_process_does_not_help_an_empirical_method() -> None:
    found = measured(shipped={"forget_location": "above"})
    assert verdict(found, ABSENT, SAME, CERTIFIED).outcome == "failed"


@pytest.mark.parametrize("positions", [{}, {"forget_location": "above"}, {"forget_location": "below"}])
@pytest.mark.parametrize("control", [MISBEHAVED, OTHER_MISBEHAVED])
def test_a_control_that_misbehaves_makes_everything_inconclusive(positions: dict[str, Position], control: Control) -> None:
    reached = verdict(measured(positions, controls=(BEHAVED, control), influence=UNDECIDED))
    assert (reached.outcome, [r.sentence for r in reached.reasons]) == ("inconclusive", [control.note])


def test_nothing_to_unlearn_is_a_finding_of_its_own() -> None:
    reached = verdict(measured(controls=(MISBEHAVED,), influence=NEGLIGIBLE))
    assert (reached.outcome, [r.code for r in reached.reasons]) == ("no_influence", ["no_influence"])
    assert "-0.001 to 0.002" in reached.reasons[0].sentence
    assert "0.02" in reached.reasons[0].sentence


@pytest.mark.parametrize(
    ("controls", "influence"),
    [
        ((MISBEHAVED, OTHER_MISBEHAVED), NEGLIGIBLE),
        ((MISBEHAVED,), UNDECIDED),
        ((MISBEHAVED,), replace(NEGLIGIBLE, measurable=True)),
        ((MISBEHAVED,), None),
    ],
)
def test_no_influence_is_said_only_where_it_was_shown_and_nothing_else_misbehaved(
    controls: tuple[Control, ...], influence: InfluenceFinding | None
) -> None:
    assert verdict(measured(controls=controls, influence=influence)).outcome == "inconclusive"


def test_a_small_difference_that_can_be_detected_passes_and_says_so() -> None:
    reached = verdict(measured(p=0.004))
    assert (reached.outcome, reached.reasons[0].code) == ("passed", "within_margins_detectable")
    assert "0.004" in reached.reasons[0].sentence


# Exact and certified: the process decides, and measurements can only contradict it.

BY_EVIDENCE = [("exact", (ABSENT, SAME), "process_evidence"), ("certified", (CERTIFIED,), "certificate")]


@pytest.mark.parametrize(("guarantee", "process", "code"), BY_EVIDENCE)
def test_the_annex_cannot_delay_a_result_that_has_its_evidence(
    guarantee: Guarantee, process: tuple[ProcessCheck, ...], code: str
) -> None:
    found = measured({"forget_location": "undecided"}, shipped={"forget_missed": "above"}, controls=(MISBEHAVED,))
    reached = verdict(found, *process, guarantee=guarantee)
    assert (reached.outcome, [r.code for r in reached.reasons]) == ("passed", [*[code] * len(process), "annex_weak"])
    assert reached.reasons[-1].sentence.endswith(f"and show little: {MISBEHAVED.note}")
    assert [r.sentence for r in reached.reasons[:-1]] == [check.sentence for check in process]


@pytest.mark.parametrize(("guarantee", "process", "code"), BY_EVIDENCE)
def test_the_annex_does_not_say_that_it_could_have_contradicted_the_evidence(
    guarantee: Guarantee, process: tuple[ProcessCheck, ...], code: str
) -> None:
    reached = verdict(measured(), *process, guarantee=guarantee)
    assert [r.code for r in reached.reasons] == [*[code] * len(process), "annex"]
    assert reached.reasons[-1].sentence == "The measurements do not contradict this; they do not confirm it either."


@pytest.mark.parametrize(("guarantee", "process"), [(g, p) for g, p, _ in BY_EVIDENCE])
def test_a_check_that_does_not_hold_fails_whatever_else_holds(
    guarantee: Guarantee, process: tuple[ProcessCheck, ...]
) -> None:
    broken = replace(process[-1], held=False)
    reached = verdict(measured(), *process[:-1], broken, guarantee=guarantee)
    assert (reached.outcome, [r.code for r in reached.reasons]) == ("failed", ["process_contradicted"])


@pytest.mark.parametrize("guarantee", ["exact", "certified"])
def test_without_any_evidence_a_guarantee_releases_nothing(guarantee: Guarantee) -> None:
    for process in ((), (replace(SAME, held=None),)):
        reached = verdict(measured(), *process, guarantee=guarantee)
        assert (reached.outcome, reached.reasons[0].code) == ("inconclusive", "no_process_evidence")


@pytest.mark.parametrize(
    ("vetoes", "direction"),
    [
        ({"forget_location": "above"}, "undershot"),
        ({"forget_location": "below"}, "overshot"),
        ({"retain_damaged": "above"}, None),
    ],
)
def test_measurements_can_contradict_an_exact_result(vetoes: dict[str, Position], direction: Direction | None) -> None:
    reached = verdict(measured(vetoes=vetoes), ABSENT, SAME, guarantee="exact")
    assert (reached.outcome, reached.direction) == ("failed", direction)
    assert [r.code for r in reached.reasons] == [f"{name}_contradicts" for name in vetoes]


@pytest.mark.parametrize(
    ("name", "side", "outcome"),
    [
        ("forget_location", "above", "passed"),  # a certificate allows what it says, which is not that nothing remains
        ("forget_missed", "above", "passed"),
        ("retain_damaged", "above", "failed"),
        ("held_out_damaged", "above", "failed"),
        ("retain_accuracy", "below", "failed"),
        ("retain_accuracy", "above", "passed"),
    ],
)
def test_only_damage_contradicts_a_certificate(name: str, side: Position, outcome: Outcome) -> None:
    assert verdict(measured(vetoes={name: side}), CERTIFIED, guarantee="certified").outcome == outcome


# Answers that are no numbers.


@pytest.mark.parametrize(
    ("groups", "outcome", "code"),
    [
        (("unlearned",), "failed", "answers_not_finite"),
        (("original", "unlearned"), "failed", "answers_not_finite"),
        (("oracle",), "inconclusive", "reference_not_finite"),
        (("original", "oracle"), "inconclusive", "reference_not_finite"),
    ],
)
def test_models_that_answer_with_no_numbers_have_a_stated_outcome(
    groups: tuple[str, ...], outcome: Outcome, code: str
) -> None:
    reached = not_finite(groups)
    assert (reached.outcome, [r.code for r in reached.reasons]) == (outcome, [code])


def test_an_estimand_of_its_own_has_a_sentence() -> None:
    own = Estimand("probes", "held_out", "log_likelihood", "deviation", "absolute", 0.1)
    found = replace(measured(), estimands=(EstimandFinding(own, 0.3, 0.2, 0.4, "above"),))
    [reason] = verdict(found).reasons
    assert "0.3, interval 0.2 to 0.4, margin at most 0.1 of log_likelihood" in reason.sentence
