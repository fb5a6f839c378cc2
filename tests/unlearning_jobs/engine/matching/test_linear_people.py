"""No text makes the search for people slower than its length."""

from __future__ import annotations

import pytest

from tests.unlearning_jobs.engine.matching.test_linear import MOST, SEPARATORS, growth
from unlearning_jobs.engine.corpora.document import Document
from unlearning_jobs.engine.matching.identifier import IdentifierMatcher
from unlearning_jobs.engine.matching.keys import KeyMatcher
from unlearning_jobs.engine.matching.kinds import Matcher
from unlearning_jobs.engine.matching.names.matcher import NameMatcher
from unlearning_jobs.engine.matching.query import Query

UNITS = {
    **SEPARATORS,
    "digits": "1",
    "groups of digits": "12 ",
    "points": ".",
    "signs": "@",
    "percents": "%40",
    "colons": "a: ",
    "hosts": "post.example.",
    "addresses": "thyra@post.example",
    "handles": "/tide_reader",
    "numbers": "030 1234567 ",
    "given names": "Thyra ",
    "family names": "Kestelyn, ",
    "initials": "T. ",
    "lists": "T. Kestelyn\n",
    "opening tags": "Thyra <",
}
NAMES = [Query("n", "name", "Thyra Kestelyn"), Query("h", "name", "王小明"), Query("s", "name", "Suharto")]
IDENTIFIERS = [
    Query("e", "identifier", "thyra@post.example"),
    Query("w", "identifier", "post.example"),
    Query("u", "identifier", "post.example/a"),
    Query("t", "identifier", "@tide_reader"),
    Query("a", "identifier", "@a"),
    Query("p", "identifier", "030 1234567"),
    Query("i", "identifier", "DE89370400440532013000"),
    Query("o", "identifier", "11111111"),
]


@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS)
def test_no_alphabet_of_separators_slows_down_the_search(unit: str) -> None:
    matchers: list[Matcher] = [NameMatcher(NAMES), IdentifierMatcher(IDENTIFIERS), KeyMatcher([Query("k", "key", "a=b")])]
    text = unit * ((1 << 15) // len(unit))

    def search(length: int) -> None:
        for matcher in matchers:
            list(matcher.spans(text[:length]))

    search(1 << 10)
    assert growth(search, 1 << 15) < MOST


MEBIBYTE = 1 << 20


@pytest.mark.parametrize("name", ["Han", "attributes", "family names", "colons"])
def test_people_are_found_behind_a_mebibyte_of_anything(name: str) -> None:
    unit = UNITS[name]
    end = " .\nThen Thyra Kestelyn (thyra@post.example) came."
    text = unit * (MEBIBYTE // len(unit.encode())) + end
    for matcher, query in ((NameMatcher(NAMES), "n"), (IdentifierMatcher(IDENTIFIERS), "e")):
        behind = {span.query for span in matcher.spans(text) if span.start >= len(text) - len(end)}
        assert query in behind


def test_a_key_is_compared_with_a_column_of_a_mebibyte_and_with_those_behind_it() -> None:
    row = Document("A text.", {"notes": "word " * (MEBIBYTE // 5), "account": "7041"})
    matcher = KeyMatcher([Query("k", "key", "account=7041"), Query("o", "key", "account=7042")])
    assert [span.query for span in matcher.spans(row)] == ["k"]
    long = "a1" * (MEBIBYTE // 2)
    assert [
        span.query for span in KeyMatcher([Query("k", "key", f"account={long}")]).spans(Document("", {"account": long}))
    ] == ["k"]
