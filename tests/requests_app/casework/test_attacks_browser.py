"""Attacks in a real browser: chosen, approved and reported on pages that are accessible on a desktop and on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from requests_app.models import Proposal
from tests.staging import Stage
from tests.unlearning_jobs.report.test_attacks import ASKED, DIFFERENCE, REST, ROUNDED
from tests.unlearning_jobs.report.test_views import job_asked, page_of
from unlearning_jobs.models import Job

from .test_review_browser import DESKTOP, PHONE, accessible, browse, reviewed, server

__all__ = ["reviewed", "server"]
pytestmark = [pytest.mark.usefixtures("committed_database", "queues")]


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE])
def test_attacks_are_chosen_and_then_shown_for_approval(reviewed: Stage, server: str, viewport: dict[str, int]) -> None:
    reviewed.granted()

    def act(page: Page, case: str) -> None:
        page.goto(f"{case}items/1/propose/")
        accessible(page)
        page.locator("input[name=method][value=retrain]").check()
        page.get_by_label("Relearning", exact=True).check()
        page.get_by_role("button", name="Propose to another officer").click()
        assert "Attacks, reported but not judged" in page.inner_text("main")
        accessible(page)

    browse(reviewed, server, act, viewport)
    protocol = Proposal.objects.get().protocol
    assert (protocol["relearning"], protocol["attacks"]) == (20, ["difference", "quantized_4", "prefix"])


def test_the_table_of_attacks_is_accessible(reviewed: Stage, server: str) -> None:
    reviewed.completed()
    page_of(reviewed, job_asked(protocol=ASKED.to_json()), metrics=(DIFFERENCE, ROUNDED, REST))
    address = f"{server}/jobs/{Job.objects.latest('pk').pk}/report/"

    def act(page: Page, _case: str) -> None:
        for viewport in (DESKTOP, PHONE):
            page.set_viewport_size(viewport)  # type: ignore[arg-type]  # width and height
            page.goto(address)
            accessible(page)

    browse(reviewed, server, act, DESKTOP)
