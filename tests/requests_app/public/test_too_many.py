"""Whoever has used a form as often as their network may now reads when to try again, and keeps the draft."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format

from requests_app.models import ErasureRequest
from requests_app.services import limits
from requests_app.services.limits import CONFIRMATION, SUBMIT, use_count
from tests.web.pages import Page, Site

from .walk import ERASURE, send, walk

pytestmark = pytest.mark.django_db
HERE = ("unknown",)
"""WebTest gives no address."""


def used_up(limit: limits.Limit, about: str = "") -> None:
    for _ in range(limit.own):
        use_count(limit=limit, networks=HERE, about=about)


def test_the_page_says_when_to_try_again_and_the_draft_is_kept(site: Site) -> None:
    used_up(SUBMIT)
    page = site.submit(walk(site, ERASURE), action="/request/check/", status=429)

    assert page.h1 == "Please try again later"
    within_a_minute = {
        date_format(timezone.localtime() + timedelta(hours=1, minutes=late), "TIME_FORMAT") for late in (0, 1)
    }
    assert any(f"You can try again at {at}." in page.words for at in within_a_minute)
    assert not ErasureRequest.objects.exists()
    assert site.get(page.link("Try again")).h1 == "Check your answers"


def test_the_page_says_that_too_many_mails_went_to_the_address(site: Site) -> None:
    for number in range(CONFIRMATION.own):
        send(Site(), ERASURE | {"model-output": {"prompt": "", "output": f"Text {number}"}})
    page = site.submit(walk(site, ERASURE), action="/request/check/", status=429)

    assert "as many e-mails sent to this address as we send in an hour" in page.words
    assert ErasureRequest.objects.count() == CONFIRMATION.own


def test_every_page_of_answers_and_the_form_for_new_links_are_limited(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    none = limits.Limit("none", 0, 1, 0)
    monkeypatch.setattr("requests_app.public.views.ANSWER", none)
    monkeypatch.setattr("requests_app.services.intake.RESEND", none)
    form = {"reference": "LE-2222-2222", "email": "ada@example.org"}

    assert site.submit(site.get("/request/kind/"), {"kind": "erasure"}, status=429).h1 == "Please try again later"
    assert site.submit(site.get("/confirm/resend/"), form, status=429).h1 == "Please try again later"


def test_the_answer_says_in_seconds_when_to_come_again_and_in_german_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("requests_app.public.views.ANSWER", limits.Limit("none", 0, 1, 0))
    client = Client()
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "de"
    response = client.post("/request/kind/", {"kind": "erasure"})

    assert 0 < int(response["Retry-After"]) <= 3600
    assert Page(response.content, "/request/kind/", 429).h1 == "Bitte versuchen Sie es später noch einmal"
