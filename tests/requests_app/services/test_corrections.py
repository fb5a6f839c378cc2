"""A later review rejects what was accepted: the item loses it, what rested on it is given up, nothing else is signed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compliance.evidence.agreements import AGREEMENTS, Story, ToldReport, contradictions
from compliance.record.errors import StaleStateError
from compliance.record.models import Attestation
from compliance.record.selectors import attestation_read, entries_of
from requests_app import search_runner
from requests_app.models import ErasureRequest, Item, Match, Proposal
from requests_app.services import decisions, endings, mapping, matches, search_orders
from requests_app.states import ItemState, RequestOutcome, RequestState
from tests.endings import corrected as taken_out
from tests.personas import Staff
from tests.staging import Stage, corpus, job_completed, trained, unguarded
from unlearning_jobs.models import ErasureEntry, Job
from unlearning_jobs.services.reports import report_sign

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts", "signing")]
FIRST, *OTHERS = (f"e0000000{number}" for number in range(4))


@pytest.fixture
def stage(staff: Staff) -> Stage:
    return Stage.opened(staff, trained(corpus())).searched()


def searched_again(stage: Stage) -> None:
    search_orders.request_search_again(request=stage.request, by=stage.staff.omar)
    search_runner.request_map(request_id=stage.request.pk)
    stage.request = ErasureRequest.objects.get(pk=stage.request.pk)


def reject(stage: Stage, *ids: str) -> None:
    rows = stage.request.matches.filter(example_id__in=ids)
    matches.matches_decide(request=stage.request, match_ids=[row.pk for row in rows], accept=False, by=stage.staff.omar)


def corrected(stage: Stage, *ids: str) -> Item:
    """These examples are rejected in a later review, which is completed once Lena has approved that they leave."""
    searched_again(stage)
    reject(stage, *ids)
    taken_out(stage)
    stage.request = mapping.review_complete(request=stage.request, by=stage.staff.omar)
    return stage.item


def entries(stage: Stage, kind: str) -> list[object]:
    return [entry.data for entry in entries_of(subject=stage.request.subject) if entry.kind == kind]


@pytest.mark.parametrize(
    ("step", "before", "after"),
    [
        ("reviewed", ItemState.DECIDING, ItemState.DECIDING),
        ("granted", ItemState.GRANTED, ItemState.GRANTED),
        ("proposed", ItemState.AWAITING_APPROVAL, ItemState.GRANTED),
        ("signed", ItemState.AWAITING_RELEASE, ItemState.GRANTED),
    ],
)
def test_what_is_rejected_leaves_the_item_and_what_rested_on_it_is_given_up(
    stage: Stage, step: str, before: ItemState, after: ItemState
) -> None:
    getattr(stage, step)()
    assert stage.item.state == before
    item = corrected(stage, FIRST)
    assert (item.example_ids, item.state) == (OTHERS, after)
    assert entries(stage, "item.corrected") == [{"item": "item-1", "examples": 3, "ending": 1}]


def test_a_running_job_is_cancelled_and_its_item_goes_back_to_the_choice_of_a_method(stage: Stage) -> None:
    proposal = stage.approved()
    item = corrected(stage, FIRST)
    assert proposal.job is not None
    job = Job.objects.get(pk=proposal.job.pk)
    decisions.proposal_evaluated(job=job)
    assert (job.state, item.example_ids, stage.item.state) == ("cancelled", OTHERS, ItemState.GRANTED)


def test_a_result_that_came_all_the_same_is_not_released_and_can_be_given_up(stage: Stage) -> None:
    proposal = stage.approved()
    assert proposal.job is not None
    job = job_completed(proposal.job)
    corrected(stage, FIRST)  # between the job's end and its verdict
    decisions.proposal_evaluated(job=job)
    report_sign(job_id=job.pk)
    with pytest.raises(StaleStateError, match="later review rejected"):
        decisions.item_release(proposal=proposal, by=stage.staff.nils)
    assert decisions.item_reopen(proposal=proposal, by=stage.staff.omar).state == ItemState.GRANTED
    assert not ErasureEntry.objects.exists()


def test_a_wrong_acceptance_can_be_corrected_after_an_approval_that_came_to_nothing(stage: Stage) -> None:
    stage.evaluated("failed")
    assert corrected(stage, FIRST).example_ids == OTHERS


def test_what_was_released_is_not_decided_again(stage: Stage) -> None:
    decisions.item_release(proposal=stage.signed(), by=stage.staff.nils)
    with unguarded("requests_app_erasurerequest", "request_closed_is_final"):
        ErasureRequest.objects.filter(pk=stage.request.pk).update(state=RequestState.REVIEW)
    with pytest.raises(StaleStateError, match="stays as it was decided"):
        reject(stage, FIRST)


def test_what_was_released_is_neither_taken_back_nor_decided_with_others(stage: Stage) -> None:
    decisions.item_release(proposal=stage.signed(), by=stage.staff.nils)
    with unguarded("requests_app_erasurerequest", "request_closed_is_final"):
        ErasureRequest.objects.filter(pk=stage.request.pk).update(state=RequestState.REVIEW)
    with pytest.raises(StaleStateError, match="stays as it was decided"):
        matches.decisions_undo(request=stage.request, by=stage.staff.omar)
    everything = list(stage.request.matches.values_list("pk", flat=True))
    with pytest.raises(StaleStateError, match="stays as it was decided"):
        matches.matches_decide(
            request=stage.request, match_ids=everything, accept=False, by=stage.staff.omar, how="score", with_unlearned=True
        )


def test_a_decision_is_taken_back_after_an_approval_and_the_item_follows_the_next_one(stage: Stage) -> None:
    stage.evaluated("failed")
    searched_again(stage)
    everything = list(stage.request.matches.values_list("pk", flat=True))
    assert matches.decisions_undo(request=stage.request, by=stage.staff.omar) == len(everything)
    with pytest.raises(StaleStateError, match="Accept or reject every match"):
        mapping.review_complete(request=stage.request, by=stage.staff.omar)
    matches.matches_decide(request=stage.request, match_ids=everything, accept=True, by=stage.staff.omar)
    reject(stage, FIRST)
    taken_out(stage)
    mapping.review_complete(request=stage.request, by=stage.staff.omar)
    assert stage.item.example_ids == OTHERS


def test_an_item_of_which_nothing_is_left_ends_when_two_officers_take_it_out(stage: Stage) -> None:
    stage.granted()
    searched_again(stage)
    reject(stage, FIRST, *OTHERS)
    with pytest.raises(StaleStateError, match="rejected now"):
        mapping.review_complete(request=stage.request, by=stage.staff.omar)
    taken_out(stage)
    assert (stage.item.state, stage.item.example_ids) == (ItemState.LAPSED, [])
    assert entries(stage, "item.corrected") == [{"item": "item-1", "examples": 0, "ending": 1}]
    with pytest.raises(StaleStateError, match="propose to close"):
        mapping.review_complete(request=stage.request, by=stage.staff.omar)
    ending = endings.closing_propose(request=stage.request, outcome="no_match", reasons="", by=stage.staff.omar)
    endings.ending_approve(ending=ending, by=stage.staff.lena)
    request = ErasureRequest.objects.get(pk=stage.request.pk)
    assert (request.state, request.outcome) == (RequestState.CLOSED, RequestOutcome.NO_MATCH)


def test_a_release_whose_example_was_rejected_before_is_contradicted(stage: Stage) -> None:
    """Written past the services, as whoever holds the database could: neither the signer nor the verifier takes it."""
    proposal = stage.signed()
    decisions.item_release(proposal=proposal, by=stage.staff.nils)
    story = told(stage, Proposal.objects.get(pk=proposal.pk))
    assert contradictions(story, AGREEMENTS) == []
    rejected = next(entry for entry in story.entries if entry.kind == "match.accepted")
    forged = [
        replace(entry, kind="match.rejected", data=rejected.data) if entry.kind == "item.evaluated" else entry
        for entry in story.entries
    ]
    [sentence] = contradictions(Story(story.request, forged, reports=story.reports), AGREEMENTS)[-1:]
    assert "rejected before the model without it was released" in sentence


def told(stage: Stage, proposal: Proposal) -> Story:
    """The request's history and the signed report, with the specification that it names."""
    row = attestation_read(Attestation.objects.get(subject=stage.request.subject))
    assert row.report is not None
    assert proposal.job is not None
    reports = {("item-1", 1): ToldReport(row.report, spec=proposal.job.spec)}
    return Story(stage.request.reference, entries_of(subject=stage.request.subject), reports=reports)


def test_matches_are_accepted_and_rejected_as_often_as_one_likes_before_a_release(stage: Stage) -> None:
    stage.granted()
    corrected(stage, FIRST)
    searched_again(stage)
    again = stage.request.matches.get(example_id=FIRST)
    matches.matches_decide(request=stage.request, match_ids=[again.pk], accept=True, by=stage.staff.omar)
    mapping.review_complete(request=stage.request, by=stage.staff.omar)
    assert [item.example_ids for item in stage.request.items.order_by("number")] == [OTHERS, [FIRST]]
    assert stage.request.matches.filter(decision=Match.Decision.ACCEPTED).count() == 4
