"""What claimants read about our e-mails is what became of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from requests_app.mail_wording import last_mail
from requests_app.models import ErasureRequest, Message
from requests_app.services.intake import email_confirm
from requests_app.services.messages import message_send
from tests.endings import refused
from tests.personas import Staff
from tests.staging import Stage, corpus, trained
from tests.web.pages import Site

from .public.walk import ERASURE, send
from .services.test_intake import sent_link, submitted

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
FAILED = {"state": "failed", "error": "ConnectionRefusedError", "attempts": 9, "next_attempt_at": None}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "We are about to send our e-mail “Please confirm your e-mail address” to the address that you gave."),
        ({"attempts": 1}, "We are about to send our e-mail"),
        (
            {"attempts": 2, "error": "TimeoutError", "next_attempt_at": AT},
            "yet. Our next attempt is on 10 March 2026, 13:30.",
        ),
        (
            {"state": "sent", "next_attempt_at": None, "sent_at": AT},
            "to the address that you gave, on 10 March 2026, 13:30.",
        ),
        (FAILED, "We could not send our e-mail “Please confirm your e-mail address” to the address that you gave,"),
        ({"state": "lapsed", "next_attempt_at": None}, "We did not send our e-mail"),
    ],
)
def test_the_sentence_follows_from_the_row(values: dict[str, Any], sentence: str) -> None:
    request = submitted()
    request.messages.update(**values)
    words = last_mail(request)
    assert words is not None
    assert sentence in words.sentence
    assert words.sentence.startswith("We sent") == (words.state == "sent")


def test_a_mail_that_has_lost_its_reason_is_not_announced() -> None:
    request = submitted()
    Message.objects.create(request=request, template="outcome_refused")
    words = last_mail(request)
    assert words is not None
    assert words.state == "lapsed"


@pytest.mark.usefixtures("artefacts")
def test_the_status_page_of_a_refused_request_says_that_its_letter_could_not_be_sent(staff: Staff) -> None:
    stage = Stage.opened(staff, trained(corpus())).searched()
    refused(stage)
    Message.objects.filter(template="outcome_refused").update(**FAILED)

    words = Site().get(f"/status/{stage.token('status', 's2')}/").words
    assert "We have refused your request." in words
    assert "We could not send our e-mail “Outcome: refused”" in words
    assert "sent you" not in words


def test_the_page_after_confirming_calls_no_mail_sent_that_waits() -> None:
    submitted()
    token = sent_link("confirm_address", "confirm")
    site = Site()
    page = site.submit(site.get(f"/confirm/{token}/"))
    assert "We are about to send our e-mail “Request received”" in page.words

    message = Message.objects.get(template="request_received")
    assert message_send(message_id=message.pk)
    assert "We sent our e-mail “Request received”" in site.get(f"/confirm/{token}/", status=410).words


@pytest.mark.parametrize(
    ("values", "sentence", "next_step"),
    [
        ({}, "We are about to send our e-mail", "Open the link in it; a link works for 3 days."),
        (FAILED, "We could not send our e-mail", "If the address was wrong, make a new request."),
    ],
)
def test_the_page_after_sending_says_what_became_of_the_link(values: dict[str, Any], sentence: str, next_step: str) -> None:
    site = Site()
    send(site, ERASURE)
    Message.objects.update(**values)
    words = site.get("/request/sent/").words
    assert sentence in words
    assert next_step in words


def test_the_page_after_sending_survives_the_request() -> None:
    site = Site()
    send(site, ERASURE)
    ErasureRequest.objects.update(confirmed_at=timezone.now() - timedelta(days=1))
    request = ErasureRequest.objects.get()
    assert message_send(message_id=request.messages.get().pk)
    assert "We sent our e-mail" in site.get("/request/sent/").words


def test_nothing_is_said_about_mails_of_a_request_that_has_none() -> None:
    request = submitted()
    assert last_mail(request, "outcome_refused") is None
    email_confirm(token=sent_link("confirm_address", "confirm"))
    assert last_mail(request, "request_received") is not None
