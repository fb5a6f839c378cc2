"""A request is called unconfirmed only if its claimant was sent a link, and had the time to use it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.db.models import F
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime

from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.services import record_append
from requests_app.casework.todo import todo_list
from requests_app.models import AccessLink, ErasureRequest, Message
from requests_app.selectors import requests_listed
from requests_app.services.intake import LinkExpired, confirmation_link_check, confirmation_resend, email_confirm
from requests_app.services.messages import CONFIRM_LIFETIME, message_send
from requests_app.services.reconcile import requests_reconcile
from requests_app.services.unconfirmed import UNCONFIRMED_AFTER, request_expire
from requests_app.states import RequestOutcome, RequestState
from tests.queues import Queues
from tests.staging import unguarded

from .test_intake import sent_link, submitted

pytestmark = [pytest.mark.django_db]


@pytest.fixture(autouse=True)
def with_queues(queues: Queues) -> None:
    """The reconciler rings for what waits."""


def days_pass(request: ErasureRequest, days: float) -> ErasureRequest:
    """Move everything about the request back, then let the reconciler look."""
    by = timedelta(days=days)
    ErasureRequest.objects.filter(pk=request.pk).update(received_at=request.received_at - by)
    for message in Message.objects.filter(request=request, sent_at__isnull=False):
        with unguarded("requests_app_message", "message_sent_is_fixed"):
            Message.objects.filter(pk=message.pk).update(sent_at=message.sent_at - by if message.sent_at else None)
    for link in AccessLink.objects.filter(request=request):
        AccessLink.objects.filter(pk=link.pk).update(expires_at=link.expires_at - by)
    requests_reconcile()
    request.refresh_from_db()
    return request


def give_up(request: ErasureRequest) -> None:
    request.messages.update(state="failed", error="ConnectionRefusedError", attempts=9, next_attempt_at=None)


def test_what_nobody_confirmed_for_three_weeks_is_closed() -> None:
    request = submitted()
    sent_link("confirm_address", "confirm")

    assert days_pass(request, 20.9).state == RequestState.AWAITING_CONFIRMATION
    assert days_pass(request, 0.2).outcome == RequestOutcome.UNCONFIRMED


def test_the_weeks_count_from_the_mail_and_not_from_the_request() -> None:
    request = submitted()
    days_pass(request, 20.9)
    token = sent_link("confirm_address", "confirm")

    assert days_pass(request, 2.9).state == RequestState.AWAITING_CONFIRMATION
    assert email_confirm(token=token).state == RequestState.MAPPING


def test_a_newer_link_gives_its_whole_time() -> None:
    request = submitted()
    sent_link("confirm_address", "confirm")
    days_pass(request, 20.9)
    confirmation_resend(reference=request.reference, email="ada@example.org")
    assert days_pass(request, 1).state == RequestState.AWAITING_CONFIRMATION, "the new link has not been sent yet"
    sent_link("confirm_address", "confirm")

    assert days_pass(request, 20).state == RequestState.AWAITING_CONFIRMATION
    assert days_pass(request, 2).state == RequestState.CLOSED


def test_a_request_whose_mail_was_never_sent_is_shown_to_officers_for_three_weeks_and_then_closed() -> None:
    request = submitted()
    give_up(request)
    queued_before(request, 20.9)
    requests_reconcile()
    request.refresh_from_db()

    assert request.state == RequestState.AWAITING_CONFIRMATION
    assert requests_listed().get(pk=request.pk).unreachable  # type: ignore[attr-defined]  # annotated by the selector
    assert "No e-mail with a link has reached the claimant" in todo_list(request, [])[0]["hint"]
    queued_before(request, 0.2)
    assert days_pass(request, 0.2).outcome == RequestOutcome.UNCONFIRMED


def test_the_weeks_count_from_the_last_mail_that_was_given_up() -> None:
    request = submitted()
    give_up(request)
    queued_before(request, 300)
    message = request.messages.get()
    data = {"message": message.pk, "template": message.template}
    record_append(subject=request.subject, kind=RecordKind.MESSAGE_FAILED, actor="system", data=data)

    assert days_pass(request, 1).state == RequestState.AWAITING_CONFIRMATION


def queued_before(request: ErasureRequest, days: float) -> None:
    with unguarded("requests_app_message", "message_is_fixed"):
        request.messages.update(created_at=F("created_at") - timedelta(days=days))


def test_a_request_whose_mail_waits_or_was_sent_is_not_called_unreachable() -> None:
    request = submitted()
    assert not requests_listed().get(pk=request.pk).unreachable  # type: ignore[attr-defined]  # annotated by the selector
    sent_link("confirm_address", "confirm")
    confirmation_resend(reference=request.reference, email="ada@example.org")
    request.messages.filter(state="waiting").update(state="failed", next_attempt_at=None)
    assert not requests_listed().get(pk=request.pk).unreachable  # type: ignore[attr-defined]  # annotated by the selector


def test_nothing_is_closed_while_a_link_would_work() -> None:
    """The server took a mail, and nobody heard it: the mail counts as failed, and its link works."""
    request = submitted()
    sent_link("confirm_address", "confirm")
    AccessLink.objects.create(
        request=request, purpose="confirm", token_sha256="0" * 64, expires_at=timezone.now() + timedelta(days=22.5)
    )
    assert days_pass(request, 21.5).state != RequestState.CLOSED
    with pytest.raises(StaleStateError):
        request_expire(request=request)

    assert UNCONFIRMED_AFTER > CONFIRM_LIFETIME
    assert days_pass(request, 1.1).state == RequestState.CLOSED


def test_the_mail_says_until_when_its_link_works() -> None:
    request = submitted()
    token = sent_link("confirm_address", "confirm")
    link = AccessLink.objects.get(request=request, purpose="confirm")

    assert f"until {date_format(localtime(link.expires_at), 'DATETIME_FORMAT')}" in mail.outbox[-1].body
    days_pass(request, CONFIRM_LIFETIME.days - 0.001)
    confirmation_link_check(token=token)
    days_pass(request, 0.002)
    with pytest.raises(LinkExpired):
        confirmation_link_check(token=token)


def test_a_confirmed_request_is_never_called_unconfirmed() -> None:
    request = submitted()
    message = request.messages.get()
    assert message_send(message_id=message.pk)
    days_pass(request, 22)
    request = submitted("k2")
    email_confirm(token=sent_link("confirm_address", "confirm"))

    with pytest.raises(StaleStateError):
        request_expire(request=request)
