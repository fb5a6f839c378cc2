"""Decide, propose, approve, release: who may, in which order, and what the database itself refuses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from compliance.accounts.errors import NotAllowedError
from compliance.accounts.models import Account
from compliance.evidence.statements import UNLEARNING_REPORT
from compliance.record.errors import StaleStateError
from compliance.record.models import Attestation, RecordEntry
from requests_app.models import ErasureRequest, Item, Match, Proposal
from requests_app.services.decisions import (
    item_decide,
    item_release,
    item_reopen,
    proposal_approve,
    proposal_decline,
    proposal_evaluated,
    proposal_submit,
)
from requests_app.services.intake import ClaimantDetails, TargetDetails, request_submit
from requests_app.services.mapping import matches_decide, review_complete
from requests_app.services.reconcile import requests_reconcile
from requests_app.services.requests import request_move
from requests_app.states import ItemState, RequestOutcome, RequestState
from tests.factories import PROTOCOL, account, model_version
from unlearning_jobs.engine.contracts import MethodChoice, Protocol
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.models import Job, ModelVersion
from unlearning_jobs.services.runs import job_claim, job_complete, job_fail
from unlearning_jobs.states import ModelState

pytestmark = pytest.mark.django_db
RETRAIN = MethodChoice("retrain")


@dataclass
class Case:
    """A request under review with two matches in one active model, and three officers."""

    request: ErasureRequest
    model: ModelVersion
    omar: Account
    lena: Account
    nils: Account

    def item(self) -> Item:
        return Item.objects.select_related("request").get(request=self.request)

    def match_ids(self) -> list[int]:
        return list(self.request.matches.order_by("pk").values_list("pk", flat=True))

    def mapped(self) -> Item:
        matches_decide(request=self.request, match_ids=self.match_ids(), accept=True, by=self.omar)
        review_complete(request=self.request, by=self.omar)
        return self.item()

    def granted(self) -> Item:
        return item_decide(item=self.mapped(), grant=True, ground="17_1_b", reasons="", by=self.omar)

    def proposed(self) -> Proposal:
        return proposal_submit(item=self.granted(), method=RETRAIN, protocol=PROTOCOL, by=self.omar)

    def approved(self) -> Proposal:
        return proposal_approve(proposal=self.proposed(), by=self.lena)

    def evaluated(self, verdict: str = "passed") -> Proposal:
        proposal = self.approved()
        assert proposal.job is not None
        job_ends(proposal.job, verdict)
        proposal.refresh_from_db()
        return proposal

    def signed(self) -> Proposal:
        proposal = self.evaluated()
        Attestation.objects.create(
            subject=self.request.subject,
            item="item-1",
            attempt=proposal.number,
            predicate_type=UNLEARNING_REPORT,
            sha256="5" * 64,
            envelope=b"-",
        )
        return proposal


def job_ends(job: Job, verdict: str) -> None:
    claim = job_claim(job_id=job.pk, worker="w1")
    candidate = model_version(
        name=job.model_name, number=2, state="candidate", parent=job.base, snapshot=job.snapshot, digest="d" * 64
    )
    job_complete(claim=claim, output="jobs/1/run-1", verdict=verdict, data={"verdict": verdict}, version=candidate)
    job.refresh_from_db()
    proposal_evaluated(job=job)


@pytest.fixture
def case() -> Case:
    model = model_version()
    request = request_submit(
        kind="erasure",
        language="en",
        claimant=ClaimantDetails(name="Ada Beispiel", email="ada@example.org"),
        target=TargetDetails(name="Ada Beispiel"),
        submission_key="k1",
    )
    request.confirmed_at = request.received_at
    request_move(request=request, to=RequestState.MAPPING, kind="request.confirmed", actor="claimant", data={})
    for example_id in ("e00000003", "e00000004"):
        Match.objects.create(
            request=request, snapshot=model.snapshot, example_id=example_id, spans=[[0, 3]], methods=["name"], score=1.0
        )
    request_move(request=request, to=RequestState.REVIEW, kind="mapping.completed", actor="system", data={})
    return Case(request, model, account("officer"), account("officer"), account("officer"))


def test_accepted_matches_become_one_item_per_active_model(case: Case) -> None:
    item = case.mapped()

    assert (item.model_name, item.example_ids) == (case.model.name, ["e00000003", "e00000004"])


def test_the_review_cannot_end_while_a_match_is_open(case: Case) -> None:
    with pytest.raises(StaleStateError, match="every match"):
        review_complete(request=case.request, by=case.omar)


def test_rejecting_every_match_closes_the_request_and_tells_the_claimant(case: Case) -> None:
    matches_decide(request=case.request, match_ids=case.match_ids(), accept=False, by=case.omar)
    request = review_complete(request=case.request, by=case.omar)

    assert (request.state, request.outcome) == (RequestState.CLOSED, RequestOutcome.NO_MATCH)
    assert request.messages.filter(template="outcome_no_match").exists()


def test_an_engineer_or_auditor_decides_nothing(case: Case) -> None:
    for role in ("engineer", "auditor", "administrator"):
        with pytest.raises(NotAllowedError):
            matches_decide(request=case.request, match_ids=[], accept=True, by=account(role))


def test_a_refusal_needs_reasons_and_a_ground_that_refuses(case: Case) -> None:
    item = case.mapped()
    with pytest.raises(StaleStateError, match="reasons"):
        item_decide(item=item, grant=False, ground="17_3_a", reasons=" ", by=case.omar)
    with pytest.raises(StaleStateError, match="ground"):
        item_decide(item=item, grant=False, ground="17_1_a", reasons="because", by=case.omar)
    assert case.item().state == ItemState.DECIDING


def test_a_refused_request_closes_with_its_reasons_in_a_message(case: Case) -> None:
    item_decide(item=case.mapped(), grant=False, ground="17_3_e", reasons="A court ordered us to keep it.", by=case.omar)

    assert ErasureRequest.objects.get(pk=case.request.pk).outcome == RequestOutcome.REFUSED
    assert case.request.messages.filter(template="outcome_refused").exists()


def test_a_protocol_without_power_is_refused(case: Case) -> None:
    weak = Protocol(replicate_seeds=(1,), oracle_seeds=(2, 3, 4, 5))

    with pytest.raises(SpecError, match="no permutation"):
        proposal_submit(item=case.granted(), method=RETRAIN, protocol=weak, by=case.omar)


def test_a_metric_that_the_model_cannot_have_is_refused(case: Case) -> None:
    with pytest.raises(SpecError, match=r"Accuracy is a metric of .* and the model is a causal_lm"):
        proposal_submit(item=case.granted(), method=RETRAIN, protocol=replace(PROTOCOL, metrics=("accuracy",)), by=case.omar)


def test_an_unknown_method_is_refused(case: Case) -> None:
    with pytest.raises(SpecError, match="no method"):
        proposal_submit(item=case.granted(), method=MethodChoice("magic"), protocol=PROTOCOL, by=case.omar)


def test_approval_starts_a_job_on_the_accepted_examples(case: Case) -> None:
    proposal = case.approved()

    assert proposal.job is not None
    assert proposal.job.spec["forget_ids"] == ["e00000003", "e00000004"]
    kinds = list(RecordEntry.objects.filter(subject=case.request.subject).values_list("kind", flat=True))
    assert kinds.index("proposal.approved") < kinds.index("job.created")


def test_the_proposer_cannot_approve(case: Case) -> None:
    proposal = case.proposed()
    with pytest.raises(NotAllowedError, match="proposed this yourself"):
        proposal_approve(proposal=proposal, by=case.omar)
    assert Job.objects.count() == 0


@pytest.mark.parametrize("overruled", [False, True])
def test_whoever_accepted_a_match_cannot_approve_even_if_overruled(case: Case, *, overruled: bool) -> None:
    first, second = case.match_ids()
    matches_decide(request=case.request, match_ids=[first], accept=True, by=case.lena)
    matches_decide(request=case.request, match_ids=[second], accept=True, by=case.omar)
    if overruled:
        matches_decide(request=case.request, match_ids=[first], accept=False, by=case.omar)
    review_complete(request=case.request, by=case.omar)
    item = item_decide(item=case.item(), grant=True, ground="17_1_b", reasons="", by=case.omar)
    proposal = proposal_submit(item=item, method=RETRAIN, protocol=PROTOCOL, by=case.omar)

    with pytest.raises(NotAllowedError, match="reviewed the matches"):
        proposal_approve(proposal=proposal, by=case.lena)


def test_whoever_opened_the_request_cannot_approve(case: Case) -> None:
    proposal = case.proposed()
    ErasureRequest.objects.filter(pk=case.request.pk).update(submitted_by=case.lena)

    with pytest.raises(NotAllowedError, match="submitted"):
        proposal_approve(proposal=proposal, by=case.lena)


def test_the_approver_cannot_release(case: Case) -> None:
    proposal = case.signed()
    with pytest.raises(NotAllowedError, match="approved this"):
        item_release(proposal=proposal, by=case.lena)
    assert ModelVersion.objects.get(pk=case.model.pk).state == ModelState.ACTIVE


def test_a_release_replaces_and_quarantines_the_old_model_and_closes_the_request(case: Case) -> None:
    proposal = item_release(proposal=case.signed(), by=case.nils)

    assert proposal.job is not None
    assert proposal.job.result_version is not None
    assert ModelVersion.objects.get(pk=proposal.job.result_version.pk).state == ModelState.ACTIVE
    assert ModelVersion.objects.get(pk=case.model.pk).state == ModelState.QUARANTINED
    assert ErasureRequest.objects.get(pk=case.request.pk).outcome == RequestOutcome.COMPLETED


def test_nothing_is_released_before_its_report_is_signed(case: Case) -> None:
    with pytest.raises(StaleStateError, match="signed"):
        item_release(proposal=case.evaluated(), by=case.nils)


@pytest.mark.parametrize("verdict", ["failed", "inconclusive"])
def test_what_did_not_pass_goes_back_for_another_method_and_is_never_released(case: Case, verdict: str) -> None:
    proposal = case.evaluated(verdict)

    assert case.item().state == ItemState.GRANTED
    with pytest.raises(StaleStateError, match="passed"):
        item_release(proposal=proposal, by=case.nils)


def test_another_method_needs_a_new_approval(case: Case) -> None:
    case.evaluated("failed")
    second = proposal_submit(item=case.item(), method=RETRAIN, protocol=PROTOCOL, by=case.omar)

    assert second.number == 2
    assert second.approved_by is None
    assert second.job is None


def test_an_earlier_attempt_never_ends_a_later_one(case: Case) -> None:
    first = case.evaluated("failed")
    second = proposal_submit(item=case.item(), method=RETRAIN, protocol=PROTOCOL, by=case.omar)
    proposal_approve(proposal=second, by=case.lena)
    assert first.job is not None
    Job.objects.filter(pk=first.job.pk).update(finished_at=timezone.now() - timedelta(minutes=5))

    proposal_evaluated(job=first.job)
    requests_reconcile()
    assert case.item().state == ItemState.RUNNING


def test_a_verdict_that_nobody_took_over_is_found_by_the_reconciler(case: Case) -> None:
    proposal = case.evaluated()
    Proposal.objects.filter(pk=proposal.pk).update(verdict="")
    Item.objects.update(state=ItemState.RUNNING)
    Job.objects.update(finished_at=timezone.now() - timedelta(minutes=5))
    requests_reconcile()

    assert case.item().state == ItemState.AWAITING_RELEASE


def test_a_job_that_failed_sends_the_item_back(case: Case) -> None:
    proposal = case.approved()
    assert proposal.job is not None
    claim = job_claim(job_id=proposal.job.pk, worker="w1")
    proposal_evaluated(job=job_fail(claim=claim, code="out_of_memory", message="Too large."))

    assert case.item().state == ItemState.GRANTED
    assert Proposal.objects.get(pk=proposal.pk).verdict == "failed"


def test_a_declined_proposal_sends_the_item_back(case: Case) -> None:
    proposal_decline(proposal=case.proposed(), by=case.lena)

    assert case.item().state == ItemState.GRANTED


def test_approving_twice_starts_one_job(case: Case) -> None:
    proposal = case.approved()
    with pytest.raises(StaleStateError):
        proposal_approve(proposal=proposal, by=case.nils)
    assert Job.objects.count() == 1


def test_a_result_on_a_replaced_model_is_not_released_but_can_be_run_again(case: Case) -> None:
    proposal = case.signed()
    ModelVersion.objects.filter(pk=case.model.pk).update(state=ModelState.QUARANTINED)

    with pytest.raises(StaleStateError, match="replaced"):
        item_release(proposal=proposal, by=case.nils)
    item_reopen(proposal=proposal, by=case.nils)
    assert case.item().state == ItemState.GRANTED


# -- the same rules through the database alone


def test_the_database_refuses_an_approver_who_proposed(case: Case) -> None:
    proposal = case.proposed()
    with pytest.raises(IntegrityError, match=r"approver_is_not_proposer|approver_did_not_map"), transaction.atomic():
        Proposal.objects.filter(pk=proposal.pk).update(approved_by=case.omar)


def test_the_database_refuses_an_approver_who_mapped(case: Case) -> None:
    proposal = case.proposed()
    Proposal.objects.filter(pk=proposal.pk).update(proposed_by=case.nils)
    with pytest.raises(IntegrityError, match="approver_did_not_map"), transaction.atomic():
        Proposal.objects.filter(pk=proposal.pk).update(approved_by=case.omar)


def test_the_database_refuses_an_approver_who_submitted(case: Case) -> None:
    proposal = case.proposed()
    ErasureRequest.objects.filter(pk=case.request.pk).update(submitted_by=case.lena)
    with pytest.raises(IntegrityError, match="approver_did_not_map"), transaction.atomic():
        Proposal.objects.filter(pk=proposal.pk).update(approved_by=case.lena)


def test_the_database_refuses_a_releaser_who_approved(case: Case) -> None:
    proposal = case.evaluated()
    with pytest.raises(IntegrityError, match="releaser_is_not_approver"), transaction.atomic():
        Proposal.objects.filter(pk=proposal.pk).update(released_by=case.lena)


def test_the_database_refuses_the_release_of_what_did_not_pass(case: Case) -> None:
    proposal = case.evaluated("failed")
    with pytest.raises(IntegrityError, match="only_passed_is_released"), transaction.atomic():
        Proposal.objects.filter(pk=proposal.pk).update(released_by=case.nils)


def test_the_database_refuses_a_mapper_who_approved(case: Case) -> None:
    case.approved()
    with pytest.raises(IntegrityError, match="mapper_did_not_approve"), transaction.atomic():
        Match.objects.filter(request=case.request).update(decided_by=case.lena)


def test_the_database_refuses_raw_sql_too(case: Case) -> None:
    proposal = case.proposed()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE requests_app_proposal SET approved_by_id = %s WHERE id = %s", [case.omar.pk, proposal.pk])
