"""The answers in a real browser: accessible on a desktop and on a phone, where they stand below each other."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.requests_app.casework.test_review_browser import DESKTOP, PHONE, accessible, browse, reviewed, server
from tests.staging import Stage
from unlearning_jobs.models import Job

__all__ = ["reviewed", "server"]
pytestmark = [pytest.mark.usefixtures("committed_database", "queues")]


def test_answers_are_accessible_and_beside_each_other_where_there_is_room(reviewed: Stage, server: str) -> None:
    reviewed.completed()
    address = f"{server}/jobs/{Job.objects.get().pk}/report/answers/"

    def act(page: Page, _case: str) -> None:
        for viewport, columns in ((DESKTOP, 3), (PHONE, 1)):
            page.set_viewport_size(viewport)  # type: ignore[arg-type]  # width and height
            for path in ("?set=nothing", ""):
                page.goto(f"{address}{path}")
                accessible(page)
            places = (
                page.locator(".answers")
                .first.locator("dl > div:not(.whole)")
                .evaluate_all("elements => elements.map(element => element.getBoundingClientRect().left)")
            )
            assert len(set(places)) == columns

    browse(reviewed, server, act, DESKTOP)
