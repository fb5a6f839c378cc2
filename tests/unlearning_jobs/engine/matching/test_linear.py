"""No text makes the search slower than its length: the time may grow with the text, not with its square."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from unlearning_jobs.engine.matching.exact import ExactMatcher
from unlearning_jobs.engine.matching.query import Query
from unlearning_jobs.engine.matching.words import words

REFRAIN = "and the river runs to the sea "
SEPARATORS = {
    "hyphens": "a-",
    "dots": "a.",
    "underscores": "_a",
    "at signs": "a@",
    "blanks": "a  ",
    "apostrophes": "a'",
    "possessives": "a's",
    "marks": "a\u0301",
    "alignment": "ACGT-A--",
    "ampersands": "&amp;",
    "references": "&#",
    "tags": "<b ",
    "attributes": '<a b="',
    "attribute names": "<a b c=d ",
    "closing tags": "</a b='",
    "soft hyphens": "a\u00ad",
    "Han": "王",
    "Thai": "กำ",
    "voiced Kana": "ｶﾞ",
    "line breaks": "\n\n",
}
TIMES = 32
MOST = 180
"""Midway (geometrically) between linear, 32 times the time, and quadratic, 1024: a busy machine would have to be five times
slower in every one of three runs to be taken for the other."""


def growth(function: Callable[[int], object], size: int) -> float:
    """Return how many times as long `size` takes as a 32nd of it, by the quickest of three runs."""

    def seconds(n: int) -> float:
        best = float("inf")
        for _ in range(3):
            begun = time.process_time()
            function(n)
            best = min(best, time.process_time() - begun)
        return best

    return seconds(size) / seconds(size // TIMES)


@pytest.mark.parametrize("unit", SEPARATORS.values(), ids=SEPARATORS)
def test_splitting_into_words_is_linear(unit: str) -> None:
    text = unit * (1 << 14)
    assert growth(lambda n: words(text[:n]), 1 << 14) < MOST


@pytest.mark.parametrize("query", [REFRAIN * 1000, "la " * 2000, "la la la"])
@pytest.mark.parametrize("unit", [REFRAIN, "la ", "a-", "ACGT-A--"])
def test_a_refrain_does_not_slow_down_the_search_for_a_refrain(query: str, unit: str) -> None:
    matcher = ExactMatcher([Query("q", "exact", query), Query("r", "exact", unit * 500)])
    list(matcher.spans(unit * 100))
    assert growth(lambda n: list(matcher.spans(unit * n)), 2048) < MOST


def test_a_longer_query_does_not_slow_down_a_search_of_the_same_text() -> None:
    text = REFRAIN * 500

    def search(n: int) -> None:
        list(ExactMatcher([Query("q", "exact", REFRAIN * n)]).spans(text))

    assert growth(search, 1024) < MOST


@pytest.mark.parametrize("name", ["apostrophes", "alignment", "references", "attributes", "Han"])
def test_a_row_of_a_mebibyte_is_searched(name: str) -> None:
    matcher = ExactMatcher([Query("q", "exact", REFRAIN * 4), Query("r", "exact", "river")])
    unit = SEPARATORS[name]
    row = unit * ((1 << 20) // len(unit.encode())) + " the river"
    assert [span.query for span in matcher.spans(row)][-1:] == ["r"]
