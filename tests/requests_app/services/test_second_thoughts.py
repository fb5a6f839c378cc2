"""An officer thinks again, and again: what was rejected and is accepted after all is carried out, signed, and told once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from compliance.evidence.agreements import AGREEMENTS, Story, ToldReport, contradictions
from compliance.evidence.checks.course import check_course
from compliance.record.errors import StaleStateError
from compliance.record.models import Attestation
from compliance.record.selectors import alarm_standing, attestation_read, entries_of
from requests_app.models import Ending, ErasureRequest, Item, Proposal
from requests_app.services import endings, intake
from requests_app.services.letters import letter
from requests_app.services.reconcile import requests_reconcile
from requests_app.states import ItemState
from tests.endings import NOT_HERS, REASONS, corrected, refused
from tests.staging import Stage, erased_elsewhere, unguarded
from unlearning_jobs.models import Job, ModelVersion

from .conftest import EXAMPLES
from .test_closings import finished, released, started
from .test_two_take_out import completed, decide, lapsed, searched_again

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing")]
FIRST, SECOND = EXAMPLES
OTHER_REASONS = "On reflection, this is about a ship, which bears the same name as she does."


def item(stage: Stage, number: int) -> Item:
    return Item.objects.select_related("request").get(request=stage.request, number=number)


def thought_again(stage: Stage, reasons: str = NOT_HERS) -> None:
    """The first example leaves its item by two officers, and is accepted again."""
    decide(stage, FIRST, accept=False)
    corrected(stage, reasons)
    decide(stage, FIRST, accept=True)


def in_two_items(stage: Stage) -> None:
    stage.reviewed()
    searched_again(stage)
    thought_again(stage)
    completed(stage)


def told(stage: Stage) -> Story:
    """The history, and the signed reports with their specifications."""
    reports = {}
    for row in Attestation.objects.filter(subject=stage.request.subject):
        if report := attestation_read(row).report:
            proposal = Proposal.objects.get(item__request=stage.request, item__number=row.item[-1], number=row.attempt)
            reports[row.item, row.attempt] = ToldReport(report, spec=proposal.job.spec if proposal.job else None)
    return Story(stage.request.reference, entries_of(subject=stage.request.subject), reports=reports)


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_what_left_an_item_and_came_back_is_carried_out_in_a_new_one(stage: Stage, order: tuple[int, int]) -> None:
    in_two_items(stage)
    for number in order:
        released(item(stage, number), stage.staff)
    stage.request.refresh_from_db()
    assert (stage.request.outcome, alarm_standing()) == ("completed", None)
    assert [one.example_ids for one in stage.request.items.order_by("number")] == [[SECOND], [FIRST]]
    text = letter(stage.request, "outcome_completed").text
    assert "does not belong" not in text
    assert NOT_HERS not in text


def test_a_later_item_may_end_otherwise_than_the_one_that_was_released(stage: Stage) -> None:
    decide(stage, FIRST, accept=True)
    decide(stage, SECOND, accept=False)
    completed(stage)
    searched_again(stage)
    decide(stage, SECOND, accept=True)
    completed(stage)
    released(item(stage, 1), stage.staff)
    with unguarded("unlearning_jobs_modelversion", "model_version_is_fixed"):
        ModelVersion.objects.filter(state="active").update(state="quarantined")
    ending = endings.lapse_propose(item=item(stage, 2), by=stage.staff.omar)
    endings.ending_approve(ending=ending, by=stage.staff.lena)
    stage.request.refresh_from_db()
    assert stage.request.outcome == "completed"
    assert contradictions(told(stage), AGREEMENTS) == []


def test_neither_item_may_leave_out_what_it_holds_after_a_correction(stage: Stage) -> None:
    in_two_items(stage)
    finished(started(item(stage, 1), stage.staff))
    finished(started(item(stage, 2), stage.staff))
    story = told(stage)
    assert contradictions(story, AGREEMENTS) == []
    uncorrected = [entry for entry in story.entries if entry.kind != "item.corrected"]
    assert about(story, uncorrected, story.reports) == ["Item item-1, attempt 1"]
    one, two = (story.reports[f"item-{number}", 1] for number in (1, 2))
    lying = {("item-1", 1): ToldReport(one.report, spec=two.spec), ("item-2", 1): ToldReport(two.report, spec=one.spec)}
    assert about(story, story.entries, lying) == ["Item item-1, attempt 1", "Item item-2, attempt 1"]


def about(story: Story, entries: object, reports: object) -> list[str]:
    """The attempts of which the forget set is not what was accepted."""
    found = contradictions(Story(story.request, entries, reports=reports), AGREEMENTS)  # type: ignore[arg-type]  # told otherwise
    return [one.partition(":")[0] for one in found if "accepted matches are not the forget set" in one]


def test_an_item_is_signed_although_what_left_it_was_refused_since(stage: Stage) -> None:
    in_two_items(stage)
    refused(stage, item(stage, 2))
    released(item(stage, 1), stage.staff)
    stage.request.refresh_from_db()
    assert (stage.request.outcome, alarm_standing()) == ("completed", None)


def test_the_letter_counts_a_passage_once_and_gives_the_reasons_that_stand(stage: Stage) -> None:
    in_two_items(stage)
    searched_again(stage)
    decide(stage, FIRST, accept=False)
    corrected(stage, OTHER_REASONS)
    completed(stage)
    refused(stage, item(stage, 1))
    stage.request.refresh_from_db()
    text = letter(stage.request, "outcome_refused").text
    assert "1 passage that we had counted among those of this request does not belong to it." in text
    assert OTHER_REASONS in text
    assert NOT_HERS not in text


def test_a_correction_is_about_the_matches_that_were_proposed(stage: Stage) -> None:
    stage.reviewed()
    searched_again(stage)
    decide(stage, FIRST, accept=False)
    ending = endings.correction_propose(request=stage.request, reasons=NOT_HERS, by=stage.staff.omar)
    stage.request.matches.filter(example_id=FIRST).update(decision="accepted")  # past the services
    stage.request.matches.filter(example_id=SECOND).update(decision="rejected")
    with pytest.raises(StaleStateError, match="facts have changed"):
        endings.ending_approve(ending=ending, by=stage.staff.lena)


def test_no_end_of_a_request_empties_its_items_without_reasons(stage: Stage) -> None:
    stage.signed()
    searched_again(stage)
    decide(stage, *EXAMPLES, accept=False)
    with pytest.raises(StaleStateError, match="Item 1 holds examples that are rejected now"):
        endings.closing_propose(request=stage.request, outcome="no_match", reasons="", by=stage.staff.omar)
    corrected(stage)
    ending = endings.closing_propose(request=stage.request, outcome="no_match", reasons="", by=stage.staff.omar)
    endings.ending_approve(ending=ending, by=stage.staff.lena)
    stage.request.refresh_from_db()
    text = letter(stage.request, "outcome_no_match").text
    assert "2 passages that we had counted among those of this request do not belong to it." in text
    assert NOT_HERS in text
    check_course(entries_of(subject=stage.request.subject))


def test_a_proposed_end_waits_no_longer_once_its_item_is_empty(stage: Stage) -> None:
    ending = endings.refusal_propose(item=stage.reviewed(), ground="17_3_e", reasons=REASONS, by=stage.staff.omar)
    searched_again(stage)
    decide(stage, *EXAMPLES, accept=False)
    corrected(stage)
    assert not endings.waits(Ending.objects.get(pk=ending.pk))


def test_a_proposed_end_waits_no_longer_once_its_request_is_withdrawn(stage: Stage) -> None:
    stage.reviewed()
    searched_again(stage)
    decide(stage, FIRST, accept=False)
    ending = endings.correction_propose(request=stage.request, reasons=NOT_HERS, by=stage.staff.omar)
    intake.request_withdraw(token=stage.token("status", "status-1"))
    assert not endings.waits(Ending.objects.get(pk=ending.pk))


def test_what_an_item_lapsed_for_can_be_rejected_once_a_new_item_holds_it(stage: Stage) -> None:
    lapsed(stage)
    erased_elsewhere(stage.model)  # it knows the examples again
    completed(stage)
    searched_again(stage)
    decide(stage, *EXAMPLES, accept=False)
    corrected(stage)
    assert [one.state for one in stage.request.items.order_by("number")] == [ItemState.LAPSED, ItemState.LAPSED]
    ending = endings.closing_propose(request=stage.request, outcome="no_match", reasons="", by=stage.staff.omar)
    endings.ending_approve(ending=ending, by=stage.staff.lena)
    check_course(entries_of(subject=stage.request.subject))
    assert ErasureRequest.objects.get(pk=stage.request.pk).outcome == "no_match"


def test_what_left_the_new_item_can_be_accepted_after_all(stage: Stage) -> None:
    lapsed(stage)
    erased_elsewhere(stage.model)
    completed(stage)
    searched_again(stage)
    thought_again(stage)
    completed(stage)
    assert [one.example_ids for one in stage.request.items.order_by("number")] == [list(EXAMPLES), [SECOND], [FIRST]]


@pytest.mark.parametrize("ends", ["emptied", "withdrawn"])
def test_a_job_of_an_item_that_ended_meanwhile_still_gets_its_verdict(stage: Stage, ends: str) -> None:
    proposal = stage.completed()
    if ends == "emptied":
        searched_again(stage)
        decide(stage, *EXAMPLES, accept=False)
        corrected(stage)
    else:
        intake.request_withdraw(token=stage.token("status", "status-1"))
    Job.objects.update(finished_at=stage.request.received_at - timedelta(days=1))  # its signal was lost
    requests_reconcile()
    proposal.refresh_from_db()
    assert (proposal.verdict, stage.item.state) == ("passed", ItemState.LAPSED)
    history = entries_of(subject=stage.request.subject)
    assert [entry.data["verdict"] for entry in history if entry.kind == "item.evaluated"] == ["passed"]
    check_course(history)
    requests_reconcile()
    assert len(entries_of(subject=stage.request.subject)) == len(history)
