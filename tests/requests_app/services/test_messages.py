"""Mail against a real server: down and up again, slow, refusing; two workers at once, and one that dies."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.message import Message as Mail

import pytest
from django.conf import settings as configured
from django.db import connection, connections, transaction
from django.utils import timezone
from pytest_django import Settings

from compliance.accounts.errors import NotAllowedError
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.models import RecordEntry
from requests_app.models import AccessLink, ErasureRequest, Message
from requests_app.services.intake import LinkExpired, confirmation_link_check, confirmation_resend, email_confirm
from requests_app.services.messages import (
    BACKOFF,
    MAX_ATTEMPTS,
    SENDING_AT_MOST,
    message_resend,
    message_send,
    token_digest,
)
from requests_app.services.reconcile import requests_reconcile
from requests_app.states import RequestState
from tests.factories import account
from tests.mail_server import MailServer, free_port, text_of
from tests.queues import Queues

from .test_intake import submitted

committed = pytest.mark.usefixtures("committed_database", "queues")
in_transaction = pytest.mark.django_db

SEND_AND_BE_KILLED = """
import django, sys
django.setup()
from django.conf import settings
settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", int(sys.argv[2])
from requests_app.services.messages import message_send
message_send(message_id=int(sys.argv[1]))
"""


@pytest.fixture
def port(settings: Settings) -> int:
    """Where the mail server would be."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    return int(settings.EMAIL_PORT)


def confirmation() -> Message:
    """The confirmation e-mail of a new request, waiting."""
    return submitted().messages.get()


def state_of(message: Message) -> tuple[str, int, str]:
    message.refresh_from_db()
    return message.state, message.attempts, message.error


def time_passes(message: Message, by: timedelta) -> None:
    """Move what lies ahead of the message so much nearer."""
    message.refresh_from_db()
    assert message.next_attempt_at is not None
    Message.objects.filter(pk=message.pk).update(next_attempt_at=message.next_attempt_at - by, ring_at=message.ring_at - by)


def token_in(mail: Mail, kind: str = "confirm") -> str:
    match = re.search(rf"/{kind}/([\w-]+)/", text_of(mail))
    assert match
    return match[1]


@in_transaction
def test_mail_arrives_once_the_server_is_back(port: int, queues: Queues) -> None:
    message = confirmation()
    assert not message_send(message_id=message.pk)
    assert state_of(message) == ("waiting", 1, "ConnectionRefusedError")
    requests_reconcile()
    assert len(queues) == 0, "its next attempt is not due"
    with pytest.raises(StaleStateError, match="not due"):
        message_send(message_id=message.pk)

    time_passes(message, BACKOFF[0])
    requests_reconcile()
    assert len(queues) == 1
    with MailServer(port) as server:
        assert message_send(message_id=message.pk)
    assert state_of(message) == ("sent", 2, "")
    assert email_confirm(token=token_in(server.mails[0])).state == RequestState.MAPPING


@in_transaction
def test_attempts_go_on_for_days_and_then_end(port: int) -> None:
    assert port
    message = confirmation()
    waits = []
    for _attempt in range(MAX_ATTEMPTS):
        before = timezone.now()
        assert not message_send(message_id=message.pk)
        message.refresh_from_db()
        if message.next_attempt_at:
            waits.append(message.next_attempt_at - before)
            time_passes(message, message.next_attempt_at - before)

    assert waits == sorted(waits)
    assert timedelta(days=3) < sum(waits, timedelta()) < timedelta(days=5)
    assert state_of(message) == ("failed", MAX_ATTEMPTS, "ConnectionRefusedError")
    assert RecordEntry.objects.filter(kind=RecordKind.MESSAGE_FAILED).count() == 1


@in_transaction
def test_a_server_that_refuses_is_asked_again(port: int) -> None:
    message = confirmation()
    with MailServer(port, lambda _mail: "451 come back later") as server:
        assert not message_send(message_id=message.pk)
        time_passes(message, BACKOFF[0])
        server.before_taking = lambda _mail: "250 taken"
        assert message_send(message_id=message.pk)

    assert len(server.mails) == 1


@in_transaction
def test_a_silent_server_does_not_hold_the_worker(port: int, settings: Settings) -> None:
    settings.EMAIL_TIMEOUT = 0.2
    message, answer = confirmation(), threading.Event()

    def silent(_mail: Mail) -> str:
        answer.wait(5)
        return "451 too late"

    with MailServer(port, silent):
        assert not message_send(message_id=message.pk)
        answer.set()
    assert state_of(message) == ("waiting", 1, "SMTPServerDisconnected")


