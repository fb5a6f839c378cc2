"""How far a search is: in words on the page of a request, asked for again and again until it has ended."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from requests_app.models import SearchOrder
from requests_app.search_runner import request_map
from requests_app.services.intake import email_confirm
from requests_app.services.reconcile import requests_reconcile
from requests_app.services.search_orders import search_fail, search_report, searches_claim
from tests.personas import Staff, client_of
from tests.queues import Queues
from tests.staging import Stage, corpus, trained
from tests.web.pages import Site, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage(staff: Staff, artefacts: Path, queues: Queues) -> Stage:  # noqa: ARG001  # the corpus is written there
    stage = Stage.opened(staff, trained(corpus()))
    stage.request = email_confirm(token=stage.token("confirm", "confirm-progress"))
    return stage


@pytest.fixture
def case(stage: Stage) -> str:
    return f"/cases/{stage.request.reference}/"


def lease_ends() -> None:
    """The worker has died, and the reconciler has noticed."""
    SearchOrder.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    requests_reconcile()


def said(omar: Site, case: str) -> tuple[str, ...]:
    """The stage and the numbers on the page."""
    live = omar.get(case).one("section", id="search-live")
    return tuple(text_of(one) for one in live.iter("p") if one.get("class") in {"stage", "numbers"})


def test_a_search_that_waits_says_so_and_the_page_asks_again(stage: Stage, omar: Site, case: str) -> None:
    page = omar.get(case)
    live = page.one("section", id="search-live")
    assert stage.request.search_orders.count() == 1
    assert "The search waits for a worker." in page.words
    assert live.get("hx-get") == f"{case}search/progress/"
    assert live.get("hx-trigger") == "every 3s"


def test_a_search_under_way_says_how_many_examples_and_snapshots_were_read(stage: Stage, omar: Site, case: str) -> None:
    [order] = searches_claim(request_id=stage.request.pk, worker="one")
    search_report(order=order, total=2_800, done=700, snapshots=3, snapshots_done=1)
    stage_words, numbers = said(omar, case)
    assert stage_words == "The training data is being searched."
    assert numbers.startswith("700 of 2,800 examples read · 1 of 3 snapshots done · running for ")
    [bar] = omar.get(case).one("section", id="search-live").iter("progress")
    assert (bar.get("max"), bar.get("value")) == ("100", "25")

    search_report(order=order, done=2_800, snapshots_done=3)
    assert said(omar, case)[0] == "The matches are being grouped."


def test_a_search_that_is_begun_again_says_which_run_it_is(stage: Stage, omar: Site, case: str) -> None:
    searches_claim(request_id=stage.request.pk, worker="one")
    lease_ends()
    assert said(omar, case)[0] == "The search waits to be begun again."
    searches_claim(request_id=stage.request.pk, worker="two")
    assert said(omar, case)[1].endswith("run 2 of at most 3")


def test_the_answer_to_a_poll_is_the_progress_alone_and_at_the_end_the_page_is_loaded_once_more(
    stage: Stage, case: str
) -> None:
    [order] = searches_claim(request_id=stage.request.pk, worker="one")
    search_report(order=order, total=28, done=7, snapshots=1)
    client = client_of(stage.staff.omar)
    polled = client.get(f"{case}search/progress/")
    assert "7 of 28 examples read" in polled.content.decode()
    assert "<html" not in polled.content.decode()
    assert "HX-Refresh" not in polled.headers
    assert "no-store" in polled.headers["Cache-Control"]

    lease_ends()
    request_map(request_id=stage.request.pk)
    assert client.get(f"{case}search/progress/").headers["HX-Refresh"] == "true"


def test_a_search_that_failed_says_why_and_asks_no_more(stage: Stage, omar: Site, case: str) -> None:
    [order] = searches_claim(request_id=stage.request.pk, worker="one")
    search_fail(order=order, error="runs_used_up")
    page = omar.get(case)
    assert "The search failed" in page.words
    assert page.all("section", id="search-live") == []
