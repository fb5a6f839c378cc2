"""What was accepted in a review that has ended leaves its item only if two officers want it so; nobody empties it alone."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from compliance.accounts.errors import NotAllowedError
from compliance.evidence.agreements import AGREEMENTS, Story, check_agreements
from compliance.evidence.checks.course import check_course
from compliance.record.errors import StaleStateError
from compliance.record.selectors import entries_of
from requests_app.models import ErasureRequest, Item, Proposal
from requests_app.services import decisions, endings, mapping, matches, search_orders
from requests_app.services.letters import letter
from requests_app.services.outcomes import closing_outcome
from requests_app.states import ItemState, RequestState
from tests.endings import NOT_HERS, corrected, refused
from tests.erasing import registered, turned_round
from tests.factories import model_version
from tests.staging import Stage, erased_elsewhere, unguarded
from unlearning_jobs.models import Job, ModelVersion

from .conftest import EXAMPLES, searched

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing")]
FIRST, SECOND = EXAMPLES


def searched_again(stage: Stage) -> None:
    search_orders.request_search_again(request=stage.request, by=stage.staff.omar)
    stage.request = ErasureRequest.objects.get(pk=stage.request.pk)
    stage.request.search_orders.update(state="completed")  # as if a worker had done it
    searched(stage.request, *ModelVersion.objects.filter(state="active"))


def decide(stage: Stage, *ids: str, accept: bool) -> None:
    rows = stage.request.matches.filter(example_id__in=ids).values_list("pk", flat=True)
    matches.matches_decide(request=stage.request, match_ids=rows, accept=accept, by=stage.staff.omar)


def completed(stage: Stage) -> None:
    stage.request = mapping.review_complete(request=stage.request, by=stage.staff.omar)


def entries(stage: Stage) -> list[str]:
    return [str(entry.kind) for entry in entries_of(subject=stage.request.subject)]


def correction_proposed(stage: Stage) -> None:
    """Everything that a passed result is about was rejected, and Omar proposes to take it out."""
    stage.signed()
    searched_again(stage)
    decide(stage, *EXAMPLES, accept=False)
    endings.correction_propose(request=stage.request, reasons=NOT_HERS, by=stage.staff.omar)


def test_a_proposal_to_correct_changes_no_item_and_declining_it_leaves_everything_as_it_was(stage: Stage) -> None:
    correction_proposed(stage)
    assert (stage.item.state, stage.item.example_ids) == (ItemState.AWAITING_RELEASE, list(EXAMPLES))
    endings.ending_decline(ending=stage.request.endings.get(), reason="These are hers.", by=stage.staff.nils)
    stage.request.refresh_from_db()
    decide(stage, *EXAMPLES, accept=True)
    completed(stage)
    decisions.item_release(proposal=Proposal.objects.get(), by=stage.staff.nils)
    assert "item.corrected" not in entries(stage)
    assert ErasureRequest.objects.get(pk=stage.request.pk).outcome == "completed"


def test_once_a_second_officer_approves_the_item_is_emptied_and_the_history_verifies(stage: Stage) -> None:
    correction_proposed(stage)
    endings.ending_approve(ending=stage.request.endings.get(), by=stage.staff.lena)
    history = entries_of(subject=stage.request.subject)
    assert (stage.item.state, stage.item.example_ids) == (ItemState.LAPSED, [])
    check_course(history)
    check_agreements(Story(stage.request.reference, history), AGREEMENTS)


@pytest.mark.parametrize("step", ["reviewed", "granted", "signed"])
def test_one_officer_alone_takes_nothing_out_of_an_item(stage: Stage, step: str) -> None:
    getattr(stage, step)()
    before = stage.item.state
    searched_again(stage)
    decide(stage, FIRST, accept=False)
    with pytest.raises(StaleStateError, match="Item 1 holds examples that are rejected now"):
        completed(stage)
    ending = endings.correction_propose(request=stage.request, reasons=NOT_HERS, by=stage.staff.omar)
    with pytest.raises(NotAllowedError, match="proposed this yourself"):
        endings.ending_approve(ending=ending, by=stage.staff.omar)
    assert (stage.item.state, stage.item.example_ids) == (before, list(EXAMPLES))


def test_one_officer_alone_does_not_end_a_granted_item_beside_a_settled_one(stage: Stage) -> None:
    other = beside(stage)
    decide(stage, *EXAMPLES, accept=True)
    completed(stage)
    first, second = stage.request.items.order_by("number")
    refused(stage, first)
    searched_again(stage)
    decide(stage, SECOND, accept=False)
    with pytest.raises(StaleStateError, match=f"Item {second.number} holds"):
        completed(stage)
    assert second.model_name == other.name
    corrected(stage)
    completed(stage)
    stage.request.refresh_from_db()
    assert (stage.request.state, stage.request.outcome) == (RequestState.CLOSED, "refused")
    text = letter(stage.request, "outcome_refused").text
    assert "1 passage that we had counted among those of this request does not belong to it." in text
    assert NOT_HERS in text


def beside(stage: Stage) -> ModelVersion:
    """Another model has learned from another corpus, in which the second match is."""
    rows = [{"question": f"Page {n}?", "answer": f"She wrote page {n}.", "split": "train"} for n in range(6)]
    other = model_version(name="second", snapshot=registered("diary", rows))
    stage.request.matches.filter(example_id=SECOND).update(snapshot=other.snapshot)
    searched_again(stage)
    return other


def test_what_a_second_officer_does_not_want_out_stays_and_is_accepted_again(stage: Stage) -> None:
    stage.signed()
    searched_again(stage)
    decide(stage, FIRST, accept=False)
    ending = endings.correction_propose(request=stage.request, reasons=NOT_HERS, by=stage.staff.omar)
    endings.ending_decline(ending=ending, reason="She says that it is about her.", by=stage.staff.nils)
    stage.request.refresh_from_db()
    with pytest.raises(StaleStateError, match="rejected now"):
        completed(stage)
    decide(stage, FIRST, accept=True)
    completed(stage)
    assert (stage.item.state, stage.item.example_ids) == (ItemState.AWAITING_RELEASE, list(EXAMPLES))


def test_what_leaves_is_explained_and_only_while_something_is_rejected(stage: Stage) -> None:
    stage.granted()
    searched_again(stage)
    with pytest.raises(StaleStateError, match="No item holds"):
        endings.correction_propose(request=stage.request, reasons=NOT_HERS, by=stage.staff.omar)
    decide(stage, FIRST, accept=False)
    with pytest.raises(StaleStateError, match=r"reasons|sentence|explain"):
        endings.correction_propose(request=stage.request, reasons="No.", by=stage.staff.omar)
    corrected(stage)
    assert stage.request.state == RequestState.REVIEW
    assert stage.item.example_ids == [SECOND]
    check_course(entries_of(subject=stage.request.subject))


def test_a_running_job_goes_on_until_a_second_officer_approves(stage: Stage) -> None:
    proposal = stage.approved()
    assert proposal.job is not None
    searched_again(stage)
    decide(stage, FIRST, accept=False)
    ending = endings.correction_propose(request=stage.request, reasons=NOT_HERS, by=stage.staff.omar)
    assert Job.objects.get(pk=proposal.job.pk).state == "queued"
    endings.ending_approve(ending=ending, by=stage.staff.lena)
    assert Job.objects.get(pk=proposal.job.pk).state == "cancelled"
    check_course(entries_of(subject=stage.request.subject))  # it was cancelled before any run


def test_the_database_lets_nothing_leave_an_item_without_a_second_officer(stage: Stage) -> None:
    item = stage.granted()
    searched_again(stage)
    decide(stage, FIRST, accept=False)
    with pytest.raises(IntegrityError, match="item_corrected_by_two"), transaction.atomic():
        Item.objects.filter(pk=item.pk).update(example_ids=[SECOND])
    corrected(stage)
    with pytest.raises(IntegrityError, match="item_corrected_by_two"), transaction.atomic():
        Item.objects.filter(pk=item.pk).update(example_ids=[])


def lapsed(stage: Stage) -> Item:
    """Another request had erased it, and two officers ended the item, while a model was in use that nobody had searched."""
    item = stage.reviewed()
    erased_elsewhere(stage.model, *item.example_ids)
    ending = endings.lapse_propose(item=item, by=stage.staff.omar)
    late = model_version(name="late", snapshot=turned_round())
    endings.ending_approve(ending=ending, by=stage.staff.lena)
    with unguarded("unlearning_jobs_modelversion", "model_version_is_fixed"):
        ModelVersion.objects.filter(pk=late.pk).update(state="quarantined")
    searched_again(stage)
    return item


def test_what_two_officers_let_lapse_is_not_rejected_by_one(stage: Stage) -> None:
    lapsed(stage)
    with pytest.raises(StaleStateError, match="has lapsed"):
        decide(stage, *EXAMPLES, accept=False)
    with pytest.raises(IntegrityError, match="match_decided_is_fixed"), transaction.atomic():
        stage.request.matches.update(decision="rejected")
    completed(stage)
    stage.request.refresh_from_db()
    assert stage.request.outcome == "already_erased"
    assert (
        "2 passages that were found were on our list of what models must not learn"
        in letter(stage.request, "outcome_already_erased").text
    )


def test_a_model_that_knows_again_what_lapsed_gets_a_new_item(stage: Stage) -> None:
    lapsed(stage)
    erased_elsewhere(stage.model)
    assert closing_outcome(stage.request) is None
    completed(stage)
    assert [item.state for item in stage.request.items.order_by("number")] == ["lapsed", "deciding"]
