"""What the claimant sees of a request."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from requests_app.models import AccessLink
from requests_app.selectors import RequestStatus, request_status
from requests_app.services.decisions import item_release
from requests_app.services.extensions import deadline_extend
from requests_app.services.intake import email_confirm
from requests_app.services.requests import request_close
from requests_app.services.search_orders import request_search_again, search_fail, searches_claim
from requests_app.states import RequestOutcome
from tests.endings import REASONS, refused
from tests.personas import Staff
from tests.staging import Stage, corpus, trained

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]
TODAY = timezone.localdate


@pytest.fixture
def stage(staff: Staff, artefacts: Path) -> Stage:  # noqa: ARG001  # the corpus is written there
    return Stage.opened(staff, trained(corpus()))


def status_of(stage: Stage) -> RequestStatus:
    stage.request.refresh_from_db()
    found = request_status(stage.token("status", f"status-{AccessLink.objects.count()}"))
    assert found is not None
    return found


def way(stage: Stage) -> dict[str, str]:
    return {step.code: step.state for step in status_of(stage).stages}


def test_an_unknown_link_opens_nothing() -> None:
    assert request_status("no-such-token") is None


def test_a_confirmation_link_is_no_status_link(stage: Stage) -> None:
    assert request_status(stage.token("confirm", "secret")) is None


def test_an_expired_link_opens_nothing(stage: Stage) -> None:
    token = stage.token("status", "secret")
    AccessLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert request_status(token) is None


def test_before_the_confirmation_that_is_the_current_step(stage: Stage) -> None:
    assert way(stage) == {
        "received": "done",
        "confirmed": "current",
        "searched": "todo",
        "decided": "todo",
        "carried_out": "todo",
        "closed": "todo",
    }


def test_after_the_search_the_decision_is_the_current_step(stage: Stage) -> None:
    stage.searched()
    assert [code for code, state in way(stage).items() if state == "current"] == ["decided"]
    assert status_of(stage).can_withdraw


def test_while_a_job_runs_carrying_out_is_the_current_step_and_withdrawing_is_possible(stage: Stage) -> None:
    stage.searched().approved()
    assert [code for code, state in way(stage).items() if state == "current"] == ["carried_out"]
    assert status_of(stage).can_withdraw


@pytest.mark.usefixtures("signing")
def test_a_released_request_went_the_whole_way(stage: Stage) -> None:
    item_release(proposal=stage.searched().signed(), by=stage.staff.nils)
    status = status_of(stage)
    assert {step.state for step in status.stages} == {"done"}
    assert {step.on for step in status.stages} == {TODAY()}
    assert (status.state_code, status.outcome) == ("closed", "completed")
    assert not status.can_withdraw


def test_a_refused_request_shows_only_the_steps_it_reached(stage: Stage) -> None:
    refused(stage.searched())
    assert list(way(stage)) == ["received", "confirmed", "searched", "decided", "closed"]


def test_a_withdrawn_request_shows_only_the_steps_it_reached(stage: Stage) -> None:
    request_close(request=stage.request, outcome=RequestOutcome.WITHDRAWN, actor="claimant", template=None)
    assert list(way(stage)) == ["received", "closed"]


def test_a_search_that_has_failed_is_not_told_as_running(stage: Stage) -> None:
    stage.request = email_confirm(token=stage.token("confirm", "c1"))
    assert status_of(stage).state_code == "mapping"
    [order] = searches_claim(request_id=stage.request.pk, worker="worker-1")
    search_fail(order=order, error="query_too_long")
    assert status_of(stage).state_code == "search_failed"
    request_search_again(request=stage.request, by=stage.staff.omar)
    assert status_of(stage).state_code == "mapping"


def test_the_page_says_of_the_mail_about_an_extension_what_became_of_it(stage: Stage) -> None:
    deadline_extend(request=stage.searched().request, months=1, reasons=REASONS, by=stage.staff.omar)
    assert "We are about to send our e-mail “Our answer takes longer”" in status_of(stage).extension_mail
    stage.request.messages.filter(template="deadline_extended").update(
        state="failed", error="ConnectionRefusedError", next_attempt_at=None, attempts=9
    )
    assert "We could not send our e-mail “Our answer takes longer”" in status_of(stage).extension_mail
