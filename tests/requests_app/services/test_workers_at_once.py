"""Workers begin and end their work while people press: whoever waits for somebody who waits for them is never found."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from compliance.formats.record_kinds import RecordKind
from compliance.record.models import RecordEntry
from requests_app.models import ErasureRequest, Item, SearchOrder
from requests_app.search_runner import request_map
from requests_app.services import endings, intake, searches
from requests_app.services.decisions import item_release
from requests_app.services.replay import ledger_replay
from requests_app.services.search_orders import request_search_again, searches_claim
from requests_app.states import ItemState, RequestState
from tests.endings import NOT_HERS
from tests.erasing import turned_round
from tests.factories import RECIPE
from tests.lock_order import LockOrderError
from tests.personas import Staff
from tests.staging import Stage, result_write, trained
from unlearning_jobs import heartbeat, runner
from unlearning_jobs.engine.contracts import JobSpec
from unlearning_jobs.models import CorpusSnapshot, ErasureEntry, Job, ModelVersion, TrainingContent
from unlearning_jobs.services import contents, runs, trainings
from unlearning_jobs.services.ledger import ledger_withhold
from unlearning_jobs.services.runs import job_claim
from unlearning_jobs.services.trainings import model_train
from unlearning_jobs.states import JobState, ModelState

from .conftest import under_review
from .presses import partly_rejected, pressed, signed
from .test_lock_order import item_before_request

pytestmark = pytest.mark.usefixtures("committed_database", "queues", "artefacts", "signing")
LONG_ENOUGH = 3.0
"""Seconds in which the other one gets to where it would wait."""


@pytest.fixture
def stage(committed_database: None, artefacts: Path) -> Stage:  # noqa: ARG001  # commits are seen by all threads
    return under_review(Staff.hired())


class Pause:
    """Holds whoever calls a function, before or after it, until somebody waits for a lock or could have."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, place: Any, name: str, *, before: bool = False) -> None:
        self.reached = threading.Event()
        function = getattr(place, name)

        def paused(*args: Any, **given: Any) -> Any:
            if before:
                self._hold()
            result = function(*args, **given)
            if not before:
                self._hold()
            return result

        monkeypatch.setattr(place, name, paused)

    def _hold(self) -> None:
        if not self.reached.is_set():
            self.reached.set()
            end = time.monotonic() + LONG_ENOUGH
            while time.monotonic() < end and not somebody_waits():
                time.sleep(0.05)

    def then(self, act: Callable[[], object]) -> Callable[[], object]:
        """Return what acts once somebody is held here."""

        def acts() -> None:
            assert self.reached.wait(20)
            act()

        return acts


