"""What one act writes stands together and names one actor: who moves, drops or reassigns an entry of it is noticed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compliance.evidence.checks.acts import ACTS, BEGINS_TOO, check_acts
from compliance.evidence.record import EntryBody
from compliance.evidence.verification import verify_bundle
from compliance.formats.errors import VerificationError
from compliance.formats.record_kinds import RecordKind
from tests.compliance.evidence.agreements.retold import Real, Retold
from tests.compliance.evidence.entry_data import stated
from tests.compliance.evidence.log_in_memory import START
from tests.compliance.evidence.stories import assert_fails

pytestmark = pytest.mark.django_db
Change = Callable[[Retold], Any]


def by(kind: str, actor: str) -> Change:
    return lambda retold: retold.first(kind).update(actor=actor)


def without(kind: str, **data: Any) -> Change:
    def change(retold: Retold) -> None:
        left_out = [
            one
            for one in retold.entries
            if one["kind"].startswith(kind) and all(one["data"].get(k) == data[k] for k in data)
        ]
        retold.entries = [one for one in retold.entries if one not in left_out]

    return change


def without_the_end_of_a_run(retold: Retold) -> None:
    retold.entries.remove(retold.first("job.run_ended"))


def later(kind: str, after: str) -> Change:
    def change(retold: Retold) -> None:
        moved = retold.first(kind)
        retold.entries.remove(moved)
        place = max(place for place, one in enumerate(retold.entries) if one["kind"] == after)
        retold.entries.insert(place + 1, moved | {"at": retold.entries[place]["at"]})

    return change


def queued_by_an_officer(retold: Retold) -> None:
    list(retold.of_kind("message.queued"))[-1].update(actor="account:1")


def queued_twice_by_the_system(retold: Retold) -> None:
    retold.insert("message.queued", "message.queued", **list(retold.of_kind("message.queued"))[-1]["data"])


def told_of_the_end_twice(retold: Retold) -> None:
    retold.insert("message.queued", "message.queued", message=99, template="outcome_completed")


NOBODY = "account:7777"
"""An account that has nothing to do with the case, whatever numbers its people have."""
CHANGES: dict[str, tuple[Change, str]] = {
    "no letter of the outcome": (
        without("message.", template="outcome_completed"),
        "the same act writes message.queued, outcome_completed",
    ),
    "no confirmation asked for": (
        without("message.", template="confirm_address"),
        "the same act writes message.queued, confirm_address",
    ),
    "no word that the request came in": (
        without("message.", template="request_received"),
        "the same act writes message.queued, request_received",
    ),
    "a second letter of the outcome": (told_of_the_end_twice, "did nothing right before to which it belongs"),
    "a letter first queued by an officer": (queued_by_an_officer, "the system queues a letter first"),
    "a letter queued again by nobody": (queued_twice_by_the_system, "the system queues a letter first"),
    "closed by another": (by("request.closed", NOBODY), "the same act writes match.accounted"),
    "closed by the system": (by("request.closed", "system"), "the same act writes match.accounted"),
    "accounted for by another": (by("match.accounted", NOBODY), f"{NOBODY} did nothing right before"),
    "erased by another": (by("erasure.entered", NOBODY), "followed by item.released by account:"),
    "released by another": (by("item.released", NOBODY), f"followed by item.released by {NOBODY}"),
    "review completed by another": (by("review.completed", NOBODY), f"followed by review.completed by {NOBODY}"),
    "started by another": (by("job.created", NOBODY), f"followed by job.created by {NOBODY}"),
    "completed without the end of a run": (without_the_end_of_a_run, ""),
    "a run that failed and completed": (
        lambda retold: retold.first("job.run_ended")["data"].update(outcome="failed"),
        "the same act writes job.failed",
    ),
    "a job that nobody created at the approval": (later("job.created", "message.sent"), ""),
    "accounted for afterwards": (later("match.accounted", "match.accepted"), "did nothing right before"),
}
"""What is changed, and the reason why the order of events fails; empty if it depends on what else is so."""


@pytest.mark.parametrize("name", CHANGES)
def test_an_act_that_is_told_otherwise_fails(real: Real, tmp_path: Path, name: str) -> None:
    change, reason = CHANGES[name]
    result = verify_bundle(real.retold(tmp_path).write({"entries": change}), (real.bundle / "trust.json").read_bytes())
    assert_fails(result, "order in which it can happen", reason)


def told(*acts: tuple[str, str, dict[str, Any]]) -> list[EntryBody]:
    return [
        EntryBody.of(subject="request:LE-1", number=number, kind=kind, at=START, actor=actor, data=stated(kind, **data))
        for number, (kind, actor, data) in enumerate(acts, start=1)
    ]


OMAR, LENA = "account:1", "account:2"
REFUSAL = {"item": "item-1", "outcome": "refused", "ground": "12_5"}
ENDS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("erasure.entered", LENA, {"item": "", "attempt": 0}),
    ("match.accounted", LENA, {}),
    ("request.closed", LENA, {"outcome": "refused", "accepted": 1}),
    ("message.queued", "system", {"message": 3, "template": "outcome_refused"}),
)
HONEST: dict[str, tuple[tuple[str, str, dict[str, Any]], ...]] = {
    "refused, and the rest withheld": (
        ("ending.approved", LENA, REFUSAL),
        ("item.decided", LENA, {"item": "item-1", "granted": False}),
        *ENDS,
    ),
    "lapsed": (
        ("ending.approved", LENA, {"item": "item-1", "outcome": "not_learned"}),
        ("item.lapsed", LENA, {"item": "item-1", "outcome": "not_learned"}),
    ),
    "corrected, and a job cancelled at once": (
        ("ending.approved", LENA, {"item": "", "outcome": "not_concerned", "ending": 2}),
        ("item.corrected", LENA, {"item": "item-1", "examples": 0, "ending": 2}),
        ("job.cancel_requested", LENA, {"job": 4}),
        ("job.cancelled", LENA, {"job": 4}),
        ("item.corrected", LENA, {"item": "item-2", "examples": 1, "ending": 2}),
    ),
    "added by hand": (
        ("match.added", OMAR, {"example_id": "e1"}),
        ("match.added", OMAR, {"example_id": "e2"}),
        ("match.accepted", OMAR, {}),
    ),
    "missed by a search, and found in a sample": (
        ("match.added", OMAR, {"example_id": "e1"}),
        ("match.accepted", OMAR, {}),
        ("match.accepted", OMAR, {}),
        ("sample.finished", OMAR, {"sample": 1, "missed": ["e1"], "at_most": 9, "added": 1}),
    ),
    "withdrawn": (
        ("job.cancel_requested", "claimant", {"job": 4}),
        ("job.cancelled", "claimant", {"job": 4}),
        ("item.lapsed", "claimant", {"item": "item-1", "outcome": "withdrawn"}),
        ("request.closed", "claimant", {"outcome": "withdrawn", "accepted": 0}),
    ),
}


@pytest.mark.parametrize("name", HONEST)
def test_in_an_act_nobody_else_does_anything_and_nothing_is_missing(name: str) -> None:
    entries = [*told(*HONEST[name]), *told(("record.sealed", "system", {"entries": 1}))]
    entries = [replace(one, number=number) for number, one in enumerate(entries, start=1)]
    check_acts(entries, 1)
    for place, entry in enumerate(entries[1:-1], start=1):
        if entry.kind != RecordKind.MESSAGE_QUEUED:
            with pytest.raises(VerificationError):
                check_acts([*entries[:place], replace(entry, actor="account:9"), *entries[place + 1 :]], 1)


@pytest.mark.parametrize(("name", "place", "field"), [("refused, and the rest withheld", 1, "item"), ("lapsed", 1, "item")])
def test_an_act_is_about_one_thing(name: str, place: int, field: str) -> None:
    entries = told(*HONEST[name])
    other = replace(entries[place], data={**entries[place].data, field: "item-9"})
    with pytest.raises(VerificationError, match=f"its {field} is another than that of ending.approved"):
        check_acts([*entries[:place], other, *entries[place + 1 :]], 1)


def test_what_begins_an_act_is_in_the_table() -> None:
    assert sorted(BEGINS_TOO - {name for names in ACTS.values() for name in names}) == []
