"""What became of accepted examples, told otherwise at the end: nothing withheld, nothing become, or all long erased."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from compliance.evidence.agreements import Story, contradictions
from compliance.evidence.agreements.cases import DISPOSITIONS
from compliance.evidence.record import EntryBody
from tests.compliance.evidence.entry_data import matches, stated
from tests.compliance.evidence.log_in_memory import START

from .contradictions import accounted, one_more
from .judged_again import reasons, verified
from .retold import Real, Retold

WITHHELD = "other examples entered the erasure ledger than no model in use knew at the end"
OTHER_END = "the end of the request is not what became of its examples"
UNREADABLE = "nothing says what its examples"
Change = Callable[[Retold], None]


def unchanged(retold: Retold) -> None:
    """Tell the story as it is."""


def no_model_knew_one(retold: Retold) -> None:
    """One more match is accepted, a held-out example, which no model learns; it enters the ledger as the request ends."""
    identifier = next(row["example_id"] for row in retold.outputs[2] if row["set"] == "held_out")
    one_more(retold, became="not_learned", example_id=identifier, set="held_out")


def nothing_withheld(retold: Retold) -> None:
    retold.entries = [entry for entry in retold.entries if entry["data"].get("attempt") != 0]


def withheld(examples: int) -> Change:
    def change(retold: Retold) -> None:
        list(retold.of_kind("erasure.entered"))[-1]["data"]["examples"] = examples

    return change


def became(*ways: str) -> Change:
    return lambda retold: accounted(retold)[-1].update(became=sorted(ways))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (unchanged, ""),
        (nothing_withheld, WITHHELD),
        (withheld(2), WITHHELD),
        (became(), UNREADABLE),
        (became("already_erased", "not_learned"), UNREADABLE),
        (became("not_learned", "released"), UNREADABLE),
        (became("copy_released", "released"), UNREADABLE),
        (became("no_influence", "not_learned"), UNREADABLE),
        (became("copy_released"), WITHHELD),
    ],
    ids=[
        "honest",
        "nothing entered",
        "more entered",
        "nothing became",
        "both",
        "two ends",
        "own copy",
        "known",
        "moved",
    ],
)
def test_what_no_model_knew_is_told_once_and_is_withheld(real: Real, tmp_path: Path, change: Change, reason: str) -> None:
    def told(retold: Retold) -> None:
        no_model_knew_one(retold)
        change(retold)

    found = reasons(verified(real, tmp_path, {"entries": told}))
    assert reason in found
    assert bool(found) == bool(reason)


def ended(outcome: str, became: Sequence[Sequence[str]], withheld: Sequence[int] = (2,), item: str = "") -> str:
    """What is wrong with a request for two examples that two officers ended so."""
    examples = matches(["e00000000", "e00000001"])
    told = [
        {"snapshot": one["snapshot"], "example_id": one["example_id"], "became": list(ways)}
        for one, ways in zip(examples, became, strict=True)
    ]
    said: list[tuple[str, dict[str, Any]]] = [
        ("match.accepted", {"examples": examples}),
        ("ending.approved", {"item": item, "outcome": outcome}),
        *(("erasure.entered", {"item": "", "attempt": 0, "examples": count}) for count in withheld),
        ("match.accounted", {"examples": told}),
        ("request.closed", {"outcome": outcome, "accepted": 2}),
    ]
    entries = [
        EntryBody.of(
            subject="request:LE-1", number=number, kind=kind, at=START, actor="account:1", data=stated(kind, **data)
        )
        for number, (kind, data) in enumerate(said, start=1)
    ]
    return " ".join(contradictions(Story("LE-1", entries), DISPOSITIONS))


NOT_LEARNED, ERASED = ("not_learned",), ("already_erased",)


def test_what_no_model_knew_enters_the_ledger_whatever_the_end() -> None:
    assert ended("not_learned", [NOT_LEARNED, NOT_LEARNED]) == ""
    assert ended("already_erased", [NOT_LEARNED, ERASED], [1, 1]) == ""
    for less in ([], [1], [3]):
        assert WITHHELD in ended("not_learned", [NOT_LEARNED, NOT_LEARNED], less)


@pytest.mark.parametrize("became", [[(), ()], [NOT_LEARNED, ()]], ids=["of none", "of one"])
def test_nothing_is_withheld_of_which_nothing_became(became: Sequence[Sequence[str]]) -> None:
    assert WITHHELD in ended("not_learned", became)


@pytest.mark.parametrize(
    ("outcome", "became"),
    [
        ("not_learned", [ERASED, ERASED]),
        ("not_learned", [NOT_LEARNED, ERASED]),
        ("already_erased", [NOT_LEARNED, NOT_LEARNED]),
    ],
    ids=["all erased before", "one erased before", "none erased before"],
)
def test_a_request_ends_as_already_erased_just_if_something_was(outcome: str, became: Sequence[Sequence[str]]) -> None:
    assert OTHER_END in ended(outcome, became)
    assert OTHER_END in ended(outcome, became, item="item-1"), "items may have lapsed otherwise"
