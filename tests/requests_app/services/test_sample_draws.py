"""The worker that draws a sample: never two at once, begun again after a death, and no longer wanted in a closed case."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from compliance.formats.record_kinds import RecordKind
from requests_app import sample_runner
from requests_app.models import MissedSample, SampledExample
from requests_app.sample_runner import sample_execute
from requests_app.services import mapping
from requests_app.services.intake import request_withdraw
from requests_app.services.reconcile import requests_reconcile
from requests_app.services.sample_orders import known_examples, sample_claim, sample_draw, sample_fail, sample_report
from tests.personas import Staff
from tests.queues import Queues
from tests.staging import Stage, corpus, trained
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.leases import ClaimLostError, NothingToClaimError
from unlearning_jobs.states import JobState

from .sampling import assert_verifies, drawn, ordered, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]
STONE = "e00000007"
WHY = "She is the keeper of these stones."


@pytest.fixture
def searched(staff: Staff, queues: Queues) -> Stage:  # noqa: ARG001  # what is rung for goes there
    return Stage.opened(staff, trained(corpus())).searched()


def test_a_draw_is_done_by_one_worker_and_begun_again_after_a_death(searched: Stage) -> None:
    sample = ordered(searched)
    dead = sample_claim(sample_id=sample.pk)
    with pytest.raises(NothingToClaimError):
        sample_execute(sample_id=sample.pk)
    MissedSample.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    requests_reconcile()
    sample_execute(sample_id=sample.pk)
    with pytest.raises(ClaimLostError):
        sample_draw(sample=dead, known=known_examples(dead), groups=[])
    with pytest.raises(ClaimLostError):
        sample_report(sample=dead, done=1)
    assert (MissedSample.objects.get().runs, SampledExample.objects.count()) == (2, 24)


def test_a_draw_without_an_end_fails_after_three_runs_and_another_sample_can_be_ordered(searched: Stage) -> None:
    sample = ordered(searched)
    for _run in range(3):
        sample_claim(sample_id=sample.pk)
        MissedSample.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        requests_reconcile()
    assert told(searched, RecordKind.SAMPLE_FAILED) == {"sample": 1, "error": "runs_used_up", "runs": 3}
    assert drawn(searched).number == 2
    assert_verifies(searched)


def test_a_corpus_that_cannot_be_read_fails_the_sample(searched: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(**_given: object) -> None:
        message = "gone"
        raise CorpusError(message)

    monkeypatch.setattr(sample_runner, "snapshot_open", gone)
    assert drawn(searched).state == JobState.FAILED


def test_an_unforeseen_error_queues_the_draw_again(searched: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_runner, "draw_samples", lambda *_args, **_given: 1 / 0)
    sample = ordered(searched)
    with pytest.raises(ZeroDivisionError):
        sample_execute(sample_id=sample.pk)
    assert MissedSample.objects.get().state == JobState.QUEUED


def test_a_match_that_is_added_while_a_sample_is_drawn_is_not_in_it(searched: Stage) -> None:
    claimed = sample_claim(sample_id=ordered(searched).pk)
    known = known_examples(claimed)
    mapping.match_add(
        request=searched.request, snapshot=searched.model.snapshot, example_id=STONE, reason=WHY, by=searched.staff.omar
    )
    assert sample_draw(sample=claimed, known=known, groups=[]).state == JobState.QUEUED
    assert MissedSample.objects.get().runs == 0
    sample_execute(sample_id=claimed.pk)
    assert not SampledExample.objects.filter(example_id=STONE).exists()


def test_a_lost_message_is_made_up_for(searched: Stage, queues: Queues) -> None:
    ordered(searched)
    MissedSample.objects.update(ring_at=timezone.now() - timedelta(minutes=1))
    before = len(queues)
    requests_reconcile()
    assert len(queues) == before + 1


def test_a_withdrawn_request_wants_no_sample(searched: Stage) -> None:
    claimed = sample_claim(sample_id=ordered(searched).pk)
    request_withdraw(token=searched.token("status", "status-1"))
    with pytest.raises(ClaimLostError):
        sample_fail(sample=claimed, error="late")
    assert MissedSample.objects.get().state == JobState.CANCELLED
    assert_verifies(searched)
