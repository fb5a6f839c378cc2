"""No text makes the search for people slower than its length."""

from __future__ import annotations

import pytest

from tests.unlearning_jobs.engine.matching.test_linear import MOST, SEPARATORS, growth
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
