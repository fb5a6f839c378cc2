"""The way out of every state of a case, for the test that there is one: two officers who have done nothing in it yet."""

from __future__ import annotations

from django.db import transaction

from compliance.accounts.models import Account
from compliance.record.errors import StaleStateError
from requests_app import search_runner
from requests_app.models import Ending, ErasureRequest, Item, Proposal
from requests_app.services import decisions, endings, intake, mapping, matches, search_orders
from requests_app.services.copies_due import copies_waiting
from requests_app.services.copy_settlements import copy_settle
from requests_app.states import ItemState, RequestState
from tests.endings import NOT_HERS, REASONS
from tests.factories import PROTOCOL
from tests.staging import NPO, Stage, job_completed
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.models import Job
from unlearning_jobs.services.jobs import job_cancel
from unlearning_jobs.services.reports import report_sign
from unlearning_jobs.states import JobState

WHY = "Something else is better here."


def lead_out(case: Stage, first: Account, second: Account) -> None:
    """Take the next step towards the end of a case: two officers who have done nothing in it yet.

    Raises one of REFUSALS if there is none: the case is in a state without a way out.
    """
    request = case.request = ErasureRequest.objects.get(pk=case.request.pk)
    for job in Job.objects.filter(kind="train", state=JobState.QUEUED):
        job_cancel(job_id=job.pk, actor=case.staff.eva.opaque)
    if waiting := copies_waiting(request):  # something was released
        copy_settle(request=request, copy=waiting[0], how="erased", by=first)
        return
    match RequestState(request.state):
        case RequestState.AWAITING_CONFIRMATION:
            intake.email_confirm(token=case.token("confirm", f"out-{request.pk}"))
        case RequestState.MAPPING:
            search_runner.request_map(request_id=request.pk)
        case RequestState.REVIEW:
            _lead_review(request, first)
        case RequestState.CLOSING:
            endings.ending_approve(ending=request.endings.latest("pk"), by=second)
        case RequestState.IN_PROGRESS:
            open_items = request.items.exclude(state__in=["released", "refused", "lapsed"]).select_related("request")
            if item := open_items.order_by("number").first():
                _lead_item(item, first, second)
            else:  # a model came into use that nobody has decided about
                search_orders.request_search_again(request=request, by=first)


def _lead_review(request: ErasureRequest, by: Account) -> None:
    left = list(request.matches.filter(decision="open").values_list("pk", flat=True))
    if left:
        matches.matches_decide(request=request, match_ids=left, accept=True, by=by)
    try:
        with transaction.atomic():
            mapping.review_complete(request=request, by=by)
    except StaleStateError:
        _lead_out_of_review(request, by)


def _lead_out_of_review(request: ErasureRequest, by: Account) -> None:
    """Propose what the review cannot do by itself; search again for what came into use since."""
    try:
        with transaction.atomic():
            endings.correction_propose(request=request, reasons=NOT_HERS, by=by)
    except StaleStateError:
        try:
            draft = endings.closing_draft(request=request, reasons=REASONS, by=by)
        except StaleStateError:
            search_orders.request_search_again(request=request, by=by)
        else:
            endings.closing_propose(request=request, outcome=draft.outcome, reasons=REASONS, by=by)


def _lead_item(item: Item, first: Account, second: Account) -> None:
    latest = item.proposals.order_by("number").last()
    tried = item.proposals.filter(proposed_by=first).exists()
    match ItemState(item.state):
        case ItemState.DECIDING | ItemState.GRANTED:
            if tried or not (thought_again(item.request) and _try_to_carry_out(item, first)):
                endings.refusal_propose(item=item, ground="17_3_e", reasons=REASONS, by=first)
        case ItemState.ENDING:
            _approve_or_decline(item.endings.latest("pk"), second)
        case ItemState.AWAITING_APPROVAL if tried:
            decisions.proposal_approve(proposal=_found(latest), by=second)
        case ItemState.AWAITING_APPROVAL:
            decisions.proposal_decline(proposal=_found(latest), reason=WHY, by=second)
        case ItemState.RUNNING:
            _end_job(Job.objects.get(pk=int(_found(latest).job_id or 0)), first, passes=tried)
        case ItemState.AWAITING_RELEASE:
            proposal = _found(latest)
            report_sign(job_id=int(proposal.job_id or 0))
            try:
                with transaction.atomic():
                    decisions.item_release(proposal=proposal, by=first)
            except StaleStateError:
                decisions.item_reopen(proposal=proposal, by=first)


def _end_job(job: Job, by: Account, *, passes: bool) -> None:
    if passes and job.state == JobState.QUEUED:
        job_completed(job)
    elif job.state in {JobState.QUEUED, JobState.RUNNING}:
        job_cancel(job_id=job.pk, actor=by.opaque)
    decisions.proposal_evaluated(job=Job.objects.get(pk=job.pk))


def thought_again(request: ErasureRequest) -> bool:
    """Whether examples left items of the request: then these are carried out, so that all of it is signed."""
    return request.endings.filter(outcome="not_concerned", approved_by__isnull=False).exists()


def _try_to_carry_out(item: Item, by: Account) -> bool:
    try:
        with transaction.atomic():
            if item.state == ItemState.DECIDING:
                item = decisions.item_grant(item=item, ground="17_1_b", reasons="", by=by)
            decisions.proposal_submit(item=item, method=NPO, protocol=PROTOCOL, by=by)
    except (StaleStateError, SpecError):
        return False
    return True


def _approve_or_decline(ending: Ending, by: Account) -> None:
    try:
        with transaction.atomic():
            endings.ending_approve(ending=ending, by=by)
    except StaleStateError:
        endings.ending_decline(ending=ending, reason=WHY, by=by)


def _found(proposal: Proposal | None) -> Proposal:
    assert proposal is not None
    return proposal
