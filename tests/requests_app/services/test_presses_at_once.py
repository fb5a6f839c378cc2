"""Several people press at the same time: one act happens, nobody waits for ever, and the case stays whole."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from compliance.formats.record_kinds import RecordKind
from compliance.record.models import RecordEntry
from requests_app.models import ErasureRequest, Item, Proposal
from requests_app.services.decisions import item_grant, item_release, proposal_approve, proposal_decline
from requests_app.services.endings import ending_approve, ending_decline, refusal_propose
from requests_app.services.intake import request_withdraw
from requests_app.services.search_orders import request_search_again
from requests_app.states import SETTLED, ItemState, RequestState
from tests.endings import REASONS, refusal_proposed
from tests.personas import Staff
from tests.staging import Stage
from unlearning_jobs.models import CorpusSnapshot, Job, ModelVersion, TrainingContent
from unlearning_jobs.services.contents import contents_note
from unlearning_jobs.services.jobs import job_cancel
from unlearning_jobs.states import JobState, ModelState

from .conftest import under_review
from .presses import ACTS, WHY, pressed, signed

pytestmark = pytest.mark.usefixtures("committed_database", "queues", "artefacts", "signing")


@pytest.fixture
def stage(committed_database: None, artefacts: Path) -> Stage:  # noqa: ARG001  # commits are seen by all threads
    return under_review(Staff.hired())


@pytest.mark.parametrize("act", ACTS)
def test_what_six_press_at_once_happens_once(stage: Stage, act: str) -> None:
    press, kind, times = ACTS[act].press(stage), ACTS[act].kind, 1 if ACTS[act].once else 6
    before = RecordEntry.objects.filter(kind=kind).count()

    assert pressed(*[press] * 6).count(True) == times
    assert RecordEntry.objects.filter(kind=kind).count() == before + times
    assert_whole(stage)


def assert_whole(stage: Stage) -> None:
    """Rows that belong together say the same."""
    request = ErasureRequest.objects.get(pk=stage.request.pk)
    states = set(request.items.values_list("state", flat=True))
    live = Job.objects.filter(state__in=[JobState.QUEUED, JobState.RUNNING], cancel_requested=False)
    assert live.exists() == (ItemState.RUNNING in states)
    assert ModelVersion.objects.filter(name=stage.model.name, state=ModelState.ACTIVE).count() == 1
    if request.state == RequestState.CLOSED:
        assert states <= SETTLED
        assert RecordEntry.objects.filter(subject=request.subject, kind=RecordKind.REQUEST_CLOSED).count() == 1


def test_a_decision_and_a_withdrawal_at_once_leave_a_whole_case(stage: Stage) -> None:
    item = stage.reviewed()
    token = stage.token("status", "status-1")
    by = stage.staff.omar
    taken = pressed(
        lambda: request_withdraw(token=token),
        lambda: item_grant(item=item, ground="17_1_b", reasons="", by=by),
        lambda: refusal_propose(item=item, ground="17_3_e", reasons=REASONS, by=by),
        lambda: request_search_again(request=stage.request, by=by),
    )
    assert taken[0]
    assert_whole(stage)


def test_yes_no_and_a_withdrawal_at_once_leave_a_whole_case(stage: Stage) -> None:
    proposal, staff = stage.proposed(), stage.staff
    token = stage.token("status", "status-1")
    taken = pressed(
        lambda: proposal_approve(proposal=proposal, by=staff.lena),
        lambda: proposal_approve(proposal=proposal, by=staff.nils),
        lambda: proposal_decline(proposal=proposal, reason=WHY, by=staff.nils),
        lambda: request_withdraw(token=token),
    )
    assert taken[:3].count(True) <= 1
    assert taken[3]
    assert_whole(stage)


def test_a_cancelled_job_and_a_withdrawal_at_once_leave_a_whole_case(stage: Stage) -> None:
    job = stage.approved().job
    assert job is not None
    token = stage.token("status", "status-1")
    taken = pressed(
        lambda: job_cancel(job_id=job.pk, actor=stage.staff.eva.opaque),
        lambda: request_withdraw(token=token),
        lambda: request_search_again(request=stage.request, by=stage.staff.omar),
    )
    assert taken[1]
    assert Job.objects.get(pk=job.pk).state == JobState.CANCELLED
    assert_whole(stage)


def test_a_release_and_a_withdrawal_at_once_are_one_of_them(stage: Stage) -> None:
    proposal = signed(stage)
    token = stage.token("status", "status-1")
    taken = pressed(
        lambda: item_release(proposal=proposal, by=stage.staff.nils),
        lambda: item_release(proposal=proposal, by=stage.staff.omar),
        lambda: request_withdraw(token=token),
    )
    assert taken.count(True) == 1
    assert_whole(stage)
    assert Proposal.objects.filter(released_by__isnull=False).exists() == (not taken[2])


def test_an_approved_and_a_declined_end_at_once_are_one_of_them(stage: Stage) -> None:
    ending = refusal_proposed(stage)
    taken = pressed(
        lambda: ending_approve(ending=ending, by=stage.staff.lena),
        lambda: ending_decline(ending=ending, reason=WHY, by=stage.staff.nils),
    )
    assert taken.count(True) == 1
    assert Item.objects.get().state == (ItemState.REFUSED if taken[0] else ItemState.DECIDING)
    assert_whole(stage)


def test_two_workers_that_note_what_a_corpus_contains_note_it_once(stage: Stage) -> None:
    snapshot = stage.model.snapshot
    TrainingContent.objects.filter(snapshot=snapshot).delete()
    CorpusSnapshot.objects.filter(pk=snapshot.pk).update(contents_key="")
    assert pressed(*[partial(contents_note, snapshot=snapshot)] * 3) == [True] * 3
    assert TrainingContent.objects.filter(snapshot=snapshot).count() == snapshot.counts["train"]
