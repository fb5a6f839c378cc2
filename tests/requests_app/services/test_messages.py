"""Mail against a real server: down and up again, slow, refusing, asked again by an officer."""

from __future__ import annotations

import threading
from datetime import timedelta
from email.message import Message as Mail

import pytest
from django.conf import settings as configured
from django.core.mail import BadHeaderError
from django.utils import timezone
from pytest_django import Settings

from compliance.accounts.errors import NotAllowedError
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.models import RecordEntry
from requests_app.models import ErasureRequest, Message
from requests_app.services.intake import LinkExpired, confirmation_link_check, confirmation_resend, email_confirm
from requests_app.services.messages import (
    BACKOFF,
    MAX_ATTEMPTS,
    SENDING_AT_MOST,
    message_resend,
    message_send,
)
from requests_app.services.reconcile import requests_reconcile
from requests_app.states import RequestState
from tests.factories import account
from tests.mail_server import MailServer
from tests.queues import Queues

from .mails import confirmation, state_of, time_passes, token_in
from .test_intake import submitted

pytestmark = pytest.mark.django_db


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


def test_a_server_that_refuses_is_asked_again(port: int) -> None:
    message = confirmation()
    with MailServer(port, lambda _mail: "451 come back later") as server:
        assert not message_send(message_id=message.pk)
        time_passes(message, BACKOFF[0])
        server.before_taking = lambda _mail: "250 taken"
        assert message_send(message_id=message.pk)

    assert len(server.mails) == 1


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


def test_an_error_of_our_own_is_raised_and_the_message_waits(settings: Settings) -> None:
    settings.DEFAULT_FROM_EMAIL = "privacy@example.org\nBcc: everybody@example.org"
    message = confirmation()

    with pytest.raises(BadHeaderError):
        message_send(message_id=message.pk)
    assert state_of(message) == ("waiting", 1, "BadHeaderError")


def test_a_message_whose_last_worker_died_is_given_up(port: int) -> None:
    assert port
    message = confirmation()
    Message.objects.filter(pk=message.pk).update(attempts=MAX_ATTEMPTS)

    assert not message_send(message_id=message.pk)
    assert state_of(message) == ("failed", MAX_ATTEMPTS, "WorkerLost")


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


def test_only_an_officer_sends_again(port: int) -> None:
    assert port
    message = confirmation()
    assert not message_send(message_id=message.pk)

    with pytest.raises(NotAllowedError):
        message_resend(message=message, by=account("auditor"))


@pytest.mark.parametrize("state", ["new", "sending", "sent", "confirmed"])
def test_what_needs_no_second_mail_is_not_sent_again(state: str) -> None:
    message, omar = confirmation(), account("officer")
    if state == "sent":
        assert message_send(message_id=message.pk)
    if state == "sending":
        Message.objects.filter(pk=message.pk).update(attempts=2, next_attempt_at=timezone.now() + SENDING_AT_MOST)
    if state == "confirmed":
        ErasureRequest.objects.update(state=RequestState.MAPPING, confirmed_at=timezone.now())
        Message.objects.filter(pk=message.pk).update(state="failed", error="TimeoutError")

    with pytest.raises(StaleStateError):
        message_resend(message=message, by=omar)
