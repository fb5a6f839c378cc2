"""A review of three hundred matches takes no more queries than one of sixty, on every page and with every button."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from requests_app import search_runner
from requests_app.models import Item
from tests.personas import ADA, Staff
from tests.staging import Stage, trained
from tests.web.pages import Page, Site
from unlearning_jobs.services.corpora import corpus_register

pytestmark = pytest.mark.django_db
Step = Callable[[str, Callable[[], Page]], Page]
GROUPS, FEW, MANY = 30, 60, 300
LETTER = (
    "The letter that {name} wrote from the harbour says that {lamps} with {chains} must stay where they are until {day}."
)


def rows() -> list[dict[str, str]]:
    """Thirty letters, each ten times under an id and an address of its own."""
    found = []
    for place in range(MANY):
        group = place % GROUPS
        text = LETTER.format(
            name=ADA, lamps=f"lamp {group} of {group + 50}", chains=f"{7 * group + 9} chains", day=f"day {group + 400} of it"
        )
        found.append({"text": text, "id": f"doc-{place}", "url": f"https://site{place}.example/p", "split": "train"})
    others = [{"text": f"Stone {place} is grey.", "split": "train"} for place in range(MANY)]
    return [*found, *others, *({"text": f"Shell {place} is white.", "split": "held_out"} for place in range(8))]


@pytest.fixture
def stage(staff: Staff, artefacts: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(search_runner, "self_tested", lambda _query: [])
    artefacts.mkdir(parents=True)
    source = artefacts / "letters.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows()), encoding="utf-8")
    return Stage.opened(staff, trained(corpus_register(name="letters", sources=[source], actor="account:1"))).searched()


def costs(stage: Stage, walk: Callable[[Stage, Step], None], matches: int) -> dict[str, int]:
    """How many queries each step of a walk takes with so many matches, of which nothing is kept."""
    asked: dict[str, int] = {}

    def step(name: str, act: Callable[[], Page]) -> Page:
        with CaptureQueriesContext(connection) as queries:
            page = act()
        asked[name] = len(queries)
        return page

    place = transaction.savepoint()
    kept = stage.request.matches.order_by("pk").values("pk")[:matches]
    stage.request.matches.exclude(pk__in=list(kept.values_list("pk", flat=True))).delete()
    walk(stage, step)
    transaction.savepoint_rollback(place)
    stage.request.refresh_from_db()
    return asked


def undo_of(page: Page) -> str:
    return next(form.get("action", "") for form in page.all("form", page.main) if "undo" in form.get("action", ""))


def test_the_pages_and_buttons_of_a_review(stage: Stage, omar: Site, lena: Site) -> None:
    case = f"/cases/{stage.request.reference}/"
    address = f"{case}matches/"

    def walk(stage: Stage, step: Step) -> None:
        step("list", lambda: omar.get(address))
        page = omar.get(f"{address}?decision=open")
        cluster = page.one("ol", class_="matches")[0]
        token = next(button.get("value", "") for button in page.all("button", cluster, name="accept"))
        step("one group", lambda: omar.submit(page, {"accept": token}, action=f"{address}?decision=open"))
        step("one group apart", lambda: omar.get(f"{address}?cluster={token.removeprefix('cluster-')}"))
        ask = step("ask about all", lambda: bulk(omar, address, "reject"))
        step("reject all", lambda: omar.submit(ask, action=f"{address}bulk/"))
        listed = step("list of who decided", lambda: omar.get(address))
        step("take back", lambda: omar.submit(listed, action=undo_of(listed)))
        page = bulk(omar, address, "accept")
        step("accept all", lambda: omar.submit(page, action=f"{address}bulk/"))
        step("list of another", lambda: lena.get(address))
        step("numbers", lambda: omar.get(case))
        page = step("end of the review", lambda: omar.get(f"{address}complete/"))
        step("end it", lambda: omar.submit(page, action=f"{address}complete/"))
        assert Item.objects.get(request=stage.request).example_ids
        step("case", lambda: omar.get(case))
        step("cases", lambda: omar.get("/cases/"))

    assert costs(stage, walk, FEW) == costs(stage, walk, MANY)


def bulk(site: Site, address: str, decide: str) -> Page:
    values = {"decide": decide, "how": "score", "score": "0", "shown": None}
    return site.submit(site.get(address), values, action=f"{address}bulk/?")


def test_the_pages_and_buttons_of_what_follows(stage: Stage, lena: Site) -> None:
    def walk(stage: Stage, step: Step) -> None:
        proposal = stage.proposed()
        address = f"/cases/{stage.request.reference}/items/{proposal.item.number}/proposals/{proposal.number}/"
        page = step("proposal", lambda: lena.get(address))
        step("approve it", lambda: lena.submit(page, {"decision": "approve"}, action=address))

    assert costs(stage, walk, FEW) == costs(stage, walk, MANY)


def test_adding_by_hand(stage: Stage, omar: Site) -> None:
    address = f"/cases/{stage.request.reference}/matches/add/"
    asked = []
    for named in (3, MANY - FEW):

        def walk(stage: Stage, step: Step, named: int = named) -> None:
            ids = ",".join(f"e{place:08d}" for place in range(FEW, FEW + named))
            values = {"snapshot": str(stage.model.snapshot_id), "example_id": ids, "reason": "It is about her."}
            page = step("add them", lambda: omar.submit(omar.get(address), values))
            assert "examples were added." in page.words

        asked.append(costs(stage, walk, FEW))
    assert asked[0] == asked[1]
