"""Releasing a passed model, or giving the result up, through the page."""

from __future__ import annotations

import shutil

import pytest
from pytest_django import Settings

from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import LogInconsistentError
from compliance.record.models import SignedCheckpoint, SignerAlarm
from compliance.record.selectors import refused_words
from compliance.record.services import record_append
from compliance.record.signing import checkpoint_sign
from requests_app.services import decisions, mapping, matches
from requests_app.states import ItemState
from tests.compliance.record.superuser import superuser
from tests.endings import sent_body
from tests.erasing import turned_round
from tests.factories import PROTOCOL
from tests.staging import NPO, Stage, job_completed, trained
from tests.web.pages import Site, signed_in
from unlearning_jobs.models import Job, ModelVersion
from unlearning_jobs.services.reports import report_sign

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
    assert "not signed" in page.words
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
    before = nils.get(address(stage))
    raise_alarm()
    page = nils.get(address(stage))
    assert "the signing process has raised its alarm" in page.words
    assert not page.all("button", name="act")
    again = nils.submit(before, {"act": "release"}, action=address(stage), status=409)
    assert "the signing process has raised its alarm" in again.words
    assert ModelVersion.objects.get(state="active").number == 1


def raise_alarm() -> None:
    with superuser():
        SignedCheckpoint.objects.all().delete()
    with pytest.raises(LogInconsistentError):
        checkpoint_sign()


def test_the_letter_on_the_page_is_the_one_that_the_release_queues(stage: Stage, nils: Site) -> None:
    stage.searched().signed()
    page = nils.get(address(stage))
    assert "It is closed, and the claimant gets the e-mail below." in page.words
    shown = str(page.one("pre", class_="letter").text)
    assert stage.item.state == ItemState.AWAITING_RELEASE, "showing it has released nothing"
    assert ModelVersion.objects.get(state="active").number == 1
    nils.submit(page, {"act": "release"}, action=address(stage))
    assert sent_body(stage).strip() == shown.strip()


def test_a_release_that_leaves_the_request_open_shows_no_letter(stage: Stage, nils: Site) -> None:
    trained(turned_round(), "second")
    matches.matches_decide(
        request=stage.searched().request,
        match_ids=list(stage.request.matches.values_list("pk", flat=True)),
        accept=True,
        by=stage.staff.omar,
    )
    stage.request = mapping.review_complete(request=stage.request, by=stage.staff.omar)
    released_first(stage)
    page = nils.get(address(stage))
    assert "The request stays open, and the claimant gets no e-mail now." in page.words
    assert not page.all("pre", class_="letter")


def released_first(stage: Stage) -> None:
    """The first item awaits its release; the other is still to be decided."""
    item = stage.request.items.select_related("request").get(number=1)
    decisions.item_grant(item=item, ground="17_1_b", reasons="", by=stage.staff.omar)
    proposal = decisions.proposal_submit(item=item, method=NPO, protocol=PROTOCOL, by=stage.staff.omar)
    proposal = decisions.proposal_approve(proposal=proposal, by=stage.staff.lena)
    assert proposal.job is not None
    job_completed(proposal.job)
    decisions.proposal_evaluated(job=Job.objects.get(pk=proposal.job.pk))
    report_sign(job_id=proposal.job.pk)


def test_nothing_is_released_with_another_letter_than_was_shown(stage: Stage, nils: Site) -> None:
    stage.searched().signed()
    page = nils.get(address(stage))
    trained(turned_round(), "second")
    again = nils.submit(page, {"act": "release"}, action=address(stage), status=409)
    assert "something has changed: the letter." in again.words
    assert "The request stays open, and the claimant gets no e-mail now." in again.words
    assert ModelVersion.objects.get(name="keeper", state="active").number == 1


def test_what_would_stop_the_release_is_said_before_anybody_presses(stage: Stage, nils: Site, settings: Settings) -> None:
    stage.searched().signed()
    shutil.rmtree(settings.ARTEFACTS / stage.model.snapshot.path)
    page = nils.get(address(stage))
    assert "What was erased cannot be noted in the ledger." in page.words
    assert not page.all("button", name="act")


def test_a_report_that_the_signing_process_refused_is_not_called_waiting(stage: Stage, nils: Site) -> None:
    proposal = stage.searched().evaluated()
    assert proposal.job is not None
    reason = f"Nothing was signed: {refused_words(stage.request.subject)}. The verdict differs."
    SignerAlarm.objects.create(state=SignerAlarm.State.RAISED, reason=reason)
    log_recovered()
    page = nils.get(address(stage))
    assert "found that a statement about this request would contradict the record" in page.words
    assert "Reload this page in a moment" not in page.words
    report = signed_in(stage.staff.iris).get(f"/jobs/{proposal.job.pk}/report/")
    assert "not signed The signing process found that a statement about this request" in report.words


def log_recovered() -> None:
    """Somebody has cleared the alarm, and the report stays unsigned."""
    data = {"old_size": 1, "old_root": "0" * 64, "new_size": 1, "new_root": "0" * 64, "reason": "A test."}
    record_append(subject="log:head", kind=RecordKind.LOG_RECOVERED, actor="system", data=data)
    SignerAlarm.objects.create(state=SignerAlarm.State.CLEARED, reason="A test.")
