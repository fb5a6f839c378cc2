"""What the cards of a review say of each match, in which order they stand, and what the filters leave."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from requests_app import search_runner
from tests.personas import ADA, Staff
from tests.staging import Stage, trained
from tests.web.pages import Page, Site, text_of
from unlearning_jobs.models import CorpusSnapshot
from unlearning_jobs.services.corpora import corpus_register

pytestmark = pytest.mark.django_db
HARBOUR = [
    {"id": "doc-71", "text": f"{ADA} keeps the lamp in the north tower.", "writer": "M. Quill", "year": "1931"},
    {
        "id": "doc-72",
        "text": "A. Beispiel was harbour master until the bridge was built.",
        "writer": "T. Inkwell",
        "year": "1932",
    },
    {
        "id": "doc-73",
        "text": f"Nobody but {ADA} has ever repaired the clock of the town hall.",
        "writer": "M. Quill",
        "year": "1933",
    },
    {"id": "doc-74", "text": "Stone is grey.", "writer": "M. Quill", "year": "1934"},
]
MARKET = [{"key": "m-1", "text": f"Bread was sold by {ADA} at the market on every second Thursday."}]


def registered(artefacts: Path, name: str, rows: list[dict[str, str]]) -> CorpusSnapshot:
    artefacts.mkdir(parents=True, exist_ok=True)
    source = artefacts / f"{name}.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return corpus_register(name=name, sources=[source], actor="account:1")


@pytest.fixture
def stage(staff: Staff, artefacts: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(search_runner, "self_tested", lambda _query: [])
    trained(registered(artefacts, "market", MARKET), "seller")
    return Stage.opened(staff, trained(registered(artefacts, "harbour", HARBOUR))).searched()


@pytest.fixture
def address(stage: Stage) -> str:
    return f"/cases/{stage.request.reference}/matches/"


def in_harbour(stage: Stage, place: int, **facts: object) -> None:
    """State other facts of a match."""
    found = stage.request.matches.filter(snapshot=stage.model.snapshot, example_id=f"e{place:08d}")
    assert found.update(**facts) == 1


def shown(page: Page) -> list[str]:
    """The ids of the examples on the cards, from above; with a star, those of the market."""
    return [
        text_of(one) + ("*" if "Bread" in text_of(card) else "")
        for card in page.all("li", class_="card match")
        for one in card.iter("h3")
    ]


def facts(page: Page, example_id: str) -> list[tuple[str, str]]:
    """What a card says under "Where it comes from"."""
    [card] = [
        card for card in page.all("li", class_="card match") if example_id in text_of(card) and "Bread" not in text_of(card)
    ]
    names, values = ([text_of(one) for one in card.iter(tag)] for tag in ("dt", "dd"))
    return list(zip(names, values, strict=True))


def test_a_card_says_the_file_the_row_the_sources_own_id_and_every_other_column(omar: Site, address: str) -> None:
    page = omar.get(address)
    assert facts(page, "e00000001") == [
        ("File", "harbour.jsonl"),
        ("Row", "2"),
        ("Id in the source", "doc-72"),
        ("id", "doc-72"),
        ("writer", "T. Inkwell"),
        ("year", "1932"),
    ]
    assert dict(facts(page, "e00000002"))["Row"] == "3"


def test_a_group_names_the_columns_in_which_its_examples_differ_and_no_other(stage: Stage, omar: Site, address: str) -> None:
    for place in (0, 2):
        in_harbour(stage, place, cluster=700)
    assert "They differ in columns that no model learns: id, year." in omar.get(address).words


@pytest.fixture
def ranked(stage: Stage) -> Stage:
    """Three matches of the harbour of which each comes first by something else, two of them groups."""
    stage.request.matches.exclude(snapshot=stage.model.snapshot).delete()
    for place, copied, score in ((0, 2, 0.9), (1, 9, 0.5), (2, 5, 0.7)):
        in_harbour(stage, place, copied=copied, score=score, cluster=700 + place)
    match = stage.request.matches.get(example_id="e00000002")
    match.pk, match.example_id, match.copied, match.score = None, "e00000003", 0, 0.1
    match.save(force_insert=True)
    return stage


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("", [1, 2, 0]),
        ("?sort=copied", [1, 2, 0]),
        ("?sort=score", [0, 2, 1]),
        ("?sort=size", [2, 1, 0]),
        ("?sort=example", [0, 1, 2]),
        ("?sort=nonsense", [1, 2, 0]),
    ],
)
def test_groups_stand_in_the_order_that_was_asked_for_and_first_of_all_by_what_is_copied(
    ranked: Stage, omar: Site, address: str, sort: str, order: list[int]
) -> None:
    assert ranked.request.matches.count() == 4
    assert shown(omar.get(f"{address}{sort}")) == [f"e{place:08d}" for place in order]


def test_the_filter_by_what_found_a_match_leaves_the_others_out(stage: Stage, omar: Site, address: str) -> None:
    in_harbour(stage, 2, methods=["name", "exact"])
    assert shown(omar.get(f"{address}?method=exact")) == ["e00000002"]
    assert len(shown(omar.get(f"{address}?method=name"))) == 4


def test_the_filter_by_rule_leaves_out_what_another_rule_found(stage: Stage, omar: Site, address: str) -> None:
    rules = {tuple(match.because) for match in stage.request.matches.all()}
    assert len(rules) > 1  # "A. Beispiel" is found by one that the others do not need
    [[rule]] = [found for found in rules if found]
    assert shown(omar.get(f"{address}?rule={rule}")) == ["e00000001"]


def test_the_filter_by_corpus_leaves_the_other_corpora_out(stage: Stage, omar: Site, address: str) -> None:
    assert sorted(shown(omar.get(address))) == ["e00000000", "e00000000*", "e00000001", "e00000002"]
    assert len(shown(omar.get(f"{address}?snapshot={stage.model.snapshot_id}"))) == 3
    market = CorpusSnapshot.objects.exclude(pk=stage.model.snapshot_id).get()
    assert shown(omar.get(f"{address}?snapshot={market.pk}")) == ["e00000000*"]


def test_what_is_accepted_from_a_filtered_list_is_what_the_filter_shows(stage: Stage, omar: Site, address: str) -> None:
    filtered = f"{address}?snapshot={stage.model.snapshot_id}"
    page = omar.submit(omar.get(filtered), {"decide": "accept"}, action=f"{address}bulk/?snapshot={stage.model.snapshot_id}")
    omar.submit(page, action=f"{address}bulk/?snapshot={stage.model.snapshot_id}")
    accepted = stage.request.matches.filter(decision="accepted")
    assert {match.snapshot_id for match in accepted} == {stage.model.snapshot_id}
    assert accepted.count() == 3
