"""What has ended is final, and nothing ends in a way that did not happen: kept by the database alone."""

from __future__ import annotations

import pytest
from django.db import connection

from requests_app.models import ErasureRequest, Item, Message, Proposal
from requests_app.services import decisions
from requests_app.services.requests import request_close
from requests_app.states import RequestOutcome
from tests.endings import refused as end_refused
from tests.staging import Stage

from .test_database_rules import REPLICA, refused

pytestmark = pytest.mark.django_db
roles = pytest.mark.parametrize("role", ["", REPLICA], ids=["plain", "replica"])
REFUSED_CHANGES = {
    "state": ("item SET state = 'released'", "item_settled_is_fixed"),
    "back": ("item SET state = 'deciding'", "item_settled_is_fixed"),
    "ground": ("item SET ground = '17_3_a'", "item_settled_is_fixed"),
    "reasons": ("item SET reasons = 'x'", "item_reasons_are_fixed"),
    "outcome": ("erasurerequest SET outcome = 'completed'", "request_closed_is_final"),
    "reopened": ("erasurerequest SET state = 'in_progress', outcome = ''", "request_closed_is_final"),
    "deadline": ("erasurerequest SET due_on = due_on + 30", "request_closed_is_final"),
    "received": ("erasurerequest SET received_at = received_at - interval '1 day'", "request_closed_is_final"),
    "kind": ("erasurerequest SET kind = 'copyright'", "request_is_fixed"),
    "submitter": ("erasurerequest SET submitted_by_id = reviewed_by_id", "request_is_fixed"),
    "letter": ("message SET template = 'outcome_completed'", "message_is_fixed"),
}


@roles
@pytest.mark.parametrize(("change", "rule"), REFUSED_CHANGES.values(), ids=REFUSED_CHANGES)
def test_a_refused_item_and_its_closed_request_stay_as_they_ended(stage: Stage, role: str, change: str, rule: str) -> None:
    end_refused(stage)
    refused(role, "UPDATE requests_app_", change, rule=rule)


@roles
@pytest.mark.usefixtures("signing")
def test_a_released_item_stays_released(stage: Stage, role: str) -> None:
    decisions.item_release(proposal=stage.signed(), by=stage.staff.nils)
    refused(role, "UPDATE requests_app_item SET state = 'granted'", rule="item_settled_is_fixed")


def test_a_lapsed_item_stays_lapsed(stage: Stage) -> None:
    stage.granted()
    request_close(request=stage.request, outcome=RequestOutcome.WITHDRAWN, actor="claimant", template=None)
    refused("UPDATE requests_app_item SET state = 'granted'", rule="item_settled_is_fixed")


@roles
@pytest.mark.parametrize("verdict", ["passed", "inconclusive", "cancelled"])
def test_a_proposal_takes_no_other_verdict_than_its_jobs(stage: Stage, verdict: str, role: str) -> None:
    stage.completed("failed")
    refused(role, "UPDATE requests_app_proposal SET verdict = %s", rule="proposal_verdict_is_its_jobs", values=(verdict,))


def test_a_proposal_takes_no_verdict_before_its_job_has_ended(stage: Stage) -> None:
    stage.approved()
    refused("UPDATE requests_app_proposal SET verdict = 'passed'", rule="proposal_verdict_is_its_jobs")


def test_no_proposal_is_inserted_with_a_verdict(stage: Stage) -> None:
    proposal = stage.completed("failed")
    copy = Proposal.objects.get(pk=proposal.pk)
    copy.pk, copy.number, copy.job, copy.verdict = None, 2, None, "passed"
    with pytest.raises(Exception, match="proposal_verdict_is_its_jobs"):
        copy.save()


@roles
@pytest.mark.usefixtures("signing")
def test_a_result_that_is_not_in_use_counts_as_released_by_nobody(stage: Stage, role: str) -> None:
    stage.signed()
    release = "UPDATE requests_app_proposal SET released_at = now(), released_by_id = %s"
    refused(role, release, rule="proposal_release_is_in_use", values=(stage.staff.nils.pk,))


@pytest.mark.usefixtures("signing")
def test_a_result_that_was_given_up_counts_as_released_by_nobody(stage: Stage) -> None:
    stage.signed()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE requests_app_item SET state = 'granted'")
        cursor.execute("UPDATE unlearning_jobs_modelversion SET state = 'quarantined' WHERE state = 'active'")
        cursor.execute("UPDATE unlearning_jobs_modelversion SET state = 'active' WHERE state = 'candidate'")
    release = "UPDATE requests_app_proposal SET released_at = now(), released_by_id = %s"
    refused(release, rule="proposal_release_is_in_use", values=(stage.staff.nils.pk,))


def test_an_item_counts_as_released_only_with_a_released_result(stage: Stage) -> None:
    stage.evaluated()
    refused("UPDATE requests_app_item SET state = 'released'", rule="item_released_by_officer")


def test_what_was_approved_is_not_declined(stage: Stage) -> None:
    stage.approved()
    decline = "UPDATE requests_app_proposal SET declined_at = now(), declined_by_id = %s"
    refused(decline, rule="proposal_decided_once", values=(stage.staff.nils.pk,))


@roles
@pytest.mark.parametrize("outcome", ["completed", "unconfirmed"])
@pytest.mark.usefixtures("stage")
def test_a_request_ends_only_as_it_did(outcome: str, role: str) -> None:
    close = "UPDATE requests_app_erasurerequest SET state = 'closed', closed_at = now(), outcome = %s"
    refused(role, close, rule="request_outcome_happened", values=(outcome,))


def test_what_was_sent_stays_sent(stage: Stage) -> None:
    Message.objects.filter(request=stage.request).update(state="sent", sent_at=stage.request.received_at)
    refused("UPDATE requests_app_message SET state = 'failed'", rule="message_sent_is_fixed")
    refused("UPDATE requests_app_message SET sent_at = now()", rule="message_sent_is_fixed")


def test_an_open_case_may_still_change(stage: Stage) -> None:
    item = stage.granted()
    ErasureRequest.objects.filter(pk=stage.request.pk).update(due_on="2099-01-01")
    Item.objects.filter(pk=item.pk).update(state="ending")
    Item.objects.filter(pk=item.pk).update(state="granted")
    assert Item.objects.get(pk=item.pk).state == "granted"