def somebody_waits() -> bool:
    """Return whether a transaction waits for a lock of another one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
        return cursor.fetchone() is not None


def test_a_correction_is_approved_while_a_worker_takes_the_job_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    ending = endings.correction_propose(request=partly_rejected(stage).request, reasons=NOT_HERS, by=stage.staff.omar)
    job = Job.objects.get()
    holds_the_job = Pause(monkeypatch, runs, "_claimable")
    taken = pressed(
        lambda: job_claim(job_id=job.pk, worker="worker-1"),
        holds_the_job.then(lambda: endings.ending_approve(ending=ending, by=stage.staff.lena)),
    )
    assert taken == [True, True]
    job.refresh_from_db()
    assert (job.state, job.cancel_requested) == (JobState.RUNNING, True)
    assert ErasureRequest.objects.get(pk=stage.request.pk).state == RequestState.REVIEW


def test_a_request_ends_while_a_worker_takes_its_search_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    request_search_again(request=stage.request, by=stage.staff.omar)
    token = stage.token("status", "status-1")
    holds_the_search = Pause(monkeypatch, SearchOrder, "lease_take")
    taken = pressed(
        lambda: searches_claim(request_id=stage.request.pk, worker="worker-1"),
        holds_the_search.then(lambda: intake.request_withdraw(token=token)),
    )
    assert taken == [True, True]
    assert SearchOrder.objects.get().state == JobState.CANCELLED


def test_a_request_ends_while_a_worker_hands_its_search_in(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    request_search_again(request=stage.request, by=stage.staff.omar)
    token = stage.token("status", "status-1")
    holds_the_request = Pause(monkeypatch, searches, "search_end")
    taken = pressed(
        lambda: request_map(request_id=stage.request.pk),
        holds_the_request.then(lambda: intake.request_withdraw(token=token)),
    )
    assert taken == [True, True]
    assert SearchOrder.objects.get().state == JobState.COMPLETED
    assert ErasureRequest.objects.get(pk=stage.request.pk).state == RequestState.CLOSED


def test_a_worker_skips_the_search_of_a_request_that_is_ending(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    request_search_again(request=stage.request, by=stage.staff.omar)
    token = stage.token("status", "status-1")
    ends = Pause(monkeypatch, intake, "ledger_lock")
    taken = pressed(
        lambda: intake.request_withdraw(token=token),
        ends.then(lambda: searches_claim(request_id=stage.request.pk, worker="worker-1")),
    )
    assert taken == [True, False]
    assert SearchOrder.objects.get().state == JobState.CANCELLED


def test_a_model_is_released_while_a_training_on_its_corpus_begins(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    proposal, snapshot = signed(stage), stage.model.snapshot
    # Something was erased elsewhere, and this corpus has not been compared with it.
    content = TrainingContent.objects.get(snapshot=snapshot, example_id="e00000009").content
    ledger_withhold(subject="request:LE-2222-2222", contents={snapshot: {"e00000009": content}}, actor="system")
    begins = Pause(monkeypatch, trainings, "ledger_lock", before=True)
    taken = pressed(
        lambda: model_train(name="second", recipe=RECIPE, snapshot=snapshot, seed=1, actor="account:9"),
        begins.then(lambda: item_release(proposal=proposal, by=stage.staff.nils)),
    )
    assert taken == [True, True]
    assert Item.objects.get().state == ItemState.RELEASED
    left_out = set(Job.objects.get(model_name="second").spec["exclude_ids"])
    assert left_out >= {"e00000009", *Item.objects.get().example_ids}


def test_six_replays_at_once_train_a_model_again_once(stage: Stage) -> None:
    item_release(proposal=signed(stage), by=stage.staff.nils)
    trained(turned_round("other"), "returned")
    before = ErasureEntry.objects.count()
    replay = partial(ledger_replay, corpus="", requeue=True, actor="system")
    pressed(*[replay] * 6)
    assert Job.objects.filter(model_name="returned").count() == 1
    assert ModelVersion.objects.get(name="returned").state == ModelState.QUARANTINED
    assert ErasureEntry.objects.count() == before
    assert RecordEntry.objects.filter(kind=RecordKind.LEDGER_REPLAYED).exists()


def test_a_worker_keeps_its_lease_while_it_notes_what_its_corpus_holds(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, snapshot = stage.approved().job, stage.model.snapshot
    assert job is not None
    claim = job_claim(job_id=job.pk, worker="worker-1")
    output = f"jobs/{job.pk}/run-1"
    folder = settings.ARTEFACTS / output
    result_write(folder, JobSpec.from_json(job.spec), "passed")
    TrainingContent.objects.filter(snapshot=snapshot).delete()
    CorpusSnapshot.objects.filter(pk=snapshot.pk).update(contents_key="")
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    monkeypatch.setattr(heartbeat, "SILENT_AT_MOST", 0.1)
    notes = Pause(monkeypatch, contents, "content_digest")

    def seen_alive() -> None:
        end = time.monotonic() + LONG_ENOUGH
        while not Job.objects.filter(pk=job.pk, lease_until__gt=timezone.now()).exists():
            assert time.monotonic() < end, "nobody sees its heartbeats"
            time.sleep(0.05)

    assert pressed(lambda: runner._accept(claim, folder, output), notes.then(seen_alive)) == [True, True]
    job.refresh_from_db()
    assert job.state == JobState.COMPLETED


def test_the_order_of_locks_is_watched_in_other_threads_too(stage: Stage) -> None:
    item = stage.reviewed()
    with pytest.raises(LockOrderError):
        pressed(lambda: item_before_request(item))
