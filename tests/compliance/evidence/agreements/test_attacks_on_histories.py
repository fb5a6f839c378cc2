"""Histories that were once accepted: facts left out, told under other names, at another time or by the wrong people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from compliance.evidence.verification import verify_bundle
from tests.compliance.evidence.entry_data import stated

from .contradictions import accounted, called_held_out
from .retold import Real, Retold
from .test_attacks import forget

pytestmark = pytest.mark.django_db
Story = Mapping[str, Callable[[Retold], Any]]
NOBODY_ELSE = {"item": "", "ending": 1, "outcome": "no_match", "ground": ""}


def entries(change: Callable[[Retold], object]) -> Story:
    return {"entries": change}


def letter(after: str, template: str) -> Story:
    """A letter was queued and sent after the last entry of a kind."""

    def change(retold: Retold) -> None:
        for kind in ("message.sent", "message.queued"):
            retold.insert(after, kind, message=99, template=template)
        for entry in retold.entries:
            if entry["data"].get("message") == 99:
                entry["actor"] = "system"

    return entries(change)


def said(kind: str, /, **data: Any) -> Story:
    return entries(lambda retold: [one["data"].update(data) for one in retold.of_kind(kind)])


def unsaid(kind: str, field: str) -> Story:
    return entries(lambda retold: [one["data"].pop(field) for one in retold.of_kind(kind)])


def renamed(kind: str, name: str) -> Story:
    return entries(lambda retold: [one.update(kind=name) for one in retold.of_kind(kind)])


def made_by(kind: str, actor: str) -> Story:
    return entries(lambda retold: [one.update(actor=actor) for one in retold.of_kind(kind)])


def ended(*matches: tuple[str, str, str], outcome: str = "no_match", **ending: Any) -> Story:
    """Nothing was accepted, one officer proposed an end and another approved it; `matches` were decided before."""

    def change(retold: Retold) -> None:
        searched = next(place for place, one in enumerate(retold.entries) if one["kind"] == "mapping.completed")
        seal, snapshot = retold.entries[-1], retold.specs[1]["snapshot"]["digest"][:16]
        retold.entries[searched]["data"]["candidates"] = 2
        end = {key: value for key, value in (NOBODY_ELSE | {"outcome": outcome} | ending).items() if value is not None}
        acts: list[tuple[str, str, dict[str, Any]]] = [
            (kind, by, stated(kind, examples=[{"snapshot": snapshot, name: f"e{place:08}", "set": "train"}]))
            for place, (kind, by, name) in enumerate(matches)
        ]
        acts += [("ending.proposed", "account:1", end), ("ending.approved", "account:2", end)]
        acts += [("request.closed", "account:2", {"outcome": "no_match", "accepted": 0})]
        others = [one for one in retold.entries[searched + 1 :] if one["kind"] == "keys.published"]
        retold.entries = [one for one in retold.entries[: searched + 1] if one["kind"] not in REGISTERED] + others
        retold.entries += [seal | {"kind": kind, "actor": by, "data": data} for kind, by, data in acts] + [seal]
        retold.envelopes, retold.files = {}, {}

    return entries(change)


REGISTERED = ("corpus.registered", "model.registered")
REJECTED = (("match.rejected", "account:3", "example_id"), ("match.rejected", "account:3", "example_id"))


def registered_after_the_release(retold: Retold) -> None:
    late = [one | {"at": retold.entries[-1]["at"]} for one in retold.entries if one["kind"] in REGISTERED]
    rest = [one for one in retold.entries if one["kind"] not in REGISTERED]
    retold.entries = [*rest[:-1], *late, rest[-1]]


def registered_in_the_log_after_the_release(retold: Retold) -> None:
    late = [one for one in retold.entries if one["kind"] in REGISTERED]
    rest = [one for one in retold.entries if one["kind"] not in REGISTERED]
    retold.entries = [*rest[:-1], *late, rest[-1]]


def run_killed_in_the_words_of_an_earlier_version(retold: Retold) -> None:
    for one in retold.of_kind("job.run_ended"):
        one.update(kind="job.attempt_ended", data=one["data"] | {"outcome": "killed"})


def forgotten_one(retold: Retold) -> None:
    forget(retold, retold.specs[1]["forget_ids"][:1])


def erased_elsewhere(retold: Retold) -> None:
    rest = retold.specs[1]["forget_ids"][1:]
    forgotten_one(retold)
    for spec in retold.specs.values():
        spec["erased_ids"] = rest


def nobody_decided(retold: Retold) -> None:
    for kind in ("match.accepted", "match.rejected"):
        for one in retold.of_kind(kind):
            one["data"]["examples"] = []


def called_another_set(name: str) -> Story:
    """One more match is accepted, and placed in a set that the corpus does not have."""

    def change(retold: Retold) -> None:
        called_held_out(retold)
        retold.first("match.accepted")["data"]["examples"][-1]["set"] = name

    return entries(change)


def taken_back(retold: Retold) -> None:
    retold.insert("match.accepted", "match.reopened", examples=retold.first("match.accepted")["data"]["examples"][:1])


def left_out_in_the_second_run(retold: Retold) -> None:
    del list(retold.of_kind("job.started"))[-1]["data"]["result_version"]


def called_another_set_later(retold: Retold) -> None:
    data = retold.first("match.accepted")["data"]
    elsewhere = [one | {"set": "held_out"} for one in data["examples"]]
    retold.insert("match.accepted", "match.accepted", **stated("match.accepted", examples=elsewhere))


def accepted_in_another_corpus(retold: Retold) -> None:
    """A match in a second corpus that was searched is accepted, no item has it, and the end does not mention it."""
    retold.first("mapping.completed")["data"]["searched"].append("5" * 64)
    retold.first("mapping.completed")["data"]["candidates"] += 1
    retold.first("matches.decided")["data"]["accepted"] += 1
    examples = retold.first("match.accepted")["data"]["examples"]
    examples.append(examples[0] | {"snapshot": "5" * 16})


STORIES: Mapping[str, tuple[Story, str]] = {
    "refused by letter, released": (letter("item.released", "outcome_refused"), "'outcome_refused' cannot be queued then"),
    "completed by letter, before anything was approved": (
        letter("item.decided", "outcome_completed"),
        "'outcome_completed' cannot be queued then: the request is in progress",
    ),
    "nothing found by letter, completed": (
        letter("request.closed", "outcome_no_match"),
        "'outcome_no_match' cannot be queued then: the request is closed, with the outcome 'completed'",
    ),
    "confirmation asked for after the end": (letter("request.closed", "confirm_address"), "cannot be queued then"),
    "a letter that there is not": (letter("request.closed", "outcome_great"), "nothing says what its template"),
    "nothing found, and nobody decided": (ended(), "does not follow from what was searched and accepted"),
    "an end without its number": (ended(*REJECTED, outcome="not_searched", ending=None), "must state ending"),
    "a match in earlier words": (
        ended(("match.rejected", "account:2", "record_id"), REJECTED[1]),
        "an example states record_id, set, snapshot",
    ),
    "approved by who rejected a match": (
        ended(("match.rejected", "account:2", "example_id"), REJECTED[1]),
        "decided on its matches",
    ),
    "approved by who rejected a match that another rejected again": (
        ended(("match.rejected", "account:2", "example_id"), *REJECTED),
        "decided on its matches",
    ),
    "an unknown outcome": (said("request.closed", outcome="Refused"), "nothing says what its outcome 'Refused' means"),
    "no outcome": (
        unsaid("request.closed", "outcome"),
        "and must state accepted, declared, from_checkpoints, not_concerned, outcome, vocabularies",
    ),
    "granted in words": (said("item.decided", granted="false"), "nothing says what its granted 'false' means"),
    "a language that nobody wrote in": (said("request.submitted", language="no_match"), "nothing says what its language"),
    "a day that there is not": (said("request.submitted", due_on="2026-02-30"), "nothing says what its due_on"),
    "decided in no way": (said("match.accepted", how="refused"), "nothing says what its how"),
    "clusters without a number": (said("match.accepted", clusters=["nothing"]), "nothing says what its clusters"),
    "carried out by the claimant": (
        entries(lambda retold: [one.update(actor="claimant") for one in retold.of_kind("request.closed")]),
        "claimants end nothing but by withdrawing it",
    ),
    "an example named twice": (
        entries(
            lambda retold: [
                one["data"]["examples"].extend(one["data"]["examples"]) for one in retold.of_kind("match.accepted")
            ]
        ),
        "it names an example twice",
    ),
    "no ground": (said("item.decided", ground="banana"), "'banana' is no ground for it"),
    "a ground of another kind of request": (said("request.submitted", kind="copyright"), "is no ground for it"),
    "one more field": (said("item.released", verdict="failed"), "and must state attempt, copies, item, model_sha256"),
    "no approved method": (
        unsaid("proposal.approved", "method"),
        "must state attempt, beside, item, method, protocol_sha256",
    ),
    "no specification": (unsaid("job.created", "spec_sha256"), "must state attempt, item, job, spec_sha256"),
    "an unknown kind": (
        entries(lambda retold: retold.insert("item.released", "release.revoked", item="item-1", attempt=2)),
        "this version of Lethe does not know what it means",
    ),
    "the erasure under another name": (renamed("erasure.entered", "erasure.noted"), "does not know what it means"),
    "no erasure in the ledger": (
        entries(lambda retold: retold.entries.remove(retold.first("erasure.entered"))),
        "it is evaluated, and should be entered",
    ),
    "a proposal by the system": (made_by("proposal.submitted", "system"), "it was made by system"),
    "a match rejected by the claimant": (made_by("match.rejected", "claimant"), "it was made by claimant"),
    "granted by the claimant": (made_by("item.decided", "claimant"), "it was made by claimant"),
    "registered afterwards": (entries(registered_after_the_release), "was registered after its job was created"),
    "logged afterwards": (entries(registered_in_the_log_after_the_release), "was registered after its job was created"),
    "killed and completed": (
        entries(run_killed_in_the_words_of_an_earlier_version),
        "an earlier version of Lethe wrote such entries, but the present one wrote those before it",
    ),
    "erased elsewhere": ({"spec": erased_elsewhere}, "the accepted matches are not the forget set"),
    "nobody decided": (entries(nobody_decided), "the review counts other matches than were accepted"),
    "one forgotten, nobody decided": (
        {"spec": forgotten_one, "entries": nobody_decided},
        "the accepted matches are not the forget set",
    ),
    "an accepted match that no item has and the end leaves out": (
        entries(accepted_in_another_corpus),
        "the end names other examples than were accepted",
    ),
    "an end of which nothing became": (
        entries(lambda retold: accounted(retold)[0].update(became=[])),
        "nothing says what its examples",
    ),
    "an end of an example in words that there are not": (
        entries(lambda retold: accounted(retold)[0].update(became=["forgotten"])),
        "nothing says what its examples",
    ),
    "another is called held out": (
        entries(called_held_out),
        "an accepted example is called held out and is not",
    ),
    "a match whose acceptance was taken back": (entries(taken_back), "match.accepted examples, counted"),
    "a field that earlier entries state": (entries(left_out_in_the_second_run), "must state attempt, item, job"),
    "a set that the corpus does not have": (
        called_another_set("real_authors"),
        "a match is in a set that its corpus does not have",
    ),
    "a set that jobs make": (called_another_set("retain"), "is in the set 'retain', which no corpus has"),
    "another set later": (entries(called_another_set_later), "was in another set before"),
}
"""What is changed at which stage, and the reason why it does not verify."""


@pytest.mark.parametrize("name", STORIES)
def test_a_history_that_leaves_out_renames_or_disorders_facts_fails(real: Real, tmp_path: Path, name: str) -> None:
    changes, reason = STORIES[name]
    result = verify_bundle(real.retold(tmp_path).write(changes), (real.bundle / "trust.json").read_bytes())
    assert not result.passed
    assert any(reason in step.reason for step in result.steps if step.status == "failed"), [
        (step.number, step.reason) for step in result.steps if step.status == "failed"
    ]
