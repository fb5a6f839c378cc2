"""An answer that arrives in parts is the same as the whole, and nothing of a match is given before the match is seen."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unlearning_jobs.engine.guards import GuardsNow

from .made import COPY, NAME, PASSAGE, PHRASE, SECRET, acting, filter_of

PIECES = (
    *("Thyra", " Kestelyn", "Kestelyn, ", "Tessie ", "Quill", "Zorvath", " the", " Grey", "Greyhound", "sk-", "9f8e", "7d"),
    *(" ", "\n", ". ", "'s", "\u200b", "\u0301", "<", "<b>", "</b>", "<b title='", "'>", "&amp;", "&#8203;", "<i", " a"),
    *("é", "Т", "中文", "カ", "\uff9e", "\u3099", PASSAGE[:60], PASSAGE[60:130], " backwards", " great clock", "%20"),
)
NOW = acting(filter_of(NAME), filter_of(PHRASE), filter_of(SECRET), filter_of(COPY))


def streamed(now: GuardsNow, parts: list[str]) -> list[str]:
    """What is given after each part, and at the end."""
    answer = now.answer()
    return [*(answer.read(part) for part in parts), answer.read("", final=True)]


@settings(max_examples=400)
@given(st.lists(st.sampled_from(PIECES), max_size=14), st.lists(st.integers(1, 9), min_size=1, max_size=12))
def test_however_an_answer_is_divided_the_same_is_given(pieces: list[str], sizes: list[int]) -> None:
    text = "".join(pieces)
    parts: list[str] = []
    at = 0
    while at < len(text):
        size = sizes[len(parts) % len(sizes)]
        parts.append(text[at : at + size])
        at += size
    assert "".join(streamed(NOW, parts)) == NOW.cut(text)[0]


def test_a_name_that_is_split_over_three_parts_is_not_given() -> None:
    given_on = streamed(NOW, ["The author is Thy", "ra Kes", "telyn, a writer."])
    assert "".join(given_on) == "The author is [withheld]"
    assert not any("Thy" in part for part in given_on)


def test_what_cannot_become_a_match_is_given_soon() -> None:
    now = acting(filter_of(PHRASE))
    assert streamed(now, ["He met Zorvath ", "and ", "left"]) == ["He met ", "Zorvath and ", "", "left"]


def test_a_tag_that_is_not_closed_is_given_at_the_end() -> None:
    assert "".join(streamed(NOW, ["if a <b and", " more"])) == "if a <b and more"


def test_after_a_cut_nothing_more_is_given() -> None:
    answer = acting(filter_of(SECRET)).answer()
    assert [answer.read(part) for part in ("It is sk-9f8e7d ", "and ", "more")] == ["It is [withheld]", "", ""]
    assert answer.refused is not None


@pytest.mark.parametrize("parts", [[], [""], [" "], ["\x00"]])
def test_an_answer_of_nothing_stays_nothing(parts: list[str]) -> None:
    assert "".join(streamed(NOW, parts)) == "".join(parts)
