"""Whoever holds every key can sign any history. One that cannot happen does not verify."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compliance.evidence.bundle import BundleFolder
from compliance.evidence.checks.course import check_course
from compliance.evidence.checks.forms import MADE_BY
from compliance.evidence.record import EntryBody
from compliance.evidence.verification import verify_bundle
from compliance.formats.errors import VerificationError
from compliance.formats.record_additions import ADDED_FIELDS, ADDED_KINDS
from compliance.formats.record_kinds import EARLIER_FIELDS, FIELDS, TOLD, RecordKind
from tests.compliance.evidence.agreements.retold import Real, Retold
from tests.compliance.evidence.entry_data import stated
from tests.compliance.evidence.log_in_memory import START
from tests.compliance.evidence.stories import assert_fails

pytestmark = pytest.mark.django_db
ITEM = {"item": "item-1"}


def refused_and_released(retold: Retold) -> None:
    retold.first("item.decided")["data"].update(granted=False, ground="12_5")


def refused_afterwards(retold: Retold) -> None:
    retold.insert("item.released", "item.decided", **ITEM, granted=False, ground="12_5")


def released_without_an_evaluation(retold: Retold) -> None:
    retold.entries = [entry for entry in retold.entries if entry["kind"] != "item.evaluated"]


def released_after_the_request_was_closed(retold: Retold) -> None:
    release = retold.first("item.released")
    retold.entries.remove(release)
    place = next(i for i, entry in enumerate(retold.entries) if entry["kind"] == "request.closed")
    retold.entries.insert(place + 1, release | {"at": retold.entries[place]["at"]})


def closed_twice(retold: Retold) -> None:
    retold.insert("request.closed", "request.closed", outcome="completed", accepted=0, **dict.fromkeys(TOLD, 0))


def closed_as_nothing_found(retold: Retold) -> None:
    retold.first("request.closed")["data"]["outcome"] = "no_match"


def closed_as_completed_with_an_open_item(retold: Retold) -> None:
    retold.first("matches.decided")["data"]["items"].append("item-2")


def approved_without_a_proposal(retold: Retold) -> None:
    retold.entries.remove(retold.first("proposal.submitted"))


def declined_and_approved(retold: Retold) -> None:
    retold.insert("proposal.submitted", "proposal.declined", **ITEM, attempt=2)


def started_twice_at_once(retold: Retold) -> None:
    retold.first("job.started")["data"]["run"] = 2


def completed_twice(retold: Retold) -> None:
    data = retold.first("job.completed")["data"]
    retold.insert(
        "job.completed", "job.failed", **{field: data[field] for field in ("job", "run", "item", "attempt")}, error="x"
    )


def reviewed_before_the_search(retold: Retold) -> None:
    retold.entries.remove(retold.first("mapping.completed"))


def another_attempt_than_the_latest(retold: Retold) -> None:
    retold.first("item.evaluated")["data"]["attempt"] = 2


def sent_without_being_queued(retold: Retold) -> None:
    retold.first("message.queued")["data"]["message"] = 99


def ended(retold: Retold, after: str, *kinds: str, outcome: str = "refused", item: str = "item-1") -> None:
    data = {"item": item, "ending": 1, "outcome": outcome, "ground": "12_5" if outcome == "refused" else "", "beside": 0}
    for kind in reversed(kinds):
        retold.insert(after, kind, **{field: data[field] for field in FIELDS[RecordKind(kind)]})


def refused_without_a_second_officer(retold: Retold) -> None:
    retold.insert("item.decided", "item.decided", **ITEM, granted=False, ground="12_5")
    ended(retold, "review.completed", "ending.proposed")
    retold.entries.remove(next(entry for entry in retold.of_kind("item.decided") if entry["data"]["granted"]))


def approved_although_declined(retold: Retold) -> None:
    ended(retold, "item.decided", "ending.proposed", "ending.declined", "ending.approved")


def lapsed_and_released(retold: Retold) -> None:
    ended(retold, "item.decided", "ending.proposed", "ending.approved", "item.lapsed", outcome="not_learned")


def lapsed_without_an_approval(retold: Retold) -> None:
    ended(retold, "item.decided", "item.lapsed", outcome="not_learned")


def released_after_no_influence(retold: Retold) -> None:
    for entry in retold.of_kind("item.evaluated"):
        entry["data"]["verdict"] = "no_influence"


def closed_while_a_second_officer_is_awaited(retold: Retold) -> None:
    ended(retold, "match.rejected", "ending.proposed", item="", outcome="no_match")


def entered_before_the_evaluation(retold: Retold) -> None:
    entered = retold.first("erasure.entered")
    retold.entries.remove(entered)
    place = next(i for i, entry in enumerate(retold.entries) if entry["kind"] == "item.decided")
    retold.entries.insert(place + 1, entered | {"at": retold.entries[place]["at"]})


def a_search_left_out(retold: Retold) -> None:
    retold.first("mapping.completed")["data"]["search"] = 2


@pytest.mark.parametrize(
    ("story", "reason"),
    [
        (refused_and_released, "it is new, and should be end approved"),
        (refused_afterwards, "it is released, and should be end approved"),
        (released_without_an_evaluation, "it is approved, and should be granted"),
        (released_after_the_request_was_closed, "it is closed, and should be in progress"),
        (refused_without_a_second_officer, "it is to be ended, and should be end approved"),
        (approved_although_declined, "it is granted, and should be granted, to be ended or to be ended"),
        (lapsed_and_released, "it is lapsed, and should be granted"),
        (lapsed_without_an_approval, "it is granted, and should be end approved"),
        (released_after_no_influence, "it is granted, and should be evaluated or released"),
        (closed_while_a_second_officer_is_awaited, "it is closing, and should be creating items or under review"),
        (entered_before_the_evaluation, "it is granted, and should be evaluated or released"),
        (a_search_left_out, "it is about search 2, and should be about search 1"),
        (closed_twice, "it is closed"),
        (closed_as_nothing_found, "its outcome is 'no_match', but its items are released"),
        (closed_as_completed_with_an_open_item, "its outcome is 'completed', but its items are new, released"),
        (approved_without_a_proposal, "it is granted, and should be proposed"),
        (declined_and_approved, "it is granted, and should be proposed"),
        (started_twice_at_once, "it is about run 2, and should be about run 1"),
        (completed_twice, "it is completed"),
        (reviewed_before_the_search, "it is confirmed, and should be under review"),
        (another_attempt_than_the_latest, "it is about attempt 2, and should be about attempt 1"),
        (sent_without_being_queued, "it is new, and should be queued"),
    ],
)
def test_a_history_that_cannot_happen_fails(
    real: Real,
    tmp_path: Path,
    story: Callable[[Retold], None],
    reason: str,
) -> None:
    bundle = real.retold(tmp_path).write({"entries": story})
    result = verify_bundle(bundle, (real.bundle / "trust.json").read_bytes())
    assert_fails(result, "order in which it can happen", reason)


def letter(message: int, template: str) -> tuple[str, dict[str, Any]]:
    return "message.queued", {"message": message, "template": template}


SUBMITTED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("request.submitted", stated("request.submitted")),
    letter(1, "confirm_address"),
)
CONFIRMED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("request.confirmed", {}),
    letter(2, "request_received"),
    ("mapping.completed", stated("mapping.completed")),
)


def history(*kinds: tuple[str, dict[str, Any]]) -> list[EntryBody]:
    return [told(number, kind, data) for number, (kind, data) in enumerate([*SUBMITTED, *CONFIRMED, *kinds], start=1)]


def told(number: int, kind: str, data: dict[str, Any]) -> EntryBody:
    by = "system" if kind == "message.queued" else {"account": "account:1"}.get(who := min(MADE_BY[kind]), who)
    return EntryBody.of(subject="request:LE-1", number=number, kind=kind, at=START, actor=by, data=data)


@pytest.mark.parametrize("outcome", ["no_match", "not_searched", "already_erased", "not_learned"])
def test_a_request_ends_without_an_item_only_if_a_second_officer_approved_it(outcome: str) -> None:
    end = {"item": "", "ending": 1, "outcome": outcome, "ground": ""}
    closed = "request.closed", {"outcome": outcome, "accepted": 0}
    with pytest.raises(VerificationError, match="its items are none, and no end of it was approved"):
        check_course(history(closed))
    approved = "ending.approved", end | {"beside": 0}
    check_course(history(("ending.proposed", end), approved, closed, letter(3, f"outcome_{outcome}")))


@pytest.mark.parametrize(("outcome", "by"), [("withdrawn", "claimant"), ("unconfirmed", "system")])
def test_only_the_claimant_withdraws_and_no_officer_says_that_nobody_confirmed(outcome: str, by: str) -> None:
    closed = "request.closed", {"outcome": outcome, "accepted": 0}
    told = history(closed)
    told = [one for one in told if outcome != "unconfirmed" or one.number <= len(SUBMITTED) or one.kind == "request.closed"]
    told = [replace(one, number=number) for number, one in enumerate(told, start=1)]
    check_course([*told[:-1], replace(told[-1], actor=by)])
    with pytest.raises(VerificationError, match=f"its outcome is '{outcome}', .* account:1 closed it"):
        check_course([*told[:-1], replace(told[-1], actor="account:1")])


def test_before_searches_were_kept_one_officer_ended_a_request() -> None:
    """That it was before, an entry says in its own words; that something is missing says nothing."""
    closed = ("request.closed", {"outcome": "no_match"})
    began = history(closed)
    with pytest.raises(VerificationError, match="no end of it was approved"):
        check_course([*began[:4], told(5, *closed)])
    earlier = {"searched": [], "queries": [], "not_searchable": 0, "candidates": 0}
    check_course([*began[:4], told(5, "mapping.completed", earlier), told(6, *closed)])


def test_a_withdrawal_ends_items_and_jobs_and_a_job_may_end_after_it() -> None:
    item = {"item": "item-1"}
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("matches.decided", {"items": ["item-1"]}),
        ("review.completed", {"items": 1}),
        ("item.decided", item),
        ("proposal.submitted", item),
        ("proposal.approved", item),
        ("job.created", item),
        ("job.started", item),
        ("search.ordered", {}),
        ("job.cancel_requested", {}),
        ("item.lapsed", item | {"outcome": "withdrawn"}),
        ("request.closed", {"outcome": "withdrawn", "accepted": 0}),
        ("job.cancelled", item),
    ]

    def withdrawn(*without: str) -> list[EntryBody]:
        told = history(*((kind, stated(kind, **data)) for kind, data in kinds if kind not in without))
        by = {"job.cancel_requested": "claimant", "item.lapsed": "claimant", "request.closed": "claimant"}
        return [replace(one, actor=by.get(one.kind, one.actor)) for one in told if one.kind != "job.cancelled"] + [
            replace(one, actor="system") for one in told if one.kind == "job.cancelled"
        ]

    check_course(withdrawn())
    with pytest.raises(VerificationError, match="its outcome is 'withdrawn', but its items are approved"):
        check_course(withdrawn("item.lapsed"))
    with pytest.raises(VerificationError, match=r"\(job.cancelled\) cannot come then: it is new"):
        check_course(withdrawn("job.created", "job.started", "job.cancel_requested"))


def in_earlier_words(entry: EntryBody) -> EntryBody:
    data = {field: entry.data[field] for field in EARLIER_FIELDS.get(entry.kind, ()) if field in entry.data}
    if entry.kind == "job.run_ended":
        return replace(entry, kind="job.attempt_ended")
    if entry.kind == "mapping.completed":
        data["not_searchable"] = 0
    if "examples" in data:
        data["examples"] = [{"snapshot": one["snapshot"], "record_id": one["example_id"]} for one in data["examples"]]
    return replace(entry, data=data)


def test_a_history_in_the_words_of_an_earlier_version_can_happen(real: Real) -> None:
    bodies = [line.entry for line in BundleFolder.open(real.bundle).record() if line.entry.subject.startswith("request:")]
    kept = [body for body in bodies if body.kind in EARLIER_FIELDS or body.kind == "job.run_ended"]
    numbered = [replace(body, number=number) for number, body in enumerate(kept, start=1)]
    earlier = [in_earlier_words(body) for body in numbered]
    check_course(earlier)
    ran = next(place for place, body in enumerate(earlier) if body.kind == "job.attempt_ended")
    with pytest.raises(VerificationError, match="an earlier version of Lethe wrote such entries, but the present one wrote"):
        check_course([*numbered[:ran], *earlier[ran:]])


def test_a_history_from_before_fields_were_added_can_happen_and_goes_on_with_them(real: Real) -> None:
    bodies = [line.entry for line in BundleFolder.open(real.bundle).record() if line.entry.subject.startswith("request:")]
    kept = [body for body in bodies if not any(body.kind in kinds for kinds in ADDED_KINDS.values())]
    numbered = [replace(body, number=number) for number, body in enumerate(kept, start=1)]
    added = {(kind, field) for _, kinds in ADDED_FIELDS for kind, fields in kinds.items() for field in fields}
    without = [
        replace(body, data={field: body.data[field] for field in body.data if (body.kind, field) not in added})
        for body in numbered
    ]
    upgraded = next(place for place, body in enumerate(numbered) if body.kind == "job.started")
    assert without[:upgraded] != numbered[:upgraded]
    check_course(without)
    check_course([*without[:upgraded], *numbered[upgraded:]])
    with pytest.raises(VerificationError, match=r"must state .*result_version"):
        check_course([*numbered[:upgraded], *without[upgraded:]])
    closed = [body if body.kind == "request.closed" else without[place] for place, body in enumerate(numbered)]
    with pytest.raises(VerificationError, match=r"its result is of version 1, .* beside results of version 4"):
        check_course(closed)
