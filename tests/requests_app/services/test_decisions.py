"""Decide, propose, approve, release: who may, and in which order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from compliance.accounts.errors import NotAllowedError
from compliance.record.errors import StaleStateError
from compliance.record.models import RecordEntry
from requests_app.models import ErasureRequest, Item, Proposal
from requests_app.services.decisions import (
    item_grant,
    item_release,
    item_reopen,
    proposal_approve,
    proposal_decline,
    proposal_evaluated,
    proposal_submit,
)
from requests_app.services.mapping import review_complete
from requests_app.services.matches import matches_decide
from requests_app.services.messages import message_send
from requests_app.services.reconcile import requests_reconcile
from requests_app.states import ItemState, RequestOutcome
from tests.endings import REASONS, refused
from tests.factories import PROTOCOL, account
from tests.staging import Stage, unguarded
from unlearning_jobs.engine.contracts import MethodChoice, Protocol
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.models import Job, ModelVersion
from unlearning_jobs.services.runs import job_claim, job_fail
from unlearning_jobs.states import ModelState

from .conftest import EXAMPLES

pytestmark = pytest.mark.django_db
RETRAIN = MethodChoice("retrain")


def match_ids(stage: Stage) -> list[int]:
    return list(stage.request.matches.order_by("pk").values_list("pk", flat=True))


def test_accepted_matches_become_one_item_per_active_model(stage: Stage) -> None:
    item = stage.reviewed()

    assert (item.model_name, item.example_ids) == (stage.model.name, list(EXAMPLES))


def test_the_review_cannot_end_while_a_match_is_open(stage: Stage) -> None:
    with pytest.raises(StaleStateError, match="every match"):
        review_complete(request=stage.request, by=stage.staff.omar)


def test_an_engineer_or_auditor_decides_nothing(stage: Stage) -> None:
    for role in ("engineer", "auditor", "administrator"):
        with pytest.raises(NotAllowedError):
            matches_decide(request=stage.request, match_ids=[], accept=True, by=account(role))


def test_a_grant_needs_a_ground_that_grants(stage: Stage) -> None:
    item = stage.reviewed()
    with pytest.raises(StaleStateError, match="ground"):
        item_grant(item=item, ground="17_3_a", reasons="", by=stage.staff.omar)
    assert stage.item.state == ItemState.DECIDING


def test_the_claimant_is_sent_the_reasons_of_every_refused_item(stage: Stage) -> None:
    first = stage.reviewed()
    second = Item.objects.create(
        request=stage.request, number=2, model_name="other", snapshot=first.snapshot, example_ids=first.example_ids
    )
    refused(stage, first)
    refused(stage, second, "The press has reported it, and whoever reads about it must be able to find it.")

    message_send(message_id=stage.request.messages.get(template="outcome_refused").pk)
    body = str(mail.outbox[-1].body)
    assert REASONS in body
    assert "The press has reported it" in body
    assert "Art. 17(3)(e): legal claims" in body


def test_a_protocol_without_power_is_refused(stage: Stage) -> None:
    weak = Protocol(replicate_seeds=(), oracle_seeds=(2, 3, 4, 5))

    with pytest.raises(SpecError, match="unit of replication is the model"):
        proposal_submit(item=stage.granted(), method=MethodChoice("npo"), protocol=weak, by=stage.staff.omar)


def test_a_metric_that_the_model_cannot_have_is_refused(stage: Stage) -> None:
    with pytest.raises(SpecError, match=r"Accuracy is a metric of .* and the model is a causal_lm"):
        proposal_submit(
            item=stage.granted(), method=RETRAIN, protocol=replace(PROTOCOL, metrics=("accuracy",)), by=stage.staff.omar
        )


def test_an_unknown_method_is_refused(stage: Stage) -> None:
    with pytest.raises(SpecError, match="no method"):
        proposal_submit(item=stage.granted(), method=MethodChoice("magic"), protocol=PROTOCOL, by=stage.staff.omar)


def test_approval_starts_a_job_on_the_accepted_examples(stage: Stage) -> None:
    proposal = stage.approved()

    assert proposal.job is not None
    assert proposal.job.spec["forget_ids"] == list(EXAMPLES)
    kinds = list(RecordEntry.objects.filter(subject=stage.request.subject).values_list("kind", flat=True))
    assert kinds.index("proposal.approved") < kinds.index("job.created")


def test_the_proposer_cannot_approve(stage: Stage) -> None:
    proposal = stage.proposed()
    with pytest.raises(NotAllowedError, match="proposed this yourself"):
        proposal_approve(proposal=proposal, by=stage.staff.omar)
    assert Job.objects.count() == 0


@pytest.mark.parametrize("overruled", [False, True])
def test_whoever_accepted_a_match_cannot_approve_even_if_overruled(stage: Stage, *, overruled: bool) -> None:
    first, second = match_ids(stage)
    matches_decide(request=stage.request, match_ids=[first], accept=True, by=stage.staff.lena)
    matches_decide(request=stage.request, match_ids=[second], accept=True, by=stage.staff.omar)
    if overruled:
        matches_decide(request=stage.request, match_ids=[first], accept=False, by=stage.staff.omar)
    review_complete(request=stage.request, by=stage.staff.omar)
    item = item_grant(item=stage.item, ground="17_1_b", reasons="", by=stage.staff.omar)
    proposal = proposal_submit(item=item, method=RETRAIN, protocol=PROTOCOL, by=stage.staff.omar)

    with pytest.raises(NotAllowedError, match="reviewed the matches"):
        proposal_approve(proposal=proposal, by=stage.staff.lena)


def test_whoever_opened_the_request_cannot_approve(stage: Stage) -> None:
    proposal = stage.proposed()
    with unguarded("requests_app_erasurerequest", "request_is_fixed"):
        ErasureRequest.objects.filter(pk=stage.request.pk).update(submitted_by=stage.staff.lena)

    with pytest.raises(NotAllowedError, match="submitted"):
        proposal_approve(proposal=proposal, by=stage.staff.lena)


@pytest.mark.usefixtures("signing")
def test_the_approver_cannot_release(stage: Stage) -> None:
    proposal = stage.signed()
    with pytest.raises(NotAllowedError, match="approved this"):
        item_release(proposal=proposal, by=stage.staff.lena)
    assert ModelVersion.objects.get(pk=stage.model.pk).state == ModelState.ACTIVE


@pytest.mark.usefixtures("signing")
def test_a_release_replaces_and_quarantines_the_old_model_and_closes_the_request(stage: Stage) -> None:
    proposal = item_release(proposal=stage.signed(), by=stage.staff.nils)

    assert proposal.job is not None
    assert proposal.job.result_version is not None
    assert ModelVersion.objects.get(pk=proposal.job.result_version.pk).state == ModelState.ACTIVE
    assert ModelVersion.objects.get(pk=stage.model.pk).state == ModelState.QUARANTINED
    assert ErasureRequest.objects.get(pk=stage.request.pk).outcome == RequestOutcome.COMPLETED


def test_nothing_is_released_before_its_report_is_signed(stage: Stage) -> None:
    with pytest.raises(StaleStateError, match="signed"):
        item_release(proposal=stage.evaluated(), by=stage.staff.nils)


@pytest.mark.parametrize("verdict", ["failed", "inconclusive"])
def test_what_did_not_pass_goes_back_for_another_method_and_is_never_released(stage: Stage, verdict: str) -> None:
    proposal = stage.evaluated(verdict)

    assert stage.item.state == ItemState.GRANTED
    with pytest.raises(StaleStateError, match="passed"):
        item_release(proposal=proposal, by=stage.staff.nils)


def test_another_method_needs_a_new_approval(stage: Stage) -> None:
    stage.evaluated("failed")
    second = proposal_submit(item=stage.item, method=RETRAIN, protocol=PROTOCOL, by=stage.staff.omar)

    assert second.number == 2
    assert second.approved_by is None
    assert second.job is None


def test_an_earlier_attempt_never_ends_a_later_one(stage: Stage) -> None:
    first = stage.evaluated("failed")
    second = proposal_submit(item=stage.item, method=RETRAIN, protocol=PROTOCOL, by=stage.staff.omar)
    proposal_approve(proposal=second, by=stage.staff.lena)
    assert first.job is not None
    Job.objects.filter(pk=first.job.pk).update(finished_at=timezone.now() - timedelta(minutes=5))

    with pytest.raises(StaleStateError):
        proposal_evaluated(job=Job.objects.get(pk=first.job.pk))
    requests_reconcile()
    assert stage.item.state == ItemState.RUNNING


def test_a_verdict_that_nobody_took_over_is_found_by_the_reconciler(stage: Stage) -> None:
    stage.completed()
    assert stage.item.state == ItemState.RUNNING
    Job.objects.update(finished_at=timezone.now() - timedelta(minutes=5))
    requests_reconcile()

    assert stage.item.state == ItemState.AWAITING_RELEASE


def test_a_job_that_failed_sends_the_item_back(stage: Stage) -> None:
    proposal = stage.approved()
    assert proposal.job is not None
    claim = job_claim(job_id=proposal.job.pk, worker="w1")
    proposal_evaluated(job=job_fail(claim=claim, code="out_of_memory", message="Too large."))

    assert stage.item.state == ItemState.GRANTED
    assert Proposal.objects.get(pk=proposal.pk).verdict == "failed"


def test_a_declined_proposal_sends_the_item_back(stage: Stage) -> None:
    proposal = proposal_decline(proposal=stage.proposed(), reason="Too few oracles for that.", by=stage.staff.lena)

    assert stage.item.state == ItemState.GRANTED
    assert Proposal.objects.get(pk=proposal.pk).decline_reason == "Too few oracles for that."


def test_declining_needs_a_reason(stage: Stage) -> None:
    proposal = stage.proposed()
    with pytest.raises(StaleStateError, match="Say why"):
        proposal_decline(proposal=proposal, reason="no", by=stage.staff.lena)
    assert stage.item.state == ItemState.AWAITING_APPROVAL


def test_whoever_proposed_can_take_it_back(stage: Stage) -> None:
    proposal_decline(proposal=stage.proposed(), reason="I chose the wrong method.", by=stage.staff.omar)
    assert stage.item.state == ItemState.GRANTED


def test_approving_twice_starts_one_job(stage: Stage) -> None:
    proposal = stage.approved()
    with pytest.raises(StaleStateError):
        proposal_approve(proposal=proposal, by=stage.staff.nils)
    assert Job.objects.count() == 1


@pytest.mark.usefixtures("signing")
def test_a_result_whose_model_is_being_destroyed_is_not_released_but_can_be_run_again(stage: Stage) -> None:
    proposal = stage.signed()
    assert proposal.job is not None
    assert proposal.job.result_version is not None
    ModelVersion.objects.filter(pk=proposal.job.result_version.pk).update(state=ModelState.DESTROYING)

    with pytest.raises(StaleStateError, match="Being destroyed"):
        item_release(proposal=proposal, by=stage.staff.nils)
    item_reopen(proposal=proposal, by=stage.staff.nils)
    assert stage.item.state == ItemState.GRANTED


@pytest.mark.usefixtures("signing")
def test_a_result_on_a_replaced_model_is_not_released_but_can_be_run_again(stage: Stage) -> None:
    proposal = stage.signed()
    ModelVersion.objects.filter(pk=stage.model.pk).update(state=ModelState.QUARANTINED)

    with pytest.raises(StaleStateError, match="replaced"):
        item_release(proposal=proposal, by=stage.staff.nils)
    item_reopen(proposal=proposal, by=stage.staff.nils)
    assert stage.item.state == ItemState.GRANTED
