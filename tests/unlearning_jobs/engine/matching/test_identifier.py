"""Identifiers in their normal form."""

from __future__ import annotations

import pytest

from unlearning_jobs.engine.matching.identifier import IdentifierMatcher
from unlearning_jobs.engine.matching.identifier_form import identifier_form
from unlearning_jobs.engine.matching.query import Query, QueryError


def matched_texts(value: str, text: str) -> list[str]:
    return [text[s.start : s.end] for s in IdentifierMatcher([Query("q", "identifier", value)]).spans(text)]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("Mail to thyra.k@post.example.", "thyra.k@post.example"),
        ("<THYRA.K@Post.Example>", "THYRA.K@Post.Example"),
        ("thyra.k [at] post [dot] example, please", "thyra.k [at] post [dot] example"),
        ("thyra dot k at post dot example", "thyra dot k at post dot example"),
        ("mailto:thyra.k@post.example", "thyra.k@post.example"),
    ],
)
def test_an_address_is_found_however_it_is_written(text: str, place: str) -> None:
    assert matched_texts("Thyra.K@post.example", text) == [place]


@pytest.mark.parametrize(
    "text", ["thyra@post.example", "xthyra.k@post.example", "thyra.k@post.example.org", "thyra.k", "post.example"]
)
def test_another_address_is_not_found(text: str) -> None:
    assert matched_texts("thyra.k@post.example", text) == []


@pytest.mark.parametrize(
    "text",
    [
        "see https://www.post.example/thyra/?utm_source=x#top now",
        "POST.example/thyra",
        "(http://post.example/thyra).",
    ],
)
def test_a_web_address_is_found_without_its_trimmings(text: str) -> None:
    assert len(matched_texts("https://post.example/thyra", text)) == 1


@pytest.mark.parametrize("text", ["post.example/thyra2", "post.example", "post.example/thyra?page=2"])
def test_another_page_is_not_found(text: str) -> None:
    assert matched_texts("post.example/thyra", text) == []


def test_a_handle_is_found_with_and_without_its_sign() -> None:
    assert matched_texts("@tide_reader", "Ask @Tide_Reader, or tide_reader. Not tide_readers.") == [
        "@Tide_Reader",
        "tide_reader",
    ]


@pytest.mark.parametrize("value", ["", "two words", "@", "a@b@c"])
def test_what_is_no_identifier_is_refused(value: str) -> None:
    with pytest.raises(QueryError):
        identifier_form(value)
