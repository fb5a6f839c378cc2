"""The secret of a link is in no log, whatever happens to its request."""

from __future__ import annotations

import io
import logging
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from compliance.logs import RedactingFormatter, redact

pytestmark = pytest.mark.django_db
TOKEN = "Zk3-fq0qYISYIJnMsM3kXLd6ld8ZvA1Rt5kDj0Iy_jE"  # as `secrets.token_urlsafe(32)` makes them
ADDRESSES = [
    f"/status/{TOKEN}/",
    f"/status/{TOKEN}/withdraw/",
    f"/confirm/{TOKEN}/",
    f"/confirm/{TOKEN}",
    f"/confirm/{TOKEN[:20]}/",
    f"/status//{TOKEN[:20]}",
    f"/Status/{TOKEN[:20]}/",
    f"/{TOKEN}/",
    f"/sign-in/link/{TOKEN[:20]}/",
    f"/elsewhere/?next=/status/{TOKEN}/",
    f"/status%2F{TOKEN[:20]}/",
]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("method", ["get", "post", "put"])
def test_no_refused_request_writes_the_secret_of_a_link(address: str, method: str, caplog: pytest.LogCaptureFixture) -> None:
    client = Client(enforce_csrf_checks=True)
    getattr(client, method)(address)

    assert TOKEN[:20] not in caplog.text


def test_what_is_logged_still_says_which_page_it_was(caplog: pytest.LogCaptureFixture) -> None:
    Client().get(f"/status/{TOKEN}/withdraw/")
    assert "Not Found: /status/[secret]/withdraw/" in caplog.text


def test_a_request_that_crashes_writes_its_traceback_without_the_secret(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(token: str) -> None:
        message = f"cannot read /status/{token}/"
        raise RuntimeError(message)

    monkeypatch.setattr("requests_app.public.links.request_status", crash)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(RedactingFormatter("{message}", style="{"))
    logging.getLogger("django.request").addHandler(handler)
    try:
        Client(raise_request_exception=False).get(f"/status/{TOKEN}/")
    finally:
        logging.getLogger("django.request").removeHandler(handler)

    assert "RuntimeError: cannot read /status/[secret]/" in stream.getvalue()
    assert TOKEN not in stream.getvalue()
    assert TOKEN not in "".join(record.getMessage() for record in caplog.records)


def test_every_handler_that_we_configure_redacts_tracebacks() -> None:
    logging_settings: dict[str, Any] = settings.LOGGING
    names = {handler["formatter"] for handler in logging_settings["handlers"].values()}
    assert {logging_settings["formatters"][name]["()"] for name in names} == {"compliance.logs.RedactingFormatter"}


@pytest.mark.parametrize("text", ["/confirm/resend/", "/cases/LE-7KQ4-M2XD/", "a" * 64, "exit status 3", "/status/"])
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text
