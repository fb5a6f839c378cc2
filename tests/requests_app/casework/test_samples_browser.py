"""A sample in a real browser: keys mark its examples, and its pages are accessible, on a desktop and on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from requests_app.models import MissedSample
from tests.requests_app.services.sampling import drawn, left, marked
from tests.staging import Stage

from .test_review_browser import DESKTOP, PHONE, accessible, browse, letters_are_letters_without_focus, reviewed, server

__all__ = ["reviewed", "server"]
pytestmark = [pytest.mark.usefixtures("committed_database", "queues")]
ELSE = "e00000018"
"""A letter that is by somebody with a part of her name."""


def test_keys_mark_examples_and_go_on(reviewed: Stage, server: str) -> None:
    sample = drawn(reviewed)
    before = left(sample)

    def act(page: Page, case: str) -> None:
        page.goto(f"{case}samples/1/")
        page.locator("[data-match]").first.focus()
        with page.expect_navigation():
            page.keyboard.press("r")
        letters_are_letters_without_focus(page)

    browse(reviewed, server, act, DESKTOP)
    assert left(sample) == before - 1


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_every_page_of_a_sample_is_accessible(reviewed: Stage, server: str, viewport: dict[str, int]) -> None:
    def act(page: Page, case: str) -> None:
        for path in ("samples/new/", "samples/1/", "matches/"):
            page.goto(f"{case}{path}")
            accessible(page)

    sample = drawn(reviewed)
    browse(reviewed, server, act, viewport)

    def end(page: Page, case: str) -> None:
        page.goto(f"{case}samples/1/")
        accessible(page)
        page.get_by_role("button", name="Finish, and accept 1 example as a match").click()
        assert "With 95 % confidence" in page.locator("main").inner_text()
        accessible(page)
        page.goto(case)
        accessible(page)

    marked(sample, reviewed.staff.omar, about=[ELSE])
    browse(reviewed, server, end, viewport)
    assert MissedSample.objects.get().is_finished