def test_the_mail_server_has_a_time_limit() -> None:
    assert 0 < configured.EMAIL_TIMEOUT <= 60


@in_transaction
def test_an_error_of_our_own_is_raised_and_the_message_waits() -> None:
    message = confirmation()
    Message.objects.filter(pk=message.pk).update(template="there_is_no_such_template")

    with pytest.raises(Exception, match="there_is_no_such_template"):
        message_send(message_id=message.pk)
    assert state_of(message) == ("waiting", 1, "TemplateDoesNotExist")


@committed
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


@committed
def test_every_mail_that_went_out_is_recorded_whatever_else_happens_to_the_request(port: int) -> None:
    """With the links made during the conversation, 57 of 60 mails went out and were rolled back."""
    request = submitted()
    more = [Message.objects.create(request=request, template="request_received") for _ in range(2)]
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


@committed
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


@in_transaction
def test_a_message_whose_last_worker_died_is_given_up(port: int) -> None:
    assert port
    message = confirmation()
    Message.objects.filter(pk=message.pk).update(attempts=MAX_ATTEMPTS)

    assert not message_send(message_id=message.pk)
    assert state_of(message) == ("failed", MAX_ATTEMPTS, "WorkerLost")


@in_transaction
def test_both_mails_work_when_the_server_took_one_and_nobody_heard_it(port: int, settings: Settings) -> None:
    settings.EMAIL_TIMEOUT = 0.2
    message, arrived, answer = confirmation(), [], threading.Event()

    def taken_unheard(mail: Mail) -> str:
        arrived.append(mail)
        answer.wait(5)
        return "250 taken"

    with MailServer(port, taken_unheard):
        assert not message_send(message_id=message.pk)
        answer.set()
        time_passes(message, BACKOFF[0])
        assert message_send(message_id=message.pk)

    first, second = arrived  # the second one at once: the answer is set
    assert first["Message-ID"] == second["Message-ID"]
    confirmation_link_check(token=token_in(first))
    confirmation_link_check(token=token_in(second))


@in_transaction
def test_an_older_link_works_until_a_newer_one_has_been_sent(port: int) -> None:
    request = submitted()
    with MailServer(port) as server:
        assert message_send(message_id=request.messages.get().pk)
    confirmation_resend(reference=request.reference, email="ada@example.org")
    newer = request.messages.latest("pk")
    assert not message_send(message_id=newer.pk)
    confirmation_link_check(token=token_in(server.mails[0]))

    time_passes(newer, BACKOFF[0])
    with MailServer(port):
        assert message_send(message_id=newer.pk)
    with pytest.raises(LinkExpired):
        confirmation_link_check(token=token_in(server.mails[0]))


@in_transaction
def test_an_officer_sends_a_failed_message_again(port: int) -> None:
    message, omar = confirmation(), account("officer")
    assert not message_send(message_id=message.pk)
    message_resend(message=message, by=omar)

    assert state_of(message) == ("waiting", 0, "")
    queued = RecordEntry.objects.filter(kind=RecordKind.MESSAGE_QUEUED).latest("pk")
    assert omar.opaque.encode() in bytes(queued.body)
    with MailServer(port) as server:
        assert message_send(message_id=message.pk)
    assert len(server.mails) == 1


@in_transaction
def test_only_an_officer_sends_again(port: int) -> None:
    assert port
    message = confirmation()
    assert not message_send(message_id=message.pk)

    with pytest.raises(NotAllowedError):
        message_resend(message=message, by=account("auditor"))


@in_transaction
@pytest.mark.parametrize("state", ["new", "sending", "sent", "confirmed"])
def test_what_needs_no_second_mail_is_not_sent_again(state: str) -> None:
    message, omar = confirmation(), account("officer")
    if state in {"sent", "confirmed"}:
        assert message_send(message_id=message.pk)
    if state == "sending":
        Message.objects.filter(pk=message.pk).update(attempts=2, next_attempt_at=timezone.now() + SENDING_AT_MOST)
    if state == "confirmed":
        ErasureRequest.objects.update(state=RequestState.MAPPING, confirmed_at=timezone.now())
        Message.objects.filter(pk=message.pk).update(state="failed", error="TimeoutError")

    with pytest.raises(StaleStateError):
        message_resend(message=message, by=omar)
