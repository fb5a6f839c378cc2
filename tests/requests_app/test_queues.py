"""Mail has a worker of its own: it goes out while a search takes as long as it likes. Real workers, a real broker."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection, transaction

from compliance.celery import app
from compliance.local.services import redis_command, redis_url, redis_wait
from compliance.local.stack import LocalStack
from requests_app.models import ErasureRequest, Message, SearchOrder
from requests_app.services.intake import email_confirm
from tests.personas import Staff
from tests.queues import Queues
from tests.staging import Stage, corpus, trained

BOUND = 60
QUEUES = ("mail", "matching")


def wait_until(what: str, happens: Callable[[], object]) -> None:
    ends = time.monotonic() + BOUND
    while not happens():
        assert time.monotonic() < ends, f"{what} did not happen"
        time.sleep(0.05)  # polling another process


@pytest.fixture
def broker() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        redis = subprocess.Popen(redis_command(Path(folder)), stdout=subprocess.DEVNULL)
        try:
            redis_wait(Path(folder))
            yield redis_url(Path(folder))
        finally:
            redis.kill()
            redis.wait()


@pytest.fixture
def workers(committed_database: None, broker: str, artefacts: Path) -> Iterator[None]:  # noqa: ARG001  # in this order
    """The workers of the queues “mail” and “matching”, as the stack starts them."""
    database = connection.get_connection_params()
    url = f"postgresql://{database['user']}@/{database['dbname']}?host={database['host']}"
    environment = os.environ | {"DATABASE_URL": url, "REDIS_URL": broker, "LETHE_ARTEFACTS": str(artefacts)}
    command = (sys.executable, "-m", "celery", "-A", "compliance.celery", "worker", "-P", "solo", "-l", "ERROR")
    running = [subprocess.Popen((*command, "-Q", queue, "-n", f"{queue}@test"), env=environment) for queue in QUEUES]
    yield
    for worker in running:
        worker.kill()
        worker.wait()


@pytest.mark.usefixtures("workers")
def test_a_mail_goes_out_while_a_long_search_runs(monkeypatch: pytest.MonkeyPatch, broker: str) -> None:
    Queues.connected(monkeypatch, broker)
    stage = Stage.opened(Staff.hired(), trained(corpus()))
    with transaction.atomic():
        email_confirm(token=stage.token("confirm", "confirm-1"))
    with transaction.atomic():
        # The search cannot end while this lock is held.
        ErasureRequest.objects.select_for_update(no_key=True).get(pk=stage.request.pk)
        wait_until("the search", lambda: SearchOrder.objects.filter(state="running").exists())
        received = Message.objects.filter(template="request_received", state="sent")
        wait_until("the mail", received.exists)

        assert SearchOrder.objects.get().state == "running"
    wait_until("the end of the search", lambda: SearchOrder.objects.filter(state="completed").exists())


@pytest.mark.django_db  # pytest-django makes no database unless a test is marked, and the one above cannot be
def test_every_queue_has_a_worker_and_mail_shares_none_with_long_work(tmp_path: Path) -> None:
    programs = LocalStack(tmp_path)._lethe_programs()
    served = [set(one.command[one.command.index("-Q") + 1].split(",")) for one in programs if "-Q" in one.command]

    assert sorted(queue for queues in served for queue in queues) == sorted(queue.name for queue in app.conf.task_queues)
    assert {"mail"} in served
    assert {"matching"} in served
