"""A service that is called in a wrong state raises and changes nothing; callers that may come twice take that calmly."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone

from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.models import RecordEntry
from requests_app import tasks
from requests_app.models import Ending, ErasureRequest, Item, Match, Proposal
from requests_app.search_runner import request_map
from requests_app.services.corrections import item_correct
from requests_app.services.decisions import (
    item_grant,
    item_release,
    item_reopen,
    proposal_approve,
    proposal_decline,
    proposal_evaluated,
    proposal_submit,
)
from requests_app.services.endings import closing_propose, ending_approve, ending_decline, refusal_propose
from requests_app.services.mapping import review_complete
from requests_app.services.matches import matches_decide
from requests_app.services.requests import item_move, request_close
from requests_app.services.search_orders import request_search_again
from requests_app.states import ITEM_TRANSITIONS, REQUEST_TRANSITIONS, ItemState, RequestOutcome, RequestState
from tests.compliance.record.superuser import superuser
from tests.endings import REASONS
from tests.factories import PROTOCOL, unlearning_job
from tests.staging import NPO, Stage
from unlearning_jobs.models import Job, ModelVersion
from unlearning_jobs.signals import job_finished
from unlearning_jobs.states import JobState, ModelState

from .conftest import EXAMPLES

pytestmark = pytest.mark.django_db

REQUEST_SERVICES: dict[str, tuple[str, Callable[[Stage], object]]] = {
    "request_map": ("mapping.completed", lambda stage: request_map(request_id=stage.request.pk)),
    "matches_decide": (
        "review.completed",
        lambda stage: matches_decide(request=stage.request, match_ids=[], accept=True, by=stage.staff.omar),
    ),
    "request_search_again": (
        "search.ordered",
        lambda stage: request_search_again(request=stage.request, by=stage.staff.omar),
    ),
    "closing_propose": (
        "ending.proposed",
        lambda stage: closing_propose(request=stage.request, outcome="no_match", reasons="", by=stage.staff.omar),
    ),
    "ending_approve": (
        "ending.approved",
        lambda stage: ending_approve(ending=closing(stage, "not_concerned"), by=stage.staff.lena),
    ),
    "ending_decline": (
        "ending.declined",
        lambda stage: ending_decline(ending=closing(stage), reason="Search again, please.", by=stage.staff.lena),
    ),
    "review_complete": ("review.completed", lambda stage: review_complete(request=stage.request, by=stage.staff.omar)),
    "request_close": (
        "request.closed",
        lambda stage: request_close(
            request=stage.request, outcome=RequestOutcome.WITHDRAWN, actor="claimant", template=None
        ),
    ),
}


def closing(stage: Stage, outcome: str = "no_match") -> Ending:
    """A proposal to close the request, or to take examples out of items, as its row says."""
    return Ending.objects.get_or_create(
        request=stage.request,
        number=1,
        defaults={"outcome": outcome, "facts": {}, "proposed_by": stage.staff.omar},
    )[0]


def end_proposed(proposal: Proposal, stage: Stage) -> object:
    return refusal_propose(item=proposal.item, ground="17_3_e", reasons=REASONS, by=stage.staff.omar)


def ending(proposal: Proposal, stage: Stage) -> Ending:
    return Ending.objects.get_or_create(
        request=stage.request,
        number=1,
        defaults={
            "item": proposal.item,
            "outcome": "refused",
            "ground": "17_3_e",
            "facts": {},
            "proposed_by": stage.staff.omar,
        },
    )[0]


def end_declined(proposal: Proposal, stage: Stage) -> object:
    return ending_decline(ending=ending(proposal, stage), reason="The court has decided.", by=stage.staff.nils)


def correct(proposal: Proposal, stage: Stage) -> object:
    return item_correct(item=proposal.item, ending=ending(proposal, stage), by=stage.staff.nils)


def lapse(proposal: Proposal, _stage: Stage) -> object:
    data = {"outcome": "withdrawn"}
    return item_move(item=proposal.item, to=ItemState.LAPSED, kind=RecordKind.ITEM_LAPSED, actor="claimant", data=data)


def decide(proposal: Proposal, stage: Stage) -> object:
    if proposal.item.state == ItemState.ENDING:
        return ending_approve(ending=ending(proposal, stage), by=stage.staff.nils)
    return item_grant(item=proposal.item, ground="17_1_b", reasons="", by=stage.staff.nils)


def submit(proposal: Proposal, stage: Stage) -> object:
    return proposal_submit(item=proposal.item, method=NPO, protocol=PROTOCOL, by=stage.staff.nils)


def approve(proposal: Proposal, stage: Stage) -> object:
    return proposal_approve(proposal=proposal, by=stage.staff.nils)


def decline(proposal: Proposal, stage: Stage) -> object:
    return proposal_decline(proposal=proposal, reason="Choose another method.", by=stage.staff.nils)


def evaluate(proposal: Proposal, _stage: Stage) -> None:
    assert proposal.job is not None
    proposal_evaluated(job=proposal.job)


def release(proposal: Proposal, stage: Stage) -> object:
    return item_release(proposal=proposal, by=stage.staff.nils)


def reopen(proposal: Proposal, stage: Stage) -> object:
    ModelVersion.objects.filter(pk=stage.model.pk).update(state=ModelState.QUARANTINED)
    return item_reopen(proposal=proposal, by=stage.staff.nils)


ITEM_SERVICES: dict[str, Callable[[Proposal, Stage], object]] = {
    "item.decided": decide,
    "ending.proposed": end_proposed,
    "ending.declined": end_declined,
    "item.lapsed": lapse,
    "proposal.submitted": submit,
    "proposal.approved": approve,
    "proposal.declined": decline,
    "item.evaluated": evaluate,
    "item.corrected": correct,
    "item.released": release,
    "item.reopened": reopen,
}


def test_every_event_of_the_table_is_one_of_a_service() -> None:
    assert set(ITEM_SERVICES) == set(ITEM_TRANSITIONS)
    assert {event for event, _service in REQUEST_SERVICES.values()} == set(REQUEST_TRANSITIONS) - {
        RecordKind.REQUEST_CONFIRMED
    }


@pytest.mark.parametrize("service", REQUEST_SERVICES)
def test_a_request_in_a_wrong_state_is_refused_and_left_alone(stage: Stage, service: str) -> None:
    event, call = REQUEST_SERVICES[service]
    stage.request.matches.update(decision=Match.Decision.REJECTED, decided_by=stage.staff.omar)
    entries = RecordEntry.objects.count()
    allowed = {source for source, _target in REQUEST_TRANSITIONS[RecordKind(event)]}
    # In the order of the states, because nothing can be proposed any more once the last one, closed, was tried.
    for state in [state for state in RequestState if state not in allowed]:
        with superuser("requests_app_erasurerequest"):
            ErasureRequest.objects.filter(pk=stage.request.pk).update(state=state, outcome="withdrawn")
        stage.request.refresh_from_db()
        with pytest.raises(StaleStateError):
            call(stage)
        assert ErasureRequest.objects.get(pk=stage.request.pk).state == state

    assert RecordEntry.objects.count() == entries


@pytest.mark.usefixtures("signing")
@pytest.mark.parametrize("event", ITEM_SERVICES)
def test_an_item_in_a_wrong_state_is_refused_and_left_alone(stage: Stage, event: str) -> None:
    proposal = stage.completed() if event == RecordKind.ITEM_EVALUATED else stage.signed()
    entries = RecordEntry.objects.count()
    refused = {"outcome": "refused", "ground": "17_3_e", "facts": {}, "proposed_by": stage.staff.omar}
    Ending.objects.create(request=stage.request, item=proposal.item, number=9, approved_by=stage.staff.lena, **refused)
    allowed = {source for source, _target in ITEM_TRANSITIONS[RecordKind(event)]}
    for state in [state for state in ItemState if state not in allowed]:
        with superuser("requests_app_item"):
            Item.objects.filter(pk=proposal.item_id).update(state=state)
        with pytest.raises(StaleStateError):
            ITEM_SERVICES[event](Proposal.objects.select_related("item__request", "job").get(pk=proposal.pk), stage)
        assert stage.item.state == state

    assert RecordEntry.objects.count() == entries


def test_a_review_cannot_be_completed_before_the_search(stage: Stage) -> None:
    ErasureRequest.objects.filter(pk=stage.request.pk).update(state=RequestState.MAPPING)
    stage.request.matches.all().delete()

    with pytest.raises(StaleStateError, match="Searching training data"):
        review_complete(request=stage.request, by=stage.staff.omar)
    assert ErasureRequest.objects.get(pk=stage.request.pk).state == RequestState.MAPPING


def test_an_earlier_proposal_cannot_be_approved_or_declined_while_a_later_one_waits(stage: Stage) -> None:
    first = proposal_decline(proposal=stage.proposed(), reason="Choose another method.", by=stage.staff.lena)
    proposal_submit(item=stage.item, method=NPO, protocol=PROTOCOL, by=stage.staff.omar)

    for service in (approve, decline):
        with pytest.raises(StaleStateError, match="later attempt"):
            service(first, stage)
    assert stage.item.state == ItemState.AWAITING_APPROVAL
    assert not Job.objects.exists()


def test_a_running_proposal_cannot_be_declined(stage: Stage) -> None:
    proposal = stage.approved()
    with pytest.raises(StaleStateError):
        decline(proposal, stage)
    assert stage.item.state == ItemState.RUNNING
    assert Proposal.objects.get(pk=proposal.pk).declined_by is None


@pytest.mark.usefixtures("signing")
@pytest.mark.parametrize("event", [event for event in ITEM_SERVICES if event != "item.evaluated"])
def test_nothing_happens_to_an_item_once_its_request_is_withdrawn(stage: Stage, event: str) -> None:
    proposal = stage.signed()
    ending(proposal, stage)  # as it stood before; nothing can be added to a closed case
    request_close(request=stage.request, outcome=RequestOutcome.WITHDRAWN, actor="claimant", template=None)
    entries = RecordEntry.objects.count()

    with pytest.raises(StaleStateError, match=r"Closed|no longer waits"):
        ITEM_SERVICES[event](Proposal.objects.select_related("item__request", "job").get(pk=proposal.pk), stage)
    assert stage.item.state == ItemState.LAPSED
    assert RecordEntry.objects.count() == entries


def test_two_proposals_at_once_are_one_proposal(stage: Stage) -> None:
    item = stage.granted()
    proposal_submit(item=item, method=NPO, protocol=PROTOCOL, by=stage.staff.omar)
    with pytest.raises(StaleStateError):
        proposal_submit(item=item, method=NPO, protocol=PROTOCOL, by=stage.staff.lena)
    assert Proposal.objects.count() == 1


def test_a_job_that_still_runs_has_no_verdict_to_take_over(stage: Stage) -> None:
    proposal = stage.approved()
    assert proposal.job is not None
    with pytest.raises(StaleStateError, match="has not ended"):
        proposal_evaluated(job=proposal.job)
    assert Proposal.objects.get(pk=proposal.pk).verdict == ""


def test_the_end_of_a_job_that_no_proposal_waits_for_is_no_error(stage: Stage) -> None:
    job = unlearning_job(stage.model)
    Job.objects.filter(pk=job.pk).update(state=JobState.FAILED, finished_at=timezone.now())
    job.refresh_from_db()

    with pytest.raises(StaleStateError, match="No proposal waits"):
        proposal_evaluated(job=job)
    entries = RecordEntry.objects.count()
    job_finished.send(Job, job=job)
    assert RecordEntry.objects.count() == entries


def test_the_end_of_a_job_is_taken_over_once_however_often_it_is_signalled(stage: Stage) -> None:
    job = stage.evaluated().job
    assert job is not None
    job_finished.send(Job, job=Job.objects.get(pk=job.pk))

    assert stage.item.state == ItemState.AWAITING_RELEASE
    assert RecordEntry.objects.filter(kind=RecordKind.ITEM_EVALUATED).count() == 1


def test_a_search_that_is_rung_twice_is_no_error(stage: Stage) -> None:
    tasks.request_map(stage.request.pk)

    assert stage.request.matches.count() == len(EXAMPLES)
    assert ErasureRequest.objects.get(pk=stage.request.pk).state == RequestState.REVIEW
