"""The page of draws in a real browser: accessible on a desktop and on a phone, empty, sealed and opened."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.canaries import Engine, drawn, finding, released, train, with_canaries
from tests.requests_app.casework.test_review_browser import DESKTOP, PHONE, accessible, browse, reviewed, server
from tests.staging import Stage
from unlearning_jobs.services.canaries import canaries_open

__all__ = ["reviewed", "server"]
pytestmark = [pytest.mark.usefixtures("committed_database", "queues")]


def looked_at(page: Page, address: str) -> None:
    for viewport in (DESKTOP, PHONE):
        page.set_viewport_size(viewport)  # type: ignore[arg-type]  # width and height
        page.goto(address)
        accessible(page)


def test_draws_are_accessible_in_every_state(reviewed: Stage, server: str) -> None:
    address = f"{server}/jobs/canaries/"
    browse(reviewed, server, lambda page, _case: looked_at(page, address), DESKTOP)
    snapshot = with_canaries("lighthouse")
    train(snapshot, "bell")
    version, draw = drawn(snapshot, "lamp")
    canaries_open(model="lamp", judge=Engine(finding(version, released(version, draw), control=2.0)), actor="account:1")
    browse(reviewed, server, lambda page, _case: looked_at(page, address), DESKTOP)
