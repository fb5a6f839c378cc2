"""No measurable influence: an end that follows from a signed report, and from two officers."""

from __future__ import annotations

import pytest

from compliance.accounts.errors import NotAllowedError
from compliance.record.errors import StaleStateError
from requests_app.models import Ending, ErasureRequest, Item
from requests_app.services import decisions
from requests_app.services.endings import ending_approve, lapse_draft, lapse_propose
from requests_app.states import ItemState
from tests.endings import assert_sent_as_previewed
from tests.factories import PROTOCOL
from tests.staging import NPO, Stage
from tests.web.pages import signed_in
from unlearning_jobs.models import ModelVersion
from unlearning_jobs.states import ModelState

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing")]


def proposed(stage: Stage) -> Ending:
    stage.signed("no_influence")
    return lapse_propose(item=stage.item, by=stage.staff.omar)


def test_two_officers_end_the_item_and_the_letter_says_what_was_measured(stage: Stage) -> None:
    stage.signed("no_influence")
    draft = lapse_draft(item=stage.item, by=stage.staff.omar)
    body = assert_sent_as_previewed(stage, draft, lapse_propose(item=stage.item, by=stage.staff.omar))
    assert "could measure no influence" in body
    assert "We have left them in that model" in body
    assert "removed" not in body
    request = ErasureRequest.objects.get(pk=stage.request.pk)
    assert (request.outcome, stage.item.state) == ("no_influence", ItemState.LAPSED)
    assert ModelVersion.objects.get(pk=stage.model.pk).state == ModelState.ACTIVE


def test_one_officer_alone_cannot_end_it(stage: Stage) -> None:
    with pytest.raises(NotAllowedError):
        ending_approve(ending=proposed(stage), by=stage.staff.omar)


def test_before_the_report_is_signed_nothing_can_be_ended(stage: Stage) -> None:
    stage.evaluated("no_influence")
    with pytest.raises(StaleStateError, match="still knows"):
        lapse_propose(item=stage.item, by=stage.staff.omar)


@pytest.mark.parametrize("outcome", ["failed", "inconclusive"])
def test_no_other_verdict_ends_an_item(stage: Stage, outcome: str) -> None:
    stage.signed(outcome)
    with pytest.raises(StaleStateError, match="still knows"):
        lapse_propose(item=stage.item, by=stage.staff.omar)


def test_a_result_that_measures_no_influence_is_never_released(stage: Stage) -> None:
    with pytest.raises(StaleStateError, match="passed"):
        decisions.item_release(proposal=stage.signed("no_influence"), by=stage.staff.nils)


def test_a_later_attempt_takes_the_findings_place(stage: Stage) -> None:
    stage.signed("no_influence")
    proposal = decisions.proposal_submit(item=stage.item, method=NPO, protocol=PROTOCOL, by=stage.staff.omar)
    decisions.proposal_decline(proposal=proposal, reason="Retrain it instead, please.", by=stage.staff.lena)
    with pytest.raises(StaleStateError, match="still knows"):
        lapse_propose(item=stage.item, by=stage.staff.omar)


def test_a_finding_about_another_version_ends_nothing(stage: Stage) -> None:
    ending = proposed(stage)
    ModelVersion.objects.filter(pk=stage.model.pk).update(state=ModelState.QUARANTINED)
    with pytest.raises(StaleStateError, match="facts have changed"):
        ending_approve(ending=ending, by=stage.staff.lena)


def test_a_finding_about_fewer_examples_ends_nothing(stage: Stage) -> None:
    stage.signed("no_influence")
    item = stage.item
    item.example_ids = [*item.example_ids, "e00000015"]
    with pytest.raises(StaleStateError, match="still knows"):
        lapse_draft(item=item, by=stage.staff.omar)


def test_the_officer_is_offered_the_end_and_an_exact_method(stage: Stage) -> None:
    stage.signed("no_influence")
    page = signed_in(stage.staff.omar).get(f"/cases/{stage.request.reference}/items/1/lapse/").words
    assert "no measurable influence" in page
    assert "choose an exact method" in page
    assert "No model in use knows" not in page
    assert Item.objects.get(pk=stage.item.pk).state == ItemState.GRANTED
