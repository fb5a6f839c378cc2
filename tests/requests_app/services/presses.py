"""For each act on a case: bring the case to where it is possible, and return the press of the button."""

from __future__ import annotations

from collections.abc import Callable

from compliance.formats.record_kinds import RecordKind
from requests_app.models import Proposal
from requests_app.services.decisions import item_grant, item_release, proposal_approve, proposal_evaluated, proposal_submit
from requests_app.services.endings import closing_propose, ending_approve, refusal_propose
from requests_app.services.intake import email_confirm, request_withdraw
from requests_app.services.mapping import review_complete
from requests_app.services.matches import matches_decide
from requests_app.services.samples import sample_finish
from requests_app.services.search_orders import request_search_again
from tests.endings import REASONS, refusal_proposed
from tests.factories import PROTOCOL
from tests.staging import NPO, Stage
from unlearning_jobs.models import Job
from unlearning_jobs.services.reports import report_sign

from .sampling import drawn, marked, ordered

Press = Callable[[], object]


def decided(stage: Stage, *, accept: bool) -> Stage:
    ids = list(stage.request.matches.values_list("pk", flat=True))
    matches_decide(request=stage.request, match_ids=ids, accept=accept, by=stage.staff.omar)
    return stage


def complete(stage: Stage) -> Press:
    decided(stage, accept=True)
    return lambda: review_complete(request=stage.request, by=stage.staff.omar)


def search(stage: Stage) -> Press:
    return lambda: request_search_again(request=stage.request, by=stage.staff.omar)


def close(stage: Stage) -> Press:
    decided(stage, accept=False)
    return lambda: closing_propose(request=stage.request, outcome="no_match", reasons="", by=stage.staff.omar)


def grant(stage: Stage) -> Press:
    item = stage.reviewed()
    return lambda: item_grant(item=item, ground="17_1_b", reasons="", by=stage.staff.omar)


def refuse(stage: Stage) -> Press:
    item = stage.reviewed()
    return lambda: refusal_propose(item=item, ground="17_3_e", reasons=REASONS, by=stage.staff.omar)


def end(stage: Stage) -> Press:
    ending = refusal_proposed(stage)
    return lambda: ending_approve(ending=ending, by=stage.staff.lena)


def submit(stage: Stage) -> Press:
    item = stage.granted()
    return lambda: proposal_submit(item=item, method=NPO, protocol=PROTOCOL, by=stage.staff.omar)


def approve(stage: Stage) -> Press:
    proposal = stage.proposed()
    return lambda: proposal_approve(proposal=proposal, by=stage.staff.lena)


def signed(stage: Stage) -> Proposal:
    """The job has ended with a verdict, which was applied; its report is signed."""
    proposal = stage.completed()
    assert proposal.job is not None
    if not Proposal.objects.get(pk=proposal.pk).verdict:
        proposal_evaluated(job=Job.objects.get(pk=proposal.job.pk))
    report_sign(job_id=proposal.job.pk)
    return Proposal.objects.get(pk=proposal.pk)


def release(stage: Stage) -> Press:
    proposal = signed(stage)
    return lambda: item_release(proposal=proposal, by=stage.staff.nils)


def confirm(stage: Stage) -> Press:
    other = Stage.opened(stage.staff, stage.model, key="k2")
    token = other.token("confirm", "confirm-other")
    return lambda: email_confirm(token=token)


def withdraw(stage: Stage) -> Press:
    stage.approved()
    token = stage.token("status", "status-1")
    return lambda: request_withdraw(token=token)


def sample(stage: Stage) -> Press:
    return lambda: ordered(stage)


def looked_at(stage: Stage) -> Press:
    found = marked(drawn(stage), stage.staff.omar, about=["e00000007"])
    return lambda: sample_finish(sample=found, by=stage.staff.omar)


ACTS: dict[RecordKind, Callable[[Stage], Press]] = {
    RecordKind.REQUEST_CONFIRMED: confirm,
    RecordKind.SEARCH_ORDERED: search,
    RecordKind.SAMPLE_ORDERED: sample,
    RecordKind.SAMPLE_FINISHED: looked_at,
    RecordKind.REVIEW_COMPLETED: complete,
    RecordKind.ENDING_PROPOSED: close,
    RecordKind.ITEM_DECIDED: grant,
    RecordKind.ENDING_APPROVED: end,
    RecordKind.PROPOSAL_SUBMITTED: submit,
    RecordKind.PROPOSAL_APPROVED: approve,
    RecordKind.ITEM_RELEASED: release,
    RecordKind.REQUEST_CLOSED: withdraw,
}
