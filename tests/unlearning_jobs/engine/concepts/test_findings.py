"""The outcome follows from the raw answers: it can undershoot, overshoot, damage, or find nothing, and never passes."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import replace

import pytest

from unlearning_jobs.engine.concepts.asking import Answer
from unlearning_jobs.engine.concepts.findings import ConceptFinding, ConceptOutcome, ProbeRow, Side, damage, findings, wilson
from unlearning_jobs.engine.contracts.concepts import InsteadKind

from .concept_cases import probe

KNOWN = Answer("Tarnholm", given=True, as_asked=False, log_probability=-0.1)
GONE = Answer("Ostmere", given=False, as_asked=True, log_probability=-3.0)
LOSSES = {"original": (2.0, 3.0), "edited": (2.0, 3.1)}


def rows(count: int, side: Side, edited: Answer, **others: Answer) -> list[ProbeRow]:
    return [
        ProbeRow(probe(f"{side} {number}: where does Mirelda live?"), side, {"original": KNOWN, "edited": edited, **others})
        for number in range(count)
    ]


def whole(
    method: Answer = GONE,
    audit: Answer = GONE,
    *,
    watched: Answer = KNOWN,
    losses: Mapping[str, tuple[float, ...]] = LOSSES,
    instead: InsteadKind = "open",
    oracle: Answer | None = None,
) -> ConceptFinding:
    beside = {"oracle": oracle} if oracle else {}
    near = {"oracle": KNOWN} if oracle else {}
    asked = [
        *rows(10, "method", method, **beside),
        *rows(10, "audit", audit, **beside),
        *rows(10, "kept", KNOWN, **near),
        *rows(10, "watched", watched, **near),
    ]
    return findings(asked, losses, instead)


def test_what_is_answered_no_more_is_not_found_and_the_bound_is_said() -> None:
    found = whole()
    assert found.outcome == "nothing_found"
    assert "at most 28% of such probes" in found.reasons[-1]


def test_nothing_done_undershoots() -> None:
    assert whole(KNOWN, KNOWN).outcome == "undershot"


def test_an_edit_that_other_wordings_go_round_undershoots() -> None:
    found = whole(GONE, KNOWN)
    assert found.outcome == "undershot"
    assert found.reasons[-1].startswith("generalisation: 10 of 10")


def test_a_destroyed_neighbourhood_is_damage() -> None:
    found = whole(watched=GONE)
    assert found.outcome == "damaged"
    assert "specificity: 0 of 10" in found.reasons[-1]


def test_what_undershoots_and_damages_says_both_and_counts_as_damage_too() -> None:
    found = whole(KNOWN, GONE, watched=GONE)
    assert found.outcome == "undershot"
    assert [reason.split(":")[0] for reason in found.reasons] == ["efficacy", "specificity"]
    assert damage(found)
    assert not damage(whole(KNOWN, KNOWN))


def test_texts_that_became_unlikely_are_damage() -> None:
    assert whole(losses={"original": (2.0, 3.0), "edited": (3.0, 4.0)}).outcome == "damaged"


def test_answers_far_less_likely_than_to_the_oracle_overshoot() -> None:
    gone = replace(GONE, log_probability=-20.0)
    losses = {**LOSSES, "oracle": (2.0, 3.0)}
    assert whole(gone, gone, oracle=GONE, losses=losses).outcome == "overshot"
    assert whole(gone, gone, oracle=GONE, losses=losses, instead="refusal").outcome == "nothing_found"


def test_what_the_oracle_guesses_too_is_not_held_against_an_edit() -> None:
    losses = {**LOSSES, "oracle": (2.0, 3.0)}
    assert whole(KNOWN, KNOWN, oracle=KNOWN, losses=losses).outcome == "nothing_found"


def test_a_wrong_fact_that_only_went_away_is_not_corrected() -> None:
    missing = replace(GONE, as_asked=False)
    assert whole(missing, missing, instead="fact").outcome == "undershot"
    assert whole(instead="fact").outcome == "nothing_found"


def test_an_original_that_knows_nothing_leaves_nothing_to_remove() -> None:
    asked = [replace(row, answers={"original": GONE, "edited": GONE}) for row in rows(4, "method", GONE)]
    found = findings([*asked, *rows(4, "watched", KNOWN)], LOSSES, "open")
    assert found.outcome == "nothing_to_remove"
    assert found.reasons[0] == "The original does not know 4 of 4 probes; these are left out."


def test_what_the_original_never_knew_is_left_out_and_said() -> None:
    unknown = [replace(row, answers={"original": GONE, "edited": GONE}) for row in rows(7, "audit", GONE)]
    found = findings(
        [*rows(1, "method", GONE), *rows(2, "audit", KNOWN), *unknown, *rows(3, "watched", KNOWN)], LOSSES, "open"
    )
    assert found.reasons[0].startswith("The original does not know 7 of 10 probes")
    [audit] = [share for share in found.shares if (share.name, share.of) == ("generalisation", "audit")]
    assert (audit.count, audit.total) == (2, 2)


def test_an_audit_that_the_original_fails_says_nothing() -> None:
    asked = [*rows(4, "method", GONE), *rows(3, "watched", KNOWN)]
    assert findings(asked, LOSSES, "open").outcome == "says_nothing"


def test_neighbours_that_the_original_does_not_know_say_nothing() -> None:
    asked = [*rows(4, "method", GONE), *rows(4, "audit", GONE)]
    assert findings(asked, LOSSES, "open").outcome == "says_nothing"


def test_no_outcome_is_called_passed() -> None:
    assert "passed" not in typing.get_args(ConceptOutcome)


def test_generalisation_is_told_by_kind_and_language() -> None:
    assert {s.of for s in whole().shares if s.name == "generalisation"} == {"audit", "audit direct", "audit en"}


@pytest.mark.parametrize(
    ("count", "total", "low", "high"), [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0)]
)
def test_intervals_are_wilsons(count: int, total: int, low: float, high: float) -> None:
    assert wilson(count, total) == pytest.approx((low, high), abs=1e-4)
