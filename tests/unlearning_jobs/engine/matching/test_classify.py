"""What a line among other names and accounts is."""

from __future__ import annotations

import pytest

from unlearning_jobs.engine.matching import Query, query_obstacle
from unlearning_jobs.engine.matching.classify import classify


@pytest.mark.parametrize(
    "value",
    ["Thyra Kestelyn", "Suharto", "王小明", "山田 太郎", "محمد", "Anne-Marie", "robert", "J. R. R. Kestelyn", "김철수"],
)
def test_names_are_searched_for_as_names(value: str) -> None:
    assert classify(value) == "name"
    assert query_obstacle(Query("q", "name", value)) == ""


@pytest.mark.parametrize(
    "value",
    [
        "tide_reader",
        "@Thyra",
        "thyrak",
        "kestelyn1984",
        "+49 30 1234567",
        "030/1234567",
        "DE89 3704 0044 0532 0130 00",
        "a@post.example",
        "a at post dot example",
        "post.example",
        "https://github.com/a",
    ],
)
def test_addresses_numbers_and_accounts_are_identifiers(value: str) -> None:
    assert classify(value) == "identifier"
    assert query_obstacle(Query("q", "identifier", value)) == ""


def test_what_is_neither_is_refused_as_an_identifier() -> None:
    assert query_obstacle(Query("q", classify("..."), "...")) == "not_an_identifier"
