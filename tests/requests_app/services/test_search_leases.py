"""Searches are leased work: never two at once, begun again after a death, and shared by all that wait together."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.utils import timezone

from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.models import RecordEntry
from requests_app.models import ErasureRequest, Match, Search, SearchOrder
from requests_app.search_runner import SearchHeartbeat, request_map
from requests_app.services.intake import TargetDetails, email_confirm, request_withdraw
from requests_app.services.reconcile import requests_reconcile
from requests_app.services.search_orders import request_search_again, search_fail, search_report, searches_claim
from requests_app.states import RequestState
from tests.personas import ADA, Staff
from tests.queues import Queues
from tests.staging import Stage, corpus, rows, trained
from unlearning_jobs.engine.corpora import Example, Snapshot
from unlearning_jobs.engine.matching import time_limit
from unlearning_jobs.leases import ClaimLostError, NothingToClaimError
from unlearning_jobs.states import JobState

SEARCH = """
import django, sys
django.setup()
from pathlib import Path
from django.conf import settings
settings.ARTEFACTS = Path(sys.argv[2])
from requests_app.search_runner import request_map
request_map(request_id=int(sys.argv[1]), worker="to be killed")
"""


def confirmed(stage: Stage) -> Stage:
    """The search is due."""
    stage.request = email_confirm(token=stage.token("confirm", f"confirm-{stage.request.pk}"))
    return stage


@pytest.fixture
def due(staff: Staff, artefacts: Path, queues: Queues) -> Stage:  # noqa: ARG001  # the corpus is written there
    return confirmed(Stage.opened(staff, trained(corpus())))


def another(stage: Stage, key: str, name: str = ADA) -> Stage:
    return confirmed(Stage.opened(stage.staff, stage.model, key, TargetDetails(name=name)))


def order_of(stage: Stage) -> SearchOrder:
    return SearchOrder.objects.filter(request=stage.request).latest("pk")


def lease_ends(stage: Stage) -> None:
    SearchOrder.objects.filter(request=stage.request).update(lease_until=timezone.now() - timedelta(seconds=1))


@pytest.mark.django_db
def test_a_search_that_is_under_way_is_not_begun_by_another_worker_and_not_rung_for(due: Stage, queues: Queues) -> None:
    searches_claim(request_id=due.request.pk, worker="one")
    ErasureRequest.objects.update(ring_at=timezone.now() - timedelta(hours=1))
    before = len(queues)
    requests_reconcile()

    with pytest.raises(NothingToClaimError):
        request_map(request_id=due.request.pk, worker="two")
    assert len(queues) == before
    assert order_of(due).worker == "one"


@pytest.mark.django_db
def test_requests_that_wait_together_are_searched_in_one_pass_and_each_gets_its_own_matches(due: Stage) -> None:
    other, nobody = another(due, "k2", "Ada Beispiel"), another(due, "k3", "Nobody Atall")
    request_map(request_id=due.request.pk, worker="one")

    assert set(ErasureRequest.objects.values_list("state", flat=True)) == {RequestState.REVIEW}
    assert [stage.request.matches.count() for stage in (due, other, nobody)] == [4, 4, 0]
    assert [query["id"] for query in nobody.request.searches.get().queries] == ["name", "email"]
    with pytest.raises(NothingToClaimError):
        request_map(request_id=other.request.pk)


@pytest.mark.django_db
@pytest.mark.parametrize("waiting", [1, 4])
def test_a_corpus_is_read_once_however_many_requests_wait(due: Stage, monkeypatch: pytest.MonkeyPatch, waiting: int) -> None:
    request_map(request_id=due.request.pk)  # what is noted of a corpus at its first search needs a reading of its own
    monkeypatch.setattr("requests_app.search_runner.self_tested", lambda _query: [])
    read: list[str] = []
    examples, verify = Snapshot.examples, Snapshot.verify

    def reading(snapshot: Snapshot, split: str | None = None) -> Iterator[Example]:
        for example in examples(snapshot, split):
            read.append(example.id)
            yield example

    def checking(snapshot: Snapshot) -> None:
        read.append("verify")
        verify(snapshot)

    monkeypatch.setattr(Snapshot, "examples", reading)
    monkeypatch.setattr(Snapshot, "verify", checking)
    people = [another(due, f"w{number}", f"{ADA if number == 1 else 'Nobody'} {number}") for number in range(waiting)]
    request_map(request_id=people[0].request.pk)

    assert {person.request.searches.count() for person in people} == {1}
    assert people[0].request.searches.get().targets[0]["read"]["by"] == "sweep"
    assert [one for one in read if one != "verify"] == [f"e{place:08d}" for place in range(len(rows()))]
    assert read.count("verify") <= 1


@pytest.mark.django_db
def test_what_took_too_long_for_one_request_leaves_the_others_of_the_pass_complete(
    due: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = another(due, "k2", "Zebulon Quint")
    monkeypatch.setattr("requests_app.search_runner.self_test", lambda _query: [])  # it has the same limit
    monkeypatch.setattr(time_limit.TimeLimit, "__init__", lambda limit, _text: setattr(limit, "_left", -1.0))
    request_map(request_id=due.request.pk, worker="one")

    assert not due.request.searches.get().complete
    assert other.request.searches.get().complete


@pytest.mark.django_db
def test_what_lost_a_run_is_searched_alone(due: Stage) -> None:
    other = another(due, "k2")
    searches_claim(request_id=due.request.pk, worker="dead")
    lease_ends(due)
    lease_ends(other)
    requests_reconcile()

    [order] = searches_claim(request_id=other.request.pk, worker="two")
    assert order.request_id == other.request.pk


@pytest.mark.django_db
def test_whoever_lost_the_lease_writes_nothing(due: Stage) -> None:
    [stale] = searches_claim(request_id=due.request.pk, worker="slow")
    lease_ends(due)
    requests_reconcile()
    request_map(request_id=due.request.pk, worker="quick")

    with pytest.raises(ClaimLostError):
        search_report(order=stale, done=3)
    with pytest.raises(ClaimLostError):
        search_fail(order=stale, error="late")
    assert Search.objects.count() == 1
    assert order_of(due).state == JobState.COMPLETED


@pytest.mark.django_db
def test_a_search_without_an_end_fails_after_three_runs_says_why_and_is_ordered_again(due: Stage) -> None:
    for _run in range(3):
        searches_claim(request_id=due.request.pk, worker="dead")
        lease_ends(due)
        requests_reconcile()

    assert (order_of(due).state, order_of(due).error_code) == (JobState.FAILED, "runs_used_up")
    assert RecordEntry.objects.filter(subject=due.request.subject, kind=RecordKind.SEARCH_FAILED).count() == 1
    with pytest.raises(NothingToClaimError):
        request_map(request_id=due.request.pk)
    request_search_again(request=due.request, by=due.staff.omar)
    request_map(request_id=due.request.pk)
    assert due.request.matches.count() == 4


@pytest.mark.django_db
def test_a_search_cannot_be_ordered_twice(due: Stage) -> None:
    with pytest.raises(StaleStateError, match="being searched already"):
        request_search_again(request=due.request, by=due.staff.omar)


@pytest.mark.django_db
def test_a_request_that_is_withdrawn_while_it_is_searched_stays_closed_and_the_others_go_on(due: Stage) -> None:
    other = another(due, "k2")
    orders = searches_claim(request_id=due.request.pk, worker="one")
    request_withdraw(token=due.token("status", "status-1"))
    with SearchHeartbeat(orders) as heartbeat:
        heartbeat.report(at_once=True, done=1)

        assert [order.request_id for order in heartbeat.orders] == [other.request.pk]
    assert order_of(due).state == JobState.CANCELLED


@pytest.mark.django_db
def test_the_progress_counts_examples_and_snapshots(due: Stage) -> None:
    trained(corpus("shore"), "pilot")
    request_map(request_id=due.request.pk)

    order = order_of(due)
    assert (order.done, order.total, order.snapshots_done, order.snapshots) == (56, 56, 2, 2)


@pytest.mark.usefixtures("committed_database", "queues")
def test_a_killed_worker_leaves_nothing_half_saved_and_the_search_is_begun_again(
    artefacts: Path,
) -> None:
    due = confirmed(Stage.opened(Staff.hired(), trained(corpus())))
    database = connection.get_connection_params()
    url = f"postgresql://{database['user']}@/{database['dbname']}?host={database['host']}"
    environment = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "compliance.settings"}
    command = [sys.executable, "-c", SEARCH, str(due.request.pk), str(artefacts)]
    with transaction.atomic():
        # The worker finds everything, and waits for this lock before it saves.
        ErasureRequest.objects.select_for_update().get(pk=due.request.pk)
        worker = subprocess.Popen(command, env=environment)
        ends = time.monotonic() + 60
        while not order_of(due).snapshots_done and time.monotonic() < ends:
            time.sleep(0.05)  # polling another process; the deadline is what fails
        assert order_of(due).state == JobState.RUNNING
        worker.kill()
        worker.wait()

    assert (Match.objects.count(), Search.objects.count()) == (0, 0)
    lease_ends(due)
    requests_reconcile()
    request_map(request_id=due.request.pk, worker="the next")
    assert (due.request.matches.count(), due.request.searches.count(), order_of(due).runs) == (4, 1, 2)
