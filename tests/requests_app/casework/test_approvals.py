"""Another officer's yes or no to a proposal, through the pages."""

from __future__ import annotations

import pytest

from requests_app.models import Proposal
from requests_app.states import ItemState
from tests.personas import ADA
from tests.staging import Stage
from tests.web.pages import Page, Site, signed_in, text_of
from unlearning_jobs.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def review(stage: Stage) -> str:
    stage.searched().proposed()
    return f"/cases/{stage.request.reference}/items/1/proposals/1/"


def test_the_second_officer_sees_everything_that_was_chosen(lena: Site, review: str) -> None:
    page = lena.get(review)
    assert Proposal.objects.get().protocol_sha256 in page.words
    assert "steps = 4" in page.words
    assert "Approve and start unlearning 4 examples from keeper v1" in page.words


def test_the_metrics_promised_are_those_that_such_a_model_can_have(stage: Stage, lena: Site, review: str) -> None:
    assert stage.model.recipe.family == "causal_lm"
    page = lena.get(review)
    assert "ROUGE-L recall" in page.words
    assert "Accuracy" not in page.words


def test_approving_starts_the_job(stage: Stage, lena: Site, review: str) -> None:
    lena.submit(lena.get(review), {"decision": "approve"}, action=review)
    assert Job.objects.get().spec["forget_ids"] == stage.item.example_ids
    assert stage.item.state == ItemState.RUNNING


def decline(site: Site, page: Page, review: str, reason: str = "Far too few oracles for this.", status: int = 302) -> None:
    """Press the last button of the page."""
    hidden = {name: str(page.all("input", name=name)[0].get("value")) for name in ("csrfmiddlewaretoken", "stated")}
    said = {"decision": "decline", "reason": reason} | hidden
    assert site.client.post(review, said).status_code == status


def test_declining_without_a_reason_changes_nothing(stage: Stage, lena: Site, review: str) -> None:
    decline(lena, lena.get(review), review, reason="no", status=409)
    assert stage.item.state == ItemState.AWAITING_APPROVAL


def test_the_proposer_reads_why_it_was_declined(lena: Site, omar: Site, review: str) -> None:
    decline(lena, lena.get(review), review)
    assert "Far too few oracles for this." in omar.get(review).words
    choose = omar.get(review.replace("proposals/1", "propose"))
    assert "declined by lena: Far too few oracles for this." in choose.words


def test_who_approves_sees_ground_reasons_and_matches(lena: Site, review: str) -> None:
    page = lena.get(review)
    assert "Art. 17(1)(b): consent withdrawn" in page.words
    assert "She withdrew." in page.words
    assert {text_of(mark) for mark in page.all("mark")} == {ADA}


def test_declining_sends_the_item_back(stage: Stage, lena: Site, review: str) -> None:
    decline(lena, lena.get(review), review)
    assert stage.item.state == ItemState.GRANTED
    assert not Job.objects.exists()


def test_who_may_not_approve_reads_why_and_is_refused_with_the_same_words(omar: Site, review: str) -> None:
    sentence = "You proposed this yourself; another officer must approve it."
    page = omar.get(review)
    assert sentence in page.words
    assert {button.get("value") for button in page.all("button", name="decision")} == {"decline"}
    token = omar.client.cookies["csrftoken"].value
    response = omar.client.post(review, {"decision": "approve", "csrfmiddlewaretoken": token})
    assert response.status_code == 403
    assert sentence in response.content.decode()
    assert not Job.objects.exists()


def test_whoever_reviewed_the_matches_may_not_approve(stage: Stage, review: str) -> None:

    Proposal.objects.update(proposed_by=stage.staff.nils)
    page = signed_in(stage.staff.omar).get(review)
    assert "You reviewed the matches of this request; another officer must approve it." in page.words


def test_a_proposal_that_was_decided_meanwhile_says_so(lena: Site, nils: Site, review: str) -> None:
    page = lena.get(review)
    decline(nils, nils.get(review), review)
    assert lena.submit(page, {"decision": "approve"}, action=review, status=409)
    assert not Job.objects.exists()


def test_neither_yes_nor_no_changes_nothing(stage: Stage, lena: Site, review: str) -> None:
    lena.submit(lena.get(review), {"decision": "perhaps"}, action=review, status=409)
    assert stage.item.state == ItemState.AWAITING_APPROVAL
