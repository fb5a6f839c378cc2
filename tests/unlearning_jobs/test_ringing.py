"""Nobody is rung for twice without need, and nobody is forgotten."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from django.db.models import F
from django.utils import timezone

from requests_app.models import ErasureRequest, SearchOrder
from requests_app.services.reconcile import requests_reconcile
from tests.factories import model_version, unlearning_job
from tests.queues import Queues
from tests.requests_app.services.test_intake import submitted
from unlearning_jobs.models import Job, ModelVersion
from unlearning_jobs.ringing import RING_AGAIN_AT_MOST, ring_again
from unlearning_jobs.services.destruction import destruction_reconcile
from unlearning_jobs.services.jobs import jobs_reconcile

pytestmark = pytest.mark.django_db
WAITING = 200


def searches_wait() -> None:
    """Many requests whose search nobody has begun for an hour."""
    template = submitted()
    hour_ago = timezone.now() - timedelta(hours=1)
    rows = []
    for number in range(WAITING):
        row = ErasureRequest.objects.get(pk=template.pk)
        row.pk, row.reference, row.submission_key = None, f"LE-{number:04d}-XXXX", f"{number:064d}"
        row.state, row.confirmed_at, row.ring_at = "mapping", hour_ago, hour_ago
        rows.append(row)
    SearchOrder.objects.bulk_create(SearchOrder(request=row) for row in ErasureRequest.objects.bulk_create(rows))
    template.messages.all().update(state="sent", next_attempt_at=None)


def test_a_round_of_the_reconciler_adds_nothing_to_a_queue_that_is_full_already(queues: Queues) -> None:
    searches_wait()
    requests_reconcile()
    assert len(queues) == WAITING, "their messages may have been lost"
    for _round in range(3):
        requests_reconcile()
    assert len(queues) == WAITING


@pytest.mark.usefixtures("queues")
def test_the_pauses_between_rings_grow_to_an_hour() -> None:
    unlearning_job()
    rings, waiting = [], Job.objects.filter(state="queued")
    for minute in range(6 * 60):
        rings += [minute] * ring_again(waiting, "unlearning_jobs.job_run", queue="jobs")
        waiting.update(ring_at=F("ring_at") - timedelta(minutes=1))
    pauses = [after - before for before, after in pairwise(rings)]

    assert pauses == sorted(pauses)
    assert max(pauses) * timedelta(minutes=1) == RING_AGAIN_AT_MOST
    assert len(rings) < 15


def test_a_broker_that_is_away_costs_no_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    unlearning_job()
    Job.objects.update(ring_at=timezone.now())
    Queues.connected(monkeypatch, broker="amqp://127.0.0.1:1//")  # nobody listens there
    assert jobs_reconcile() == 0

    assert len(Queues.connected(monkeypatch)) == 0
    assert jobs_reconcile() == 1


def test_a_completed_job_is_rung_for_anew(queues: Queues) -> None:
    unlearning_job()
    Job.objects.update(state="completed", output="x", rings=12, ring_at=timezone.now())
    assert jobs_reconcile() == 1
    assert jobs_reconcile() == 0
    assert len(queues) == 1


def test_a_version_to_be_destroyed_is_rung_for_once_and_then_after_a_while(queues: Queues) -> None:
    model_version(state="destroying")
    ModelVersion.objects.update(ring_at=timezone.now())
    for _round in range(3):
        destruction_reconcile()
    assert len(queues) == 1
