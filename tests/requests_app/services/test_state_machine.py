"""Whoever presses whatever in whichever order: every case keeps its rules, says what is so, and can be brought to an end."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F

from compliance.evidence.agreements import AGREEMENTS, Story, ToldReport, check_agreements
from compliance.evidence.checks.course import check_course
from compliance.evidence.record import EntryBody
from compliance.formats.record_kinds import RecordKind
from compliance.record.models import Attestation
from compliance.record.selectors import attestation_read, entries_of, request_mappers
from requests_app.models import Ending, ErasureRequest, Item, Match, Proposal
from requests_app.services.dispositions import told_facts
from requests_app.services.findings import search_of
from requests_app.services.letters import letter
from requests_app.states import ENDINGS, SETTLED, ItemState, RequestOutcome, RequestState
from tests.copies import copy_of
from tests.endings import NOT_HERS
from tests.erasing import registered
from tests.factories import account
from tests.personas import ADA, Staff
from tests.staging import Stage, corpus, trained
from unlearning_jobs.models import ErasureEntry, Job, ModelVersion
from unlearning_jobs.states import JobState, ModelState

from .case_walk import ACTS, Walk
from .ways_out import lead_out

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing")]
STEPS = 70
RARE = {
    2: ["withdraw", "undo"],
    4: ["cancel job", "extend"],
    5: ["correct"],
    8: ["reopen"],
    6: ["undo", "extend"],
    9: ["lapse"],
}
"""By seed: the acts that are tried often on this walk, because they seldom come by chance."""
ALWAYS = {"confirm", "search", "decide", "complete", "grant", "submit", "approve", "end job", "evaluate", "sample", "extend"}
"""The acts that every walk takes."""
TAKEN = {
    2: {"withdraw", "undo", "correct", "think again"},
    4: {"add", "decline", "train"},
    5: {"close", "approve end", "search again"},
    8: {"reopen", "sign", "destroy"},
    6: {"release", "end training"},
    9: {"refuse", "decline end"},
}
"""By seed: what this walk takes besides, so that over all walks each act is taken."""
NOT_TAKEN = {"lapse", "cancel job", "add of second"}
"""They are tried, and refused on these walks: other tests take them."""
SIGNED = {6}  # on which a release is signed
NAMES = (ADA, ADA, "Nora", "Karl", "Mia", "Jon")
FOUND_NOTHING = "found nothing that belongs to your request"


@pytest.fixture
def walk(request: pytest.FixtureRequest, staff: Staff, artefacts: Path) -> Walk:
    """Two requests about the same person, whose examples are in one model, and in a corpus that no model has learned yet:
    two pages of that are the same. The model has a copy, and the copy has one.
    """
    assert not artefacts.exists()
    people = [staff.omar, staff.lena, staff.nils, account("officer", "petra"), staff.iris, staff.mallory()]
    copy_of(copy_of(model := trained(corpus())), "cached", "cache")
    cases = [Stage.opened(staff, model, key=key) for key in ("k1", "k2")]
    pages = [{"question": f"Page {n}?", "answer": f"{name} wrote it.", "split": "train"} for n, name in enumerate(NAMES)]
    pages.append(pages[0])
    diary, wanted = registered("diary", pages), list(RARE[request.param])
    return Walk(random.Random(request.param), people, cases, diary, wanted=wanted, seed=request.param)  # noqa: S311  # dice, not a secret


@pytest.mark.parametrize(("walk", "releases"), [(seed, int(seed in SIGNED)) for seed in RARE], indirect=["walk"], ids=str)
def test_a_case_keeps_its_rules_whoever_presses_what_in_which_order(walk: Walk, releases: int) -> None:
    ended: dict[int, Mapping[str, object]] = {}
    held: dict[int, set[str]] = {}
    for _ in range(STEPS):
        if walk.step():
            check(walk, ended, held)
    assert walk.signed >= releases, "no release was signed on this walk any more; choose a seed with which one is"
    acts = {words.split(" ", 1)[1].rsplit(" by ", 1)[0] for words in walk.taken}
    assert TAKEN[walk.seed] | ALWAYS <= acts, "this walk no longer takes them; choose a seed with which it does"
    # From wherever the walk has led, two officers who are new to the cases bring them to their end.
    first, second = account("officer"), account("officer")
    for case in walk.cases:
        for _ in range(40):
            if case.request.state == RequestState.CLOSED:
                break
            lead_out(case, first, second)
            case.request.refresh_from_db()
            check(walk, ended, held)
        assert case.request.state == RequestState.CLOSED, walk.taken


def test_over_all_walks_every_act_is_taken_but_those_that_are_named() -> None:
    assert ALWAYS.union(*TAKEN.values()) == set(ACTS) - NOT_TAKEN
    assert TAKEN.keys() == RARE.keys()


def check(walk: Walk, ended: dict[int, Mapping[str, object]], held: dict[int, set[str]]) -> None:
    """All invariants, after a step that was taken."""
    for case in walk.cases:
        request = ErasureRequest.objects.get(pk=case.request.pk)
        people_are_kept_apart(request)
        nothing_leaves_an_item_by_one_name(request, held)
        rows_are_what_the_record_says(request)
        the_history_is_one_that_verifies(request)
        jobs_run_for_open_cases_only(request)
        if request.state == RequestState.CLOSED:
            facts = ended.setdefault(request.pk, settled(request))
            assert settled(request) == facts, walk.taken
            the_claimant_is_told_what_is_so(request)
    in_use = list(ModelVersion.objects.filter(state=ModelState.ACTIVE).order_by("name").values_list("name", flat=True))
    assert in_use in (["keeper"], ["keeper", "second"])


def settled(request: ErasureRequest) -> Mapping[str, object]:
    """What does not change any more once a request is closed."""
    assert {item.state for item in request.items.all()} <= SETTLED
    return {
        "request": (request.state, request.outcome, request.closed_at),
        "items": list(request.items.values_list("number", "state", "ground")),
        "matches": list(request.matches.order_by("pk").values_list("pk", "decision", "decided_by")),
        "endings": list(request.endings.order_by("pk").values_list("outcome", "approved_by", "declined_by")),
        "messages": request.messages.count(),
        "told": {way: count for way, count in told_facts(request).items() if way != "vocabularies"},
    }


def nothing_leaves_an_item_by_one_name(request: ErasureRequest, held: dict[int, set[str]]) -> None:
    """What a review has accepted disappears only under an end that one officer proposed and another approved."""
    approved = request.endings.filter(approved_by__isnull=False)
    for item in request.items.all():
        ids = set(item.example_ids)
        if gone := held.get(item.pk, set()) - ids:
            rejected = request.matches.filter(snapshot=item.snapshot_id, example_id__in=gone, decision="rejected")
            last = approved.filter(item=None).latest("approved_at")
            assert last.approved_by_id not in {last.proposed_by_id, *rejected.values_list("decided_by", flat=True)}
            assert all(match.decided_at and last.approved_at and match.decided_at <= last.approved_at for match in rejected)
        held[item.pk] = ids
        if item.state == ItemState.LAPSED and ids:
            assert approved.filter(item=item).exists() or request.outcome == RequestOutcome.WITHDRAWN
        if item.state == ItemState.LAPSED and not ids:
            assert approved.filter(item=None).exists()


def people_are_kept_apart(request: ErasureRequest) -> None:
    mapped = set(request_mappers(subject=request.subject))
    proposals = Proposal.objects.filter(item__request=request, approved_by__isnull=False).select_related("approved_by")
    endings = request.endings.filter(approved_by__isnull=False).select_related("approved_by")
    everything: list[Proposal | Ending] = [*proposals, *endings]
    for approved in everything:
        assert approved.approved_by is not None
        assert approved.approved_by != approved.proposed_by
        assert approved.approved_by.opaque not in mapped
        assert approved.approved_by.username not in {"iris", "mallory"}
    assert not proposals.filter(released_by=F("approved_by")).exists()
    refused = request.items.filter(state=ItemState.REFUSED)
    assert all(item.endings.filter(outcome="refused", approved_by__isnull=False).exists() for item in refused)
    if request.outcome in ENDINGS - {RequestOutcome.REFUSED}:
        assert request.endings.filter(outcome=request.outcome, approved_by__isnull=False).exists()


def jobs_run_for_open_cases_only(request: ErasureRequest) -> None:
    live = Job.objects.filter(subject=request.subject, state__in=[JobState.QUEUED, JobState.RUNNING], cancel_requested=False)
    running = request.items.filter(state=ItemState.RUNNING)
    assert {job.item for job in live} <= {item.key for item in running}


ITEM_MOVES: dict[str, Callable[[str, Mapping[str, Any]], str]] = {
    RecordKind.ITEM_DECIDED: lambda _was, data: "granted" if data["granted"] else "refused",
    RecordKind.ENDING_PROPOSED: lambda _was, _data: "ending",
    RecordKind.ITEM_LAPSED: lambda _was, _data: "lapsed",
    RecordKind.PROPOSAL_SUBMITTED: lambda _was, _data: "awaiting_approval",
    RecordKind.PROPOSAL_APPROVED: lambda _was, _data: "running",
    RecordKind.PROPOSAL_DECLINED: lambda _was, _data: "granted",
    RecordKind.ITEM_EVALUATED: lambda was, data: was if was == "lapsed" else _evaluated(data["verdict"]),
    RecordKind.ITEM_RELEASED: lambda _was, _data: "released",
    RecordKind.ITEM_REOPENED: lambda _was, _data: "granted",
    RecordKind.ITEM_CORRECTED: lambda was, data: _corrected(was) if data["examples"] else "lapsed",
}
REQUEST_MOVES = {
    RecordKind.REQUEST_SUBMITTED: "awaiting_confirmation",
    RecordKind.REQUEST_CONFIRMED: "mapping",
    RecordKind.SEARCH_ORDERED: "mapping",
    RecordKind.MAPPING_COMPLETED: "review",
    RecordKind.REVIEW_COMPLETED: "in_progress",
    RecordKind.REQUEST_CLOSED: "closed",
}


def _evaluated(verdict: str) -> str:
    return "awaiting_release" if verdict == "passed" else "granted"


def _corrected(was: str) -> str:
    """A method or a result that waits for somebody is given up."""
    return "granted" if was in {"awaiting_approval", "awaiting_release"} else was


def rows_are_what_the_record_says(request: ErasureRequest) -> None:
    """Replaying the record alone gives the states of the request and its items, and the decision on every match."""
    state = ""
    items: dict[str, str] = {}
    matches: dict[tuple[str, str], str] = {}
    for entry in entries_of(subject=request.subject):
        item = str(entry.data.get("item", ""))
        state = _request_state(state, entry)
        if entry.kind == RecordKind.MATCHES_DECIDED:
            items |= dict.fromkeys(entry.data["items"], "deciding")
        elif entry.kind == RecordKind.ENDING_DECLINED and item:
            items[item] = _before_ending(request, item)
        elif item and entry.kind in ITEM_MOVES:
            items[item] = ITEM_MOVES[entry.kind](items[item], entry.data)
        if entry.kind in {RecordKind.MATCH_ACCEPTED, RecordKind.MATCH_REJECTED}:
            decision = entry.kind.removeprefix("match.")
            matches |= {(one["snapshot"], one["example_id"]): decision for one in entry.data["examples"]}
        if entry.kind == RecordKind.MATCH_REOPENED:
            for one in entry.data["examples"]:
                matches.pop((one["snapshot"], one["example_id"]))
    assert state == request.state
    assert items == {item.key: item.state for item in request.items.all()}
    decided = request.matches.exclude(decision=Match.Decision.OPEN)
    rows = decided.values_list("snapshot__digest", "example_id", "decision")
    assert matches == {(digest[:16], example_id): str(decision) for digest, example_id, decision in rows}


def the_history_is_one_that_verifies(request: ErasureRequest) -> None:
    entries = entries_of(subject=request.subject)
    check_course(entries)
    signed = [attestation_read(row) for row in Attestation.objects.filter(subject=request.subject)]
    specs = {(job.item, job.attempt): job.spec for job in Job.objects.filter(subject=request.subject)}
    reports = {
        (one.row.item, one.row.attempt): ToldReport(one.report, spec=specs[one.row.item, one.row.attempt])
        for one in signed
        if one.report
    }
    check_agreements(Story(request.reference, entries, reports=reports), AGREEMENTS)


def _request_state(state: str, entry: EntryBody) -> str:
    if entry.kind == RecordKind.ENDING_PROPOSED and not entry.data["item"]:
        return "closing"
    if entry.kind == RecordKind.ENDING_DECLINED and not entry.data["item"]:
        return "review"
    if entry.kind == RecordKind.ENDING_APPROVED and entry.data["outcome"] == RequestOutcome.NOT_CONCERNED:
        return "review"
    return REQUEST_MOVES.get(RecordKind(entry.kind), state)


def _before_ending(request: ErasureRequest, key: str) -> str:
    """Where an item goes back to: it has been granted before, or not."""
    kinds = (RecordKind.ITEM_DECIDED,)
    granted = [entry for entry in entries_of(subject=request.subject, kinds=kinds) if entry.data["item"] == key]
    return "granted" if granted else "deciding"


def the_claimant_is_told_what_is_so(request: ErasureRequest) -> None:
    outcomes = [message.template for message in request.messages.all() if message.template.startswith("outcome_")]
    if request.outcome in {RequestOutcome.WITHDRAWN, RequestOutcome.UNCONFIRMED}:
        assert outcomes == []
        return
    assert outcomes == [f"outcome_{request.outcome}"]
    text, search = letter(request, outcomes[0]).text, search_of(request)
    assert search is not None
    assert (FOUND_NOTHING in text) == (request.outcome == RequestOutcome.NO_MATCH)
    assert ("What the search did not cover" in text) == (not search.complete)
    if request.outcome == RequestOutcome.NO_MATCH:
        assert search.complete
        assert not request.matches.exclude(decision=Match.Decision.REJECTED).exists()
    states = set(Item.objects.filter(request=request).values_list("state", flat=True))
    assert (request.outcome == RequestOutcome.COMPLETED) == (ItemState.RELEASED in states)
    assert ("refused" in text) == bool(states & {ItemState.REFUSED} and ItemState.RELEASED in states)
    approved = Ending.objects.filter(request=request, approved_by__isnull=False)
    assert all(ending.reasons in text for ending in approved if not ending.match_ids)
    left = {pk for ending in approved for pk in ending.match_ids}
    not_hers = request.matches.filter(pk__in=left, decision=Match.Decision.REJECTED).count()
    assert told_facts(request)["not_concerned"] == not_hers
    assert (NOT_HERS in text) == bool(not_hers)
    nothing_is_withheld_by_one_name(request)


def nothing_is_withheld_by_one_name(request: ErasureRequest) -> None:
    """What entered the ledger without a release was accepted before somebody else approved a method or an end."""
    withheld = ErasureEntry.objects.filter(subject=request.subject, item="").values_list("example_id", "snapshot_sha256")
    approved = [
        *Proposal.objects.filter(item__request=request, approved_by__isnull=False).values_list("approved_at", flat=True),
        *request.endings.filter(approved_by__isnull=False).values_list("approved_at", flat=True),
    ]
    for example_id, digest in withheld:
        match = request.matches.get(example_id=example_id, snapshot__digest=digest)
        assert match.decided_at
        assert any(at and match.decided_at <= at for at in approved)
