"""Clusters are decided on what a model learns: ids, addresses and dates beside a text keep nothing apart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from requests_app import search_runner
from requests_app.services.intake import TargetDetails
from requests_app.services.matches import matches_decide
from tests.personas import ADA, Staff
from tests.staging import Stage, trained
from tests.web.pages import signed_in
from unlearning_jobs.services.corpora import corpus_register

pytestmark = pytest.mark.django_db
SHORT = f"{ADA} keeps the lighthouse at Tilsk and writes to nobody."


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_runner, "self_tested", lambda _query: [])


def row(place: int, text: str, **columns: str) -> dict[str, str]:
    """A row of a crawl, with an id, an address and a date of its own."""
    own = {"id": f"doc-{place}", "url": f"https://site{place}.example/p/{place}", "date": f"2020-01-{place % 28 + 1:02}"}
    return {"text": text, "split": "train"} | own | columns


def searched(staff: Staff, artefacts: Path, rows: list[dict[str, str]], target: TargetDetails | None = None) -> Stage:
    artefacts.mkdir(parents=True)
    source = artefacts / "crawl.jsonl"
    other = row(999, "Other", url="https://none.example") | {"split": "held_out"}
    source.write_text("".join(json.dumps(one) + "\n" for one in [*rows, row(998, "Another one"), other]), encoding="utf-8")
    model = trained(corpus_register(name="crawl", sources=[source], actor="account:1"))
    return Stage.opened(staff, model, target=target).searched()


def clusters(stage: Stage) -> list[int | None]:
    return list(stage.request.matches.order_by("example_id").values_list("cluster", flat=True))


def test_two_hundred_identical_texts_with_ids_addresses_and_dates_are_one_group(staff: Staff, artefacts: Path) -> None:
    stage = searched(staff, artefacts, [row(place, SHORT) for place in range(200)])
    assert len(clusters(stage)) == 200
    assert len(set(clusters(stage))) == 1


def test_a_group_that_is_found_by_the_address_beside_its_texts_is_one(staff: Staff, artefacts: Path) -> None:
    rows = [row(n, "The harbour was closed that day.", url=f"https://ada.example/p/{n}") for n in range(9)]
    target = TargetDetails(name="Nobody Atall", location="https://ada.example")
    stage = searched(staff, artefacts, [*rows, row(10, "Another text.", url="https://ada.example/p/10")], target)
    assert len(clusters(stage)) == 10
    assert len(set(clusters(stage))) == 2


def test_the_card_of_a_group_names_the_columns_in_which_it_differs(staff: Staff, artefacts: Path) -> None:
    stage = searched(staff, artefacts, [row(place, SHORT, lang="en") for place in range(5)])
    page = signed_in(staff.omar).get(f"/cases/{stage.request.reference}/matches/")
    assert "They differ in columns that no model learns: date, id, url." in page.words


def test_texts_that_differ_in_nothing_but_the_name_stay_apart_and_so_do_other_texts(staff: Staff, artefacts: Path) -> None:
    long = "{name} wrote from the harbour in the spring of that year that the lamp with its chains must stay where it is."
    rows = [row(0, long.format(name=ADA)), row(1, long.format(name="A. Beispiel")), row(2, SHORT)]
    assert len(set(clusters(searched(staff, artefacts, rows)))) == 3


def test_a_group_of_rows_of_a_crawl_is_accepted_at_once(staff: Staff, artefacts: Path) -> None:
    stage = searched(staff, artefacts, [row(place, SHORT) for place in range(5)])
    ids = list(stage.request.matches.values_list("pk", flat=True))
    assert matches_decide(request=stage.request, match_ids=ids, accept=True, by=staff.omar, how="cluster") == 5
