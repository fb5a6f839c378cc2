"""The review in a real browser: keys press the buttons, and every page of it is accessible, on a desktop and on a phone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.db import connections
from django.test.testcases import LiveServerThread
from playwright.sync_api import Page, sync_playwright

from requests_app.search_runner import request_map
from requests_app.services.matches import matches_decide
from requests_app.services.search_orders import request_search_again
from tests.end_to_end.conftest import BROWSERS, QUIET
from tests.personas import Staff, client_of
from tests.staging import Stage

from .letters import letters

pytestmark = [pytest.mark.usefixtures("committed_database", "queues")]
PHONE = {"width": 375, "height": 700}
DESKTOP = {"width": 1280, "height": 900}


@pytest.fixture
def reviewed(committed_database: None, artefacts: Path) -> Stage:  # noqa: ARG001  # in this order
    return letters(Staff.hired(), artefacts)


@pytest.fixture
def server(reviewed: Stage) -> Iterator[str]:  # noqa: ARG001  # in this order
    thread = LiveServerThread("127.0.0.1", StaticFilesHandler)
    thread.daemon = True
    thread.start()
    thread.is_ready.wait()
    assert thread.error is None, thread.error
    yield f"http://127.0.0.1:{thread.port}"
    thread.terminate()


def browse(stage: Stage, server: str, act: Callable[[Page, str], None], viewport: dict[str, int]) -> None:
    """Open a browser as Omar; meanwhile Django refuses this thread the database."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("browser tests must run in CI, and there is no Chromium")
        pytest.skip("no Chromium on this machine (Debian: apt install chromium)")
    session = client_of(stage.staff.omar).cookies["sessionid"].value
    connections.close_all()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=QUIET)
        context = chromium.new_context(viewport=viewport)  # type: ignore[arg-type]  # width and height
        context.add_cookies([{"name": "sessionid", "value": session, "url": server}])
        act(context.new_page(), f"{server}/cases/{stage.request.reference}/")
        chromium.close()


def accessible(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, f"{page.url}: {found.generate_report()}"
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0, f"{page.url} scrolls sideways"


def letters_are_letters_without_focus(page: Page) -> None:
    """A key that decides does nothing while no card has the focus."""
    page.evaluate(
        "document.addEventListener('submit', (event) => { event.preventDefault(); document.title = 'sent' });"
        "document.activeElement.blur()"
    )
    for key in "aru":
        page.keyboard.press(key)
    assert page.title() != "sent"


def test_keys_accept_reject_move_and_take_back(reviewed: Stage, server: str) -> None:
    def act(page: Page, case: str) -> None:
        page.goto(f"{case}matches/")
        page.locator("[data-match]").first.focus()
        page.keyboard.press("j")
        page.keyboard.press("k")
        with page.expect_navigation():
            page.keyboard.press("a")
        assert page.evaluate("document.activeElement === document.querySelectorAll('[data-match]')[1]")
        with page.expect_navigation():
            page.keyboard.press("r")
        with page.expect_navigation():
            page.locator("[data-match]").first.focus()
            page.keyboard.press("u")
        letters_are_letters_without_focus(page)

    browse(reviewed, server, act, DESKTOP)
    assert sorted(set(reviewed.request.matches.values_list("decision", flat=True))) == ["accepted", "open"]
    assert reviewed.request.matches.filter(decision="accepted").count() == 3


def test_what_was_taken_back_has_the_focus_and_the_next_key_decides_it(reviewed: Stage, server: str) -> None:
    def act(page: Page, case: str) -> None:
        page.goto(f"{case}matches/")
        page.locator("[data-match]").nth(2).focus()
        for key in "aur":
            with page.expect_navigation():
                page.keyboard.press(key)

    browse(reviewed, server, act, DESKTOP)
    assert sorted(set(reviewed.request.matches.values_list("decision", flat=True))) == ["open", "rejected"]
    assert reviewed.request.matches.filter(decision="rejected").count() == 3


def test_a_key_works_after_a_decision_that_took_the_match_off_the_page(reviewed: Stage, server: str) -> None:
    def act(page: Page, case: str) -> None:
        page.goto(f"{case}matches/?decision=open")
        page.locator("[data-match]").last.focus()
        for key in "ra":
            with page.expect_navigation():
                page.keyboard.press(key)

    browse(reviewed, server, act, DESKTOP)
    assert reviewed.request.matches.exclude(decision="open").count() == 4


def test_on_a_phone_the_first_match_begins_within_two_screens(reviewed: Stage, server: str) -> None:
    def act(page: Page, case: str) -> None:
        page.goto(f"{case}matches/")
        assert page.locator("details.search-fold[open]").count() == 0
        assert page.locator("[data-match]").first.bounding_box()["y"] < 2 * PHONE["height"]  # type: ignore[index]  # it is shown

    browse(reviewed, server, act, PHONE)


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE])
def test_every_page_of_the_review_is_accessible(reviewed: Stage, server: str, viewport: dict[str, int]) -> None:
    first = reviewed.request.matches.earliest("pk")
    reviewed.request.matches.filter(pk=first.pk).update(methods=["meaning"], because=["initial"], copied=9)
    matches_decide(request=reviewed.request, match_ids=[first.pk], accept=True, by=reviewed.staff.omar)

    def act(page: Page, case: str) -> None:
        for path in ("", "matches/", f"matches/?cluster={first.cluster}", "matches/add/", "matches/find/"):
            page.goto(f"{case}{path}")
            accessible(page)
        page.goto(f"{case}matches/find/")
        page.get_by_label("Look for").fill("Ada Example")
        page.get_by_role("button", name="Look", exact=True).click()
        accessible(page)
        page.goto(f"{case}matches/")
        page.get_by_role("button", name="shown").first.click()
        accessible(page)

    browse(reviewed, server, act, viewport)


@pytest.mark.parametrize(("viewport", "query", "shown"), [(DESKTOP, "", 1), (PHONE, "", 0), (PHONE, "?score=0.5", 1)])
def test_on_a_phone_the_filters_stay_closed_before_the_list_until_some_are_applied(
    reviewed: Stage, server: str, viewport: dict[str, int], query: str, shown: int
) -> None:
    def act(page: Page, case: str) -> None:
        page.goto(f"{case}matches/{query}")
        assert page.locator("details.filters[open]").count() == shown

    browse(reviewed, server, act, viewport)


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_taking_examples_out_of_an_item_and_building_an_index_are_accessible(
    reviewed: Stage, server: str, viewport: dict[str, int]
) -> None:
    reviewed.granted()
    reviewed.model.snapshot.indexes.all().delete()
    request_search_again(request=reviewed.request, by=reviewed.staff.omar)
    request_map(request_id=reviewed.request.pk)
    first = reviewed.request.matches.order_by("example_id")[0]
    matches_decide(request=reviewed.request, match_ids=[first.pk], accept=False, by=reviewed.staff.omar)
    snapshot = reviewed.model.snapshot.pk

    def act(page: Page, case: str) -> None:
        for path in (f"{case}matches/complete/", f"{case}matches/correct/", f"{server}/jobs/corpora/{snapshot}/"):
            page.goto(path)
            accessible(page)
        page.get_by_role("button", name="Build what is missing").click()
        assert "will be built." in page.locator("body").inner_text()
        accessible(page)

    browse(reviewed, server, act, viewport)
