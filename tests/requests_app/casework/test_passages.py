"""Marking finds in a text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from requests_app.casework.passages import excerpt, mark_spans, merge_spans

LONG = "one two three " * 60


def marked(text: str, spans: list[list[int]]) -> list[str]:
    return [segment.text for segment in mark_spans(text, spans) if segment.marked]


def test_every_find_is_marked() -> None:
    assert marked("Ada saw Ada.", [[0, 3], [8, 11]]) == ["Ada", "Ada"]


def test_finds_that_overlap_or_touch_are_one_mark() -> None:
    assert marked("Ada Beispiel", [[0, 7], [4, 12]]) == ["Ada Beispiel"]
    assert marked("Ada Beispiel", [[0, 3], [3, 12]]) == ["Ada Beispiel"]


def test_a_find_inside_another_adds_nothing() -> None:
    assert merge_spans([[0, 10], [2, 4]], 20) == [(0, 10)]


def test_spans_outside_the_text_are_cut_or_left_out() -> None:
    assert merge_spans([[-5, 3], [8, 99], [50, 60], [4, 4]], 10) == [(0, 3), (8, 10)]


def test_a_short_text_is_shown_whole() -> None:
    assert excerpt("Ada saw it.", [[0, 3]]) == mark_spans("Ada saw it.", [[0, 3]])


def test_a_long_text_is_cut_around_its_finds_between_words() -> None:
    text = f"{LONG}Ada{LONG}"
    segments = excerpt(text, [[len(LONG), len(LONG) + 3]], context=30)
    shown = "".join(segment.text for segment in segments if not segment.cut)
    assert len(shown) < 120
    assert shown.split()[0] in {"one", "two", "three"}
    assert [segment.text for segment in segments if segment.marked] == ["Ada"]
    assert segments[0].cut
    assert segments[-1].cut


def test_a_text_without_finds_shows_its_beginning() -> None:
    assert LONG.startswith(excerpt(LONG, [])[0].text)


@given(
    st.text(max_size=60),
    st.lists(st.tuples(st.integers(-5, 70), st.integers(-5, 70)).map(list), max_size=6),
)
def test_the_segments_are_the_text_whatever_the_spans(text: str, spans: list[list[int]]) -> None:
    assert "".join(segment.text for segment in mark_spans(text, spans)) == text


@given(
    st.text(min_size=1, max_size=400), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)).map(list), max_size=4)
)
def test_shortening_loses_no_find(text: str, spans: list[list[int]]) -> None:
    finds = [text[start:end] for start, end in merge_spans(spans, len(text))]
    assert [segment.text for segment in excerpt(text, spans, context=5) if segment.marked] == finds
