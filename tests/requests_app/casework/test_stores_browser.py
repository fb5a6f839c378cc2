"""Erasures in data stores in a real browser: their pages are accessible, on a desktop and on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.requests_app.services.erasing_stores import approved, letters, listed, worked
from tests.staging import Stage

from .test_review_browser import DESKTOP, PHONE, accessible, browse, reviewed, server

__all__ = ["reviewed", "server"]
pytestmark = [pytest.mark.usefixtures("committed_database", "queues")]


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_every_page_of_an_erasure_is_accessible(
    reviewed: Stage, server: str, tmp_path: Path, viewport: dict[str, int]
) -> None:
    kept = letters(tmp_path)
    listed(reviewed, kept)
    worked(approved(reviewed, kept))

    def act(page: Page, case: str) -> None:
        for path in ("stores/new/", "stores/1/", "stores/2/", ""):
            page.goto(f"{case}{path}")
            accessible(page)

    browse(reviewed, server, act, viewport)
