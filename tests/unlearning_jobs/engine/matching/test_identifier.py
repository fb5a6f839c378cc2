"""Identifiers in their normal form."""

from __future__ import annotations

import pytest

from unlearning_jobs.engine.matching.identifier import IdentifierMatcher
from unlearning_jobs.engine.matching.identifier_form import identifier_form
from unlearning_jobs.engine.matching.query import OBSTACLES, Query, QueryError
from unlearning_jobs.engine.matching.rules import RULES


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


def found(value: str, text: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(text[s.start : s.end], s.because) for s in IdentifierMatcher([Query("q", "identifier", value)]).spans(text)]


@pytest.mark.parametrize(
    ("value", "text", "place", "rules"),
    [
        ("thyra.k@post.example", "to thyra.k+news@post.example", "thyra.k+news@post.example", {"plus_tag"}),
        ("thyra.k+news@post.example", "to thyra.k@post.example", "thyra.k@post.example", {"plus_tag"}),
        ("th.yra@gmail.com", "thyra@gmail.com", "thyra@gmail.com", {"mailbox_dots"}),
        ("thyra@gmail.com", "t.hyra@googlemail.com", "t.hyra@googlemail.com", {"mailbox_dots", "same_provider"}),
        ("thyra.k@post.example", "?to=thyra.k%40post.example&x", "thyra.k%40post.example", {"escaped"}),
        ("thyra.k@post.example", "thyra.k&#64;post&period;example", "thyra.k&#64;post&period;example", {"escaped"}),
        ("thyra.k@post.example", '<a href="mailto:thyra.k@post.example">me</a>', "thyra.k@post.example", set()),
        ("thyra@post.example", "look at thyra at post dot example", "thyra at post dot example", {"obfuscated"}),
        ("post.example", "see mail.post.example.", "mail.post.example", {"subdomain"}),
        ("post.example", "see http://post.example/a/b", "http://post.example/a/b", {"page_of_domain"}),
        ("post.example", "x@post.example", "post.example", {"address_at_domain"}),
        ("bücher.example", "xn--bcher-kva.example", "xn--bcher-kva.example", set()),
        ("xn--bcher-kva.example", "BÜCHER.example", "BÜCHER.example", set()),
        ("xn--0.example", "at xn--0.example", "xn--0.example", set()),  # no name that people could read
        ("straße.de", "see Straße.de", "Straße.de", set()),
        ("xn--strae-oqa.de", "see straße.de", "straße.de", set()),
        ("jo@βόλος.gr", "to jo@βόλος.gr", "jo@βόλος.gr", set()),
        ("@tide_reader", "https://github.com/tide_reader", "tide_reader", {"handle_in_address"}),
        ("@tide_reader", "https://social.example/@tide_reader", "@tide_reader", {"handle_in_address"}),
        ("tidereader", "said tidereader", "tidereader", {"handle_without_sign"}),
        ("+49 30 1234567", "Tel. +49 (0)30 / 123-4567", "+49 (0)30 / 123-4567", {"separators"}),
        ("+49 30 1234567", "Tel. 0049301234567", "0049301234567", {"separators"}),
        ("+49 30 1234567", "Tel. (030) 12 34 567", "(030) 12 34 567", {"country_code"}),
        ("+49 170 1234567", "Tel. 491701234567", "491701234567", {"separators"}),
        ("+49 170 1234567", "+43 1 234567, 49 170 1234567", "49 170 1234567", {"separators"}),
        ("491701234567", "Tel. +49 170 1234567", "+49 170 1234567", {"separators"}),
        ("+1 415 555 2671", "14155552671", "14155552671", {"separators"}),
        ("030 1234567", "Tel. +49 30 1234567", "+49 30 1234567", {"country_code"}),
        ("030 1234567 (DE)", "Tel. +49 30 1234567", "+49 30 1234567", {"separators"}),
        ("tel:+493012345678", "030-12345678", "030-12345678", {"country_code"}),
        ("(415) 555-2671", "1-415-555-2671", "1-415-555-2671", {"country_code"}),
        ("+91 98765 43210", "९८७६५४३२१०", "९८७६५४३२१०", {"country_code"}),
        ("DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 00", {"separators"}),
        ("12/345/67890", "No. 12 345 67890", "12 345 67890", {"separators"}),
    ],
)
def test_what_is_written_otherwise_says_its_rule(value: str, text: str, place: str, rules: set[str]) -> None:
    [(written, because)] = found(value, text)
    assert written == place
    assert set(because) == rules
    assert rules <= set(RULES)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("th.yra@post.example", "thyra@post.example"),  # another mailbox, where dots count
        ("post.example", "xpost.example post.example.org notpost.example x-post.example"),
        ("post.example/thyra", "mail.post.example/thyra x@post.example"),
        ("@tide_reader", "tide_reader@post.example tide_reader.two @tide_reader2 x-tide_reader"),
        ("@reader", "a reader of books"),
        ("+49 30 1234567", "+43 30 1234567"),
        ("+49 30 1234567", "030 12345678"),
        ("+49 170 1234567", "431701234567"),
        ("+49 170 1234567", "1491701234567 1 49 170 1234567 49-49-170-1234567"),
        ("030 1234567", "1030 1234567"),
        ("030 1234567", "030 123 and 4567"),
        ("12345678", "1234 5678 9012 3456"),
        ("DE89370400440532013000", "DE89 3704 0044 0532 0130 01"),
    ],
)
def test_somebody_elses_identifier_is_not_found(value: str, text: str) -> None:
    assert found(value, text) == []


@pytest.mark.parametrize("value", ["...", "+", "12", "x" * 3000, "two words", "@@@@"])
def test_what_cannot_be_searched_for_says_what_to_write(value: str) -> None:
    with pytest.raises(QueryError, match="Write an e-mail address") as error:
        IdentifierMatcher([Query("q", "identifier", value)])
    assert error.value.code in OBSTACLES
