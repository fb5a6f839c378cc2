"""Releasing a passed model, or giving the result up, through the page."""

from __future__ import annotations

import pytest

from compliance.record.errors import LogInconsistentError
from compliance.record.models import SignedCheckpoint
from compliance.record.signing import checkpoint_sign
from requests_app.states import ItemState
from tests.compliance.record.superuser import superuser
from tests.staging import Stage
from tests.web.pages import Site
from unlearning_jobs.models import ModelVersion

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing")]


def address(stage: Stage) -> str:
    return f"/cases/{stage.request.reference}/items/1/proposals/1/release/"


def test_the_page_says_what_was_found_and_what_releasing_does(stage: Stage, nils: Site) -> None:
    stage.searched().signed()
    page = nils.get(address(stage))
    assert "passed" in page.words
    assert "keeper v2 becomes the active version. keeper v1 is quarantined" in page.words
    assert page.link("Open the report").endswith("/report/")


def test_nothing_is_released_before_the_report_is_signed(stage: Stage, nils: Site) -> None:
    stage.searched().evaluated()
    page = nils.get(address(stage))
    assert "waiting for signature" in page.words
    assert [button.get("value") for button in page.all("button", name="act")] == ["reopen"]
    token = nils.client.cookies["csrftoken"].value
    assert nils.client.post(address(stage), {"act": "release", "csrfmiddlewaretoken": token}).status_code == 409
    assert ModelVersion.objects.get(state="active").number == 1


def test_a_result_whose_report_is_never_signed_can_be_given_up(stage: Stage, nils: Site) -> None:
    stage.searched().evaluated()
    nils.submit(nils.get(address(stage)), {"act": "reopen"}, action=address(stage))
    assert stage.item.state == ItemState.GRANTED


def test_the_approver_reads_why_not_and_is_refused(stage: Stage, lena: Site) -> None:
    stage.searched().signed()
    sentence = "You approved this; another officer must release it."
    assert sentence in lena.get(address(stage)).words
    token = lena.client.cookies["csrftoken"].value
    response = lena.client.post(address(stage), {"act": "release", "csrfmiddlewaretoken": token})
    assert response.status_code == 403
    assert sentence in response.content.decode()
    assert ModelVersion.objects.get(state="active").number == 1


def test_a_failed_result_cannot_be_released(stage: Stage, nils: Site) -> None:
    stage.searched().signed("failed")
    page = nils.get(address(stage))
    assert "There is nothing to release." in page.words
    assert stage.item.state == ItemState.GRANTED


def test_when_the_model_has_moved_on_the_result_is_given_up(stage: Stage, nils: Site) -> None:
    stage.searched().signed()
    ModelVersion.objects.filter(pk=stage.model.pk).update(state="quarantined")
    page = nils.get(address(stage))
    assert "The model has changed since the job started." in page.words
    nils.submit(page, {"act": "reopen"}, action=address(stage))
    assert stage.item.state == ItemState.GRANTED


def test_a_result_that_can_be_released_is_not_given_up(stage: Stage, nils: Site) -> None:
    stage.searched().signed()
    page = nils.submit(nils.get(address(stage)), {"act": "reopen"}, action=address(stage), status=409)
    assert "This result can still be released." in page.words


def test_nothing_is_released_while_the_record_is_not_the_one_that_was_signed(stage: Stage, nils: Site) -> None:
    stage.searched().signed()
    with superuser():
        SignedCheckpoint.objects.all().delete()
    with pytest.raises(LogInconsistentError):
        checkpoint_sign()
    page = nils.get(address(stage))
    assert "the signing process has raised its alarm" in page.words
    assert not page.all("button", name="act")
    token = nils.client.cookies["csrftoken"].value
    assert nils.client.post(address(stage), {"act": "release", "csrfmiddlewaretoken": token}).status_code == 409
    assert ModelVersion.objects.get(state="active").number == 1
