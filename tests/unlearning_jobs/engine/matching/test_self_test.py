"""The numbers that a search gives about itself."""

from __future__ import annotations

import numpy as np
import pytest

from unlearning_jobs.engine.matching import Query, QueryError
from unlearning_jobs.engine.matching import self_test as self_test_module
from unlearning_jobs.engine.matching.names import writing
from unlearning_jobs.engine.matching.self_test import AS_WRITTEN, self_test

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
        ("name", "Li Na", {"decomposed"}),
        ("name", "Suharto", {"family_first", "initial", "reformatted"}),
        ("name", "王小明", {"family_first", "initial", "upper_case", "decomposed"}),
        ("identifier", "https://example.org/u/jolark", {"for_robots", "upper_case"}),
        ("identifier", "DE89 3704 0044 0532 0130 00", {"for_robots"}),
        ("exact", "we shall meet again beyond the quiet river", {"excerpt_25"}),
    ],
)
def test_an_edit_that_changes_nothing_is_not_counted(kind: str, value: str, edits: set[str]) -> None:
    assert not edits & set(shares(kind, value))


@pytest.mark.parametrize(
    ("name", "edits"),
    [
        ("María José García López", {"family_first", "initial", "first_family_name"}),
        ("Wang Xiaoming", {"family_first", "initial", "syllables", "other_romanisation"}),
        ("Lee Jisoo", {"syllables", "other_romanisation"}),
        ("歐陽修", {"in_latin_letters", "other_characters"}),
        ("ยิ่งลักษณ์ ชินวัตร", {AS_WRITTEN, "family_first", "markup"}),
        ("김철수", {AS_WRITTEN, "in_latin_letters", "decomposed"}),
    ],
)
def test_what_people_write_is_planted_and_found(name: str, edits: set[str]) -> None:
    found = shares("name", name)
    assert {edit: found.get(edit) for edit in edits} == dict.fromkeys(edits, 1.0)


def test_every_division_that_a_name_allows_is_planted() -> None:
    rng = np.random.default_rng(1)
    parts = ["María", "José", "García", "López"]
    assert {writing.family_first(parts, rng) for _ in range(200)} == {
        "José García López, María",
        "García López, María José",
        "López, María José García",
    }
    shortened = {writing.initials(parts, rng) for _ in range(200)}
    assert {"García López, M. J.", "García López MJ", "M. J. García López", "M. J. G. López"} <= shortened


def test_a_way_to_write_a_name_that_is_not_found_has_a_row_that_says_so() -> None:
    assert shares("name", "ยิ่งลักษณ์ ชินวัตร")["initial"] == 0


@pytest.mark.parametrize("name", ["Li Na", "王小明", "X Æ"])
def test_every_name_says_how_many_typing_errors_in_any_of_its_parts_are_found(name: str) -> None:
    assert 0 <= shares("name", name)["typing_error"] <= 1


def test_errors_in_short_parts_are_planted_too_and_some_are_missed() -> None:
    assert 0 < shares("name", "Jo Smith")["typing_error"] < 1
    assert shares("name", "Ada Lark")["typing_error"] < 0.5


def test_typing_errors_are_of_every_kind_and_in_every_part() -> None:
    rng = np.random.default_rng(1)
    written = {self_test_module._typing_error(["Jo", "Smith"], rng) for _ in range(2_000)}
    assert {"J Smith", "Joo Smith", "oJ Smith", "Ja Smith", "Jo Smth", "Jo Smiith", "Jo Simth", "Jo Smich"} <= written


@pytest.mark.parametrize(("kind", "value"), [("identifier", "@jo_lark"), ("exact", "王小明")])
def test_every_query_is_searched_for_as_it_was_written(kind: str, value: str) -> None:
    assert shares(kind, value)[AS_WRITTEN] == 1


def test_every_copy_of_a_short_work_is_changed() -> None:
    by_edit = {one.edit: one.planted for one in self_test(Query("q", "exact", "we shall meet again beyond the quiet river"))}
    assert by_edit["changed_5"] == by_edit["changed_20"] == 100
