"""Links from e-mails: followed by their owners, by mail scanners, twice, late, and by strangers."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from requests_app.models import AccessLink, ErasureRequest, Message
from requests_app.public.wording import OUTCOMES, STAGE_TITLES, STATES
from requests_app.search_runner import request_map
from requests_app.services.messages import message_send
from requests_app.states import RequestOutcome, RequestState
from tests.web.pages import Site, text_of

from .walk import ERASURE, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def request_(site: Site) -> ErasureRequest:
    send(site, ERASURE)
    return ErasureRequest.objects.get()


def mailed(kind: str) -> str:
    """Sends what waits, and returns the newest link of this kind, as an address on the site."""
    for message in Message.objects.filter(state=Message.State.WAITING).order_by("pk"):
        assert message_send(message_id=message.pk)
    links = re.findall(rf"https?://\S+?(/{kind}/\S+/)", "\n".join(str(sent.body) for sent in mail.outbox))
    return str(links[-1])


def test_opening_the_link_confirms_nothing(site: Site, request_: ErasureRequest) -> None:
    page = site.get(mailed("confirm"))
    request_.refresh_from_db()
    assert page.h1 == "Confirm your e-mail address"
    assert request_.state == RequestState.AWAITING_CONFIRMATION


def test_pressing_the_button_confirms(site: Site, request_: ErasureRequest) -> None:
    page = site.submit(site.get(mailed("confirm")))
    request_.refresh_from_db()
    assert request_.state == RequestState.MAPPING
    assert request_.reference in page.words


def test_link_works_in_another_browser(request_: ErasureRequest) -> None:
    other = Site()
    assert request_.reference in other.submit(other.get(mailed("confirm"))).words


@pytest.mark.usefixtures("request_")
def test_link_used_twice_says_that_all_is_done(site: Site) -> None:
    page = site.get(mailed("confirm"))
    site.submit(page)
    assert site.submit(page, status=410).h1 == "This link has already been used"
    assert site.get(page.path, status=410).h1 == "This link has already been used"


def test_late_link_offers_a_new_one(site: Site, request_: ErasureRequest) -> None:
    address = mailed("confirm")
    AccessLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    page = site.get(address, status=410)
    assert page.h1 == "This link has expired"
    page = site.submit(page, {"reference": request_.reference, "email": "ADA@example.org"})
    assert page.h1 == "Check your e-mail"
    assert site.get(mailed("confirm")).h1 == "Confirm your e-mail address"


@pytest.mark.parametrize("token", ["abc", "x" * 3_000, "%00", "..%2f..%2f", "%E2%80%AE", "'%20or%201=1--", "%F0%9F%92%A9"])
@pytest.mark.parametrize("kind", ["confirm", "status"])
def test_link_of_nobody_gives_a_page_that_helps(site: Site, kind: str, token: str) -> None:
    page = site.get(f"/{kind}/{token}/", status=404)
    assert page.h1 in {"We do not recognise this link", "We cannot find a request for this link", "Page not found"}


def test_answer_to_a_resend_is_the_same_for_strangers(site: Site, request_: ErasureRequest) -> None:
    form = site.get("/confirm/resend/")
    hit = site.submit(form, {"reference": request_.reference, "email": "ada@example.org"})
    miss = site.submit(form, {"reference": request_.reference, "email": "mallory@example.org"})
    assert hit.words == miss.words


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"reference": "LE-1111-1111", "email": "ada@example.org"}, "reference"),
        ({"reference": "", "email": "ada@example.org"}, "reference"),
        ({"reference": "LE-2222-2222", "email": "ada"}, "email"),
    ],
)
def test_mistyped_resend_is_explained(site: Site, values: dict[str, str], field: str) -> None:
    page = site.submit(site.get("/confirm/resend/"), values, status=422)
    assert page.field_error(field)


def test_status_page_shows_steps_deadline_and_where_to_complain(site: Site, request_: ErasureRequest) -> None:
    page = site.get(mailed("status"))
    assert page.h1 == f"Request {request_.reference}"
    assert len(page.all("li", page.one("ol", class_="steps"))) == len(STAGE_TITLES)
    assert len(page.all("li", aria_current="step")) == 1
    assert "supervisory authority" in page.words
    assert "judicial remedy" in page.words


def test_status_page_says_what_was_searched_and_what_could_not_be(site: Site, request_: ErasureRequest) -> None:
    address = mailed("status")
    assert "The search" not in site.get(address).words
    site.submit(site.get(mailed("confirm")))
    request_map(request_id=request_.pk)
    words = site.get(address).words
    assert "Nothing could be searched." in words
    assert "No model was in use, so there was no training data to search." in words


@pytest.mark.usefixtures("request_")
def test_status_page_repeats_nothing_that_was_typed(site: Site) -> None:
    html = site.get(mailed("status")).html
    assert not any(typed in html for typed in ("Ada", "Beispiel", "Bonn", "ada@example.org"))


@pytest.mark.usefixtures("request_")
def test_status_link_does_not_confirm_and_the_other_way_round(site: Site) -> None:
    token = mailed("status").split("/")[2]
    site.get(f"/confirm/{token}/", status=404)


def test_withdrawing_asks_first_and_then_closes(site: Site, request_: ErasureRequest) -> None:
    status = site.get(mailed("status"))
    ask = site.get(status.link("Withdraw this request"))
    request_.refresh_from_db()
    assert request_.state == RequestState.AWAITING_CONFIRMATION
    page = site.submit(ask)
    request_.refresh_from_db()
    assert request_.outcome == RequestOutcome.WITHDRAWN
    assert "Your request has been withdrawn." in page.words
    assert not [link for link in page.all("a") if "Withdraw" in text_of(link)]


@pytest.mark.usefixtures("request_")
def test_withdrawing_twice_is_explained(site: Site) -> None:
    ask = site.get(site.get(mailed("status")).link("Withdraw this request"))
    site.submit(ask)
    assert "can no longer be withdrawn" in site.submit(ask).words
    assert "can no longer be withdrawn" in site.get(ask.path).words


def test_every_state_and_outcome_has_words() -> None:
    assert set(STATES) == {*RequestState.values, "search_failed"}
    # No request ends as not concerned: examples leave its items, and it goes on.
    assert set(OUTCOMES) == set(RequestOutcome.values) - {"not_concerned"}
