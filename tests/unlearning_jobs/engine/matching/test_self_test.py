"""The numbers that a search gives about itself."""

from __future__ import annotations

import pytest

from unlearning_jobs.engine.matching import Query, QueryError
from unlearning_jobs.engine.matching.self_test import self_test

PASSAGE = (
    "Call it a kettle of ladder, amber and gentle. Across the marsh, a borrowed snow lay over the fields where nobody had "
    "walked since the long winter ended; near the toll gate an old keeper counted coins, humming a tune whose words he had "
    "forgotten years ago, while his dog slept beneath the bench and dreamed of rivers that ran backwards into quiet hills."
)


def shares(kind: str, value: str) -> dict[str, float]:
    return {recall.edit: recall.found / recall.planted for recall in self_test(Query("q", kind, value))}  # type: ignore[arg-type]  # kinds by name


def test_copies_of_a_passage_are_found_as_the_floors_say() -> None:
    found = shares("exact", PASSAGE)
    assert found["changed_5"] == found["changed_10"] == found["excerpt_25"] == 1
    assert found["changed_20"] >= 0.98
    assert found["markup"] == found["reformatted"] == found["upper_case"] == 1


def test_what_is_not_found_is_said_too() -> None:
    found = shares("exact", "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏闰余成岁律吕调阳云腾致雨露结为霜")
    assert found["changed_5"] > found["changed_20"]
    assert found["changed_20"] < 1


@pytest.mark.parametrize(
    ("kind", "value", "edit"),
    [
        ("exact", "王小明", "markup"),
        ("exact", "the old mint", "reformatted"),
        ("name", "Thyra Kestelyn", "typing_error"),
        ("name", "Kestelyn, Thyra", "initial"),
        ("name", "Zoë Kestelyn", "decomposed"),
        ("identifier", "thyra.k@post.example", "for_robots"),
    ],
)
def test_every_kind_of_query_is_tested(kind: str, value: str, edit: str) -> None:
    assert shares(kind, value)[edit] == 1


def test_a_query_that_cannot_be_searched_for_has_no_numbers() -> None:
    with pytest.raises(QueryError):
        self_test(Query("q", "exact", "..."))
    assert self_test(Query("q", "exact", PASSAGE)) == self_test(Query("q", "exact", PASSAGE))


@pytest.mark.parametrize(
    ("kind", "value", "edits"),
    [
        ("name", "Li Na", {"typing_error", "decomposed"}),
        ("name", "Suharto", {"family_first", "initial", "reformatted"}),
        ("name", "王小明", {"family_first", "initial", "typing_error", "upper_case", "decomposed"}),
        ("identifier", "https://example.org/u/jolark", {"for_robots", "upper_case"}),
        ("identifier", "DE89 3704 0044 0532 0130 00", {"for_robots"}),
        ("exact", "we shall meet again beyond the quiet river", {"excerpt_25"}),
    ],
)
def test_an_edit_that_changes_nothing_is_not_counted(kind: str, value: str, edits: set[str]) -> None:
    assert not edits & set(shares(kind, value))


def test_every_copy_of_a_short_work_is_changed() -> None:
    by_edit = {one.edit: one.planted for one in self_test(Query("q", "exact", "we shall meet again beyond the quiet river"))}
    assert by_edit["changed_5"] == by_edit["changed_20"] == 100
