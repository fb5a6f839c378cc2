"""A review of two thousand matches in sixty groups is played through: how often somebody presses, and what pages ask."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compliance.formats.record_kinds import RecordKind
from compliance.record.models import RecordEntry
from requests_app import search_runner
from requests_app.states import RequestState
from tests.personas import ADA, Staff
from tests.staging import Stage, trained
from tests.web.pages import Page, Site
from unlearning_jobs.services.corpora import corpus_register

pytestmark = pytest.mark.django_db
GROUPS, MATCHES = 60, 2_000
MOST_QUERIES = 50
"""Of a step while matches are decided: a press, and the page that follows it."""
AT_THE_END = 105
"""Of the press that ends the review, which makes the items, and the page of the case."""
LETTER = "The letter that {name} wrote from the harbour says that lamp {a} of {b} with {c} chains must stay until day {d}."


def rows(matches: int) -> list[dict[str, str]]:
    """Sixty letters, each many times from a site of its own, and others."""
    found = []
    for place in range(matches):
        group = place % GROUPS
        text = LETTER.format(name=ADA, a=group, b=group + 50, c=7 * group + 9, d=group + 400)
        found.append({"text": text, "url": f"https://site{place}.example/p", "split": "train"})
    return [*found, *({"text": f"Shell {place} is white.", "split": "held_out"} for place in range(8))]


@pytest.fixture
def matches() -> int:
    """How many there are; a test may say otherwise."""
    return MATCHES


@pytest.fixture
def stage(staff: Staff, artefacts: Path, monkeypatch: pytest.MonkeyPatch, matches: int) -> Stage:
    monkeypatch.setattr(search_runner, "self_tested", lambda _query: [])
    artefacts.mkdir(parents=True)
    source = artefacts / "letters.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows(matches)), encoding="utf-8")
    stage = Stage.opened(staff, trained(corpus_register(name="letters", sources=[source], actor="account:1"))).searched()
    assert stage.request.matches.count() == matches
    assert len(set(stage.request.matches.values_list("cluster", flat=True))) == GROUPS
    return stage


class Officer:
    """Opens pages and presses buttons, one after the other, and counts what each step asks the database."""

    def __init__(self, site: Site, address: str) -> None:
        self.site, self.address, self.asked = site, address, list[int]()

    def step(self, act: Callable[[], Page]) -> Page:
        with CaptureQueriesContext(connection) as queries:
            page = act()
        self.asked.append(len(queries))
        return page

    def opened(self, query: str = "") -> Page:
        return self.step(lambda: self.site.get(f"{self.address}{query}"))

    def pressed(self, page: Page, values: dict[str, str], query: str = "") -> Page:
        return self.step(lambda: self.site.submit(page, values, action=f"{self.address}{query}"))

    def end_of_review(self) -> None:
        page = self.opened("complete/")
        self.pressed(page, {}, "complete/")


@pytest.fixture
def officer(stage: Stage, omar: Site) -> Officer:
    return Officer(omar, f"/cases/{stage.request.reference}/matches/")


def first_token(page: Page) -> str:
    """What the first card's button for accepting says."""
    return page.all("button", page.one("form", data_review=""), name="accept")[0].get("value", "")


@pytest.mark.parametrize("matches", [600])
def test_an_officer_who_reads_group_by_group_presses_once_for_each(stage: Stage, officer: Officer) -> None:
    page = officer.opened("?decision=open")
    assert "Page 1 of 3" in page.words
    for number in range(GROUPS):
        assert f"You have {stage.request.matches.filter(decision='open').count()} matches left to review." in page.words
        page = officer.pressed(page, {"reject" if number % 3 == 0 else "accept": first_token(page)}, "?decision=open")
    assert "Every match has been accepted or rejected." in page.words
    officer.end_of_review()

    stage.request.refresh_from_db()
    assert stage.request.state == RequestState.IN_PROGRESS
    assert set(stage.item.example_ids) == set(
        stage.request.matches.filter(decision="accepted").values_list("example_id", flat=True)
    )
    decided = Counter(stage.request.matches.values_list("decision", flat=True))
    assert set(decided) == {"accepted", "rejected"}
    assert decided["rejected"] == 200
    kinds = [RecordKind.MATCH_ACCEPTED, RecordKind.MATCH_REJECTED]
    assert RecordEntry.objects.filter(subject=stage.request.subject, kind__in=kinds).count() == GROUPS
    assert len(officer.asked) == 1 + GROUPS + 2
    *deciding, last = officer.asked
    assert (max(deciding) <= MOST_QUERIES, last <= AT_THE_END) == (True, True)
    assert max(deciding[1 : 1 + GROUPS]) - min(deciding[1 : 1 + GROUPS]) <= 5  # whatever is decided already


def test_an_officer_who_reads_page_by_page_presses_twice_for_each_page(stage: Stage, officer: Officer) -> None:
    page = officer.opened("?decision=open")
    for _ in range(GROUPS // 20):
        asks = officer.pressed(page, {"decide": "accept"}, "bulk/?decision=open")
        assert "They are 20 groups of identical or near-identical examples." in asks.words
        page = officer.pressed(asks, {}, "bulk/?decision=open")
    officer.end_of_review()

    stage.request.refresh_from_db()
    assert stage.request.state == RequestState.IN_PROGRESS
    assert len(stage.item.example_ids) == MATCHES
    assert len(officer.asked) == 1 + 2 * GROUPS // 20 + 2
    *deciding, last = officer.asked
    assert (max(deciding) <= MOST_QUERIES, last <= AT_THE_END) == (True, True)
