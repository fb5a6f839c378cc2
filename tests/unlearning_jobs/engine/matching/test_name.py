"""Names as texts write them, and people who are somebody else."""

from __future__ import annotations

import pytest

from unlearning_jobs.engine.matching.names.matcher import NameMatcher
from unlearning_jobs.engine.matching.query import Query


def matched_texts(name: str, text: str) -> list[str]:
    return [text[s.start : s.end] for s in NameMatcher([Query("q", "name", name)]).spans(text)]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("Thyra Kestelyn lives here.", "Thyra Kestelyn"),
        ("THYRA KESTELYN", "THYRA KESTELYN"),
        ("See Kestelyn, Thyra (1989).", "Kestelyn, Thyra"),
        ("Thyra Kestelyn's kettle", "Thyra Kestelyn"),
        ("Thyra Kestelyn’s kettle", "Thyra Kestelyn"),
        ("by T. Kestelyn", "T. Kestelyn"),
        ("Thyra M. Kestelyn", "Thyra M. Kestelyn"),
        ("Thyra Kestélyn", "Thyra Kestélyn"),
        ("Thyra Kestlyn", "Thyra Kestlyn"),
        ("Thyra Kestelynn", "Thyra Kestelynn"),
        ("Thyra Ketselyn", "Thyra Ketselyn"),
        ("Thyra Kestelin", "Thyra Kestelin"),
        ("Thyro Kestelyn", "Thyro Kestelyn"),
    ],
)
def test_a_name_is_found_as_texts_write_it(text: str, place: str) -> None:
    assert matched_texts("Thyra Kestelyn", text) == [place]


@pytest.mark.parametrize(
    "text",
    [
        "Thyra Galvarro",
        "Thyra",
        "Kestelyn",
        "Anselm Kestelyn",
        "Thyra met Anselm Kestelyn",
        "Thyra Kettelin",
        "K. Thyra",
        "Thyra. The long road of Kestelyn",
        "Kestelyn and Thyra",
    ],
)
def test_somebody_else_is_not_found(text: str) -> None:
    assert matched_texts("Thyra Kestelyn", text) == []


@pytest.mark.parametrize(
    "text", ["Basil Mahfouz Al-Kuwaiti", "Basil Al-Kuwaiti", "Basil M. Al Kuwaiti", "Al-Kuwaiti, Basil", "B. M. Al-Kuwaiti"]
)
def test_middle_and_double_names_may_be_left_out_or_shortened(text: str) -> None:
    assert matched_texts("Basil Mahfouz Al-Kuwaiti", f"The writer {text} was born there.") == [text]


@pytest.mark.parametrize("query", ["Søren Brückmoor", "Soren Bruckmoor", "Brückmoor, Søren"])
def test_accents_and_order_of_the_query_do_not_matter(query: str) -> None:
    assert matched_texts(query, "So said Søren Brückmoor.") == ["Søren Brückmoor"]


def test_short_words_allow_no_typing_error() -> None:
    assert matched_texts("Ann Lee", "Ann Lea and Ann Lee") == ["Ann Lee"]


def test_liberties_lower_the_score() -> None:
    matcher = NameMatcher([Query("q", "name", "Thyra Kestelyn")])
    scores = [next(iter(matcher.spans(t))).score for t in ("Thyra Kestelyn", "Thyra Kestlyn", "T. Kestelyn")]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 3


def test_several_names_are_found_in_one_text() -> None:
    matcher = NameMatcher([Query("a", "name", "Ilse Dravec"), Query("b", "name", "Viggo Dravec")])
    assert [s.query for s in matcher.spans("Viggo Dravec and Ilse Dravec")] == ["b", "a"]
