"""Mail by several workers at once, and by one that dies."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from email.message import Message as Mail

import pytest
from django.db import connection, connections, transaction

from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.models import RecordEntry
from requests_app.models import AccessLink, ErasureRequest, Message
from requests_app.services.intake import confirmation_link_check
from requests_app.services.messages import (
    SENDING_AT_MOST,
    message_send,
    token_digest,
)
from tests.mail_server import MailServer

from .mails import confirmation, state_of, time_passes, token_in
from .test_intake import submitted

pytestmark = pytest.mark.usefixtures("committed_database", "queues")

SEND_AND_BE_KILLED = """
import django, sys
django.setup()
from django.conf import settings
settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", int(sys.argv[2])
from requests_app.services.messages import message_send
message_send(message_id=int(sys.argv[1]))
"""


def test_links_work_while_the_mail_is_on_its_way_and_a_second_task_sends_nothing(port: int) -> None:
    message = confirmation()
    has_mail, go_on = threading.Event(), threading.Event()
    link_worked = []

    def slow(mail: Mail) -> str:
        try:
            confirmation_link_check(token=token_in(mail))
            link_worked.append(True)
        finally:
            connections.close_all()
        has_mail.set()
        go_on.wait(10)
        return "250 taken"

    with MailServer(port, slow) as server, ThreadPoolExecutor(1) as pool:
        first = pool.submit(in_thread, message.pk)
        assert has_mail.wait(10)
        with pytest.raises(StaleStateError, match="not due"):
            message_send(message_id=message.pk)
        go_on.set()
        assert first.result(10)

    assert link_worked == [True]
    assert len(server.mails) == 1
    assert state_of(message) == ("sent", 1, "")


def in_thread(message_id: int) -> bool:
    """Send in a worker's thread, with a database connection of its own; False when another worker was faster."""
    try:
        return message_send(message_id=message_id)
    except StaleStateError:
        return False
    finally:
        connections.close_all()


def test_every_mail_that_went_out_is_recorded_whatever_else_happens_to_the_request(port: int) -> None:
    """With the links made during the conversation, 57 of 60 mails went out and were rolled back."""
    request = submitted()
    more = [Message.objects.create(request=request, template="confirm_address") for _ in range(2)]
    ids = [request.messages.earliest("pk").pk, *(message.pk for message in more)]
    stop = threading.Event()

    def presses() -> None:
        while not stop.is_set():
            with transaction.atomic():
                ErasureRequest.objects.select_for_update().get(pk=request.pk)
        connections.close_all()

    with MailServer(port) as server, ThreadPoolExecutor(8) as pool:
        pressing = [pool.submit(presses) for _ in range(2)]
        results = list(pool.map(in_thread, ids * 3))
        stop.set()
        for press in pressing:
            press.result(10)

    assert results.count(True) == len(server.mails) == 3
    assert set(Message.objects.values_list("state", "attempts")) == {("sent", 1)}
    assert RecordEntry.objects.filter(kind=RecordKind.MESSAGE_SENT).count() == 3
    sent = {token_digest(token_in(mail, "status")) for mail in server.mails}
    assert sent == set(AccessLink.objects.filter(purpose="status").values_list("token_sha256", flat=True))


def test_a_worker_that_dies_leaves_a_message_that_is_sent_later(port: int) -> None:
    message, database = confirmation(), connection.get_connection_params()
    workers: list[subprocess.Popen[bytes]] = []

    def killed(_mail: Mail) -> str:
        workers[0].kill()
        workers[0].wait()
        return "451 never heard"

    url = f"postgresql://{database['user']}@/{database['dbname']}?host={database['host']}"
    environment = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "compliance.settings"}
    with MailServer(port, killed) as server:
        workers.append(
            subprocess.Popen([sys.executable, "-c", SEND_AND_BE_KILLED, str(message.pk), str(port)], env=environment)
        )
        assert workers[0].wait(60) < 0, "it was not killed: it ended"
        assert state_of(message) == ("waiting", 1, "")
        with pytest.raises(StaleStateError, match="not due"):
            message_send(message_id=message.pk)
        server.before_taking = lambda _mail: "250 taken"
        time_passes(message, SENDING_AT_MOST)
        assert message_send(message_id=message.pk)

    assert len(server.mails) == 1
    assert state_of(message) == ("sent", 2, "")
