"""One example that takes too long: it does not count as searched, and the rest is searched."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unlearning_jobs.engine.matching.test_match import snapshot_of
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.matching import Query, find_matches, sweep, time_limit
from unlearning_jobs.engine.matching.candidates import term_keys
from unlearning_jobs.engine.matching.filing import filed
from unlearning_jobs.engine.matching.index import index_build
from unlearning_jobs.engine.matching.index import words as words_part
from unlearning_jobs.engine.matching.query import Span
from unlearning_jobs.engine.matching.time_limit import TimeLimit, TookTooLongError

HITS = "smith john " * 1_000
"""Each pair of words is another place."""
QUERIES = [Query("n", "name", "John Smith"), Query("x", "exact", "the quiet orchard")]


@pytest.fixture
def slow_among_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Snapshot:
    monkeypatch.setattr(time_limit, "SECONDS_PER_CHARACTER", -1.0)  # here, texts of a thousand characters have no time
    monkeypatch.setattr(time_limit, "SECONDS", 1_000.0)
    return snapshot_of(tmp_path, ["John Smith sat in the quiet orchard.", HITS, "Then John Smith left."])


def test_what_takes_too_long_is_named_with_its_queries_and_the_rest_is_searched(slow_among_others: Snapshot) -> None:
    unsearched: list[tuple[str, set[str]]] = []
    matches = find_matches(slow_among_others, QUERIES, on_unsearched=lambda *told: unsearched.append(told))
    found = {(match.example_id, match.query) for match in matches}

    assert found == {("e00000000", "n"), ("e00000000", "x"), ("e00000002", "n")}
    assert unsearched == [("e00000001", {"n", "x"})]  # which queries it may match takes time to find out, too


def test_an_index_does_not_lift_the_limit(slow_among_others: Snapshot, tmp_path: Path) -> None:
    index = index_build(slow_among_others, tmp_path / "index")
    unsearched: list[str] = []
    list(find_matches(slow_among_others, QUERIES, index=index, on_unsearched=lambda one, _: unsearched.append(one)))

    assert unsearched == ["e00000001"]


def test_an_index_names_what_it_had_no_time_to_read_for_every_query(
    slow_among_others: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = index_build(slow_among_others, tmp_path / "index")
    monkeypatch.undo()
    found = [match.example_id for match in find_matches(slow_among_others, QUERIES[:1], index=index)]

    assert index.candidates([QUERIES[0], Query("o", "name", "Ada Winterbourne")])["e00000001"] == {"n", "o"}
    assert found.count("e00000001") == 999


def test_an_index_that_is_built_upon_still_names_it(
    slow_among_others: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = index_build(slow_among_others, tmp_path / "earlier")
    monkeypatch.undo()
    (tmp_path / "longer").mkdir()
    longer = snapshot_of(tmp_path / "longer", [*(one.completion for one in slow_among_others.examples()), "One more."])
    index = index_build(longer, tmp_path / "index", previous=earlier.folder)

    assert "e00000001" in index.candidates([Query("o", "name", "Ada Winterbourne")])


def test_candidates_that_take_too_long_to_find_cost_only_the_text_that_holds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slow words are made up: nobody knows any."""
    snapshot = snapshot_of(tmp_path, ["John Smith came.", "Jhon Smiht, Jhon Smithh, Johnn Smth.", "John Smith left."])
    monkeypatch.setattr(time_limit, "SECONDS", 0.2)
    monkeypatch.setattr(sweep, "term_keys", slowed(term_keys))
    unsearched: list[str] = []
    found = find_matches(snapshot, QUERIES[:1], on_unsearched=lambda one, _: unsearched.append(one))

    assert [match.example_id for match in found] == ["e00000000", "e00000002"]
    assert unsearched == ["e00000001"]


def test_words_that_take_too_long_to_file_cost_only_the_text_that_holds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = snapshot_of(tmp_path, ["John Smith came.", "Call 1, 22 or 333 333.", "John Smith left."])
    monkeypatch.setattr(time_limit, "SECONDS", 0.2)
    monkeypatch.setattr(words_part, "filed", slow_to_file)
    index = index_build(snapshot, tmp_path / "index")

    assert index.candidates([Query("o", "name", "Ada Winterbourne")]) == {"e00000001": {"o"}}


def slow_to_file(new: Collection[str]) -> Iterator[tuple[str, set[str]]]:
    busy(0.5 * ("333" in new))
    yield from filed(new)


def slowed(step: Callable[[str], Any]) -> Callable[[str], Any]:
    def slow(word: str) -> Any:
        busy(0.0 if word in {"john", "smith"} else 0.15)
        return step(word)

    return slow


def test_a_search_that_nobody_told_where_to_name_it_fails_instead_of_keeping_silent(slow_among_others: Snapshot) -> None:
    with pytest.raises(TookTooLongError):
        list(find_matches(slow_among_others, QUERIES))


def test_under_the_limit_that_is_set_even_such_a_text_is_searched(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, [HITS])
    assert len(list(find_matches(snapshot, QUERIES[:1]))) == 999


def test_what_was_found_before_the_limit_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_limit, "SECONDS", 0.3)

    def slower() -> Iterator[Span]:
        for place in range(3):
            yield Span("q", place, place + 1, 1.0)
            busy(0.5)

    found: list[Span] = []
    with pytest.raises(TookTooLongError):
        found.extend(TimeLimit("").spans(slower()))
    assert len(found) == 2


def test_the_time_of_whoever_reads_the_matches_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_limit, "SECONDS", 0.05)
    spans = (Span("q", place, place + 1, 1.0) for place in range(3))
    for _span in TimeLimit("").spans(spans):
        busy(0.1)


def test_what_ended_by_itself_counts_as_searched_however_long_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_limit, "SECONDS", 0.05)

    def slow_at_its_end() -> Iterator[Span]:
        yield Span("q", 0, 1, 1.0)
        busy(0.1)

    limit = TimeLimit("")
    assert len(list(limit.spans(slow_at_its_end()))) == 1
    with pytest.raises(TookTooLongError):  # but no other matcher begins
        list(limit.spans(iter([])))


def busy(seconds: float) -> None:
    ends = time.thread_time() + seconds
    while time.thread_time() < ends:
        pass
