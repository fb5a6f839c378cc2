"""Phrases and passages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlearning_jobs.engine.matching.exact import RUN, ExactMatcher
from unlearning_jobs.engine.matching.query import Query, Span

POEM = (
    "A kettle of ladder, amber and gentle,\nAcross the marsh, a borrowed snow;\nAnd near the toll gate the kettle scatters"
)


def spans(query: str, text: str) -> list[Span]:
    return list(ExactMatcher([Query("q", "exact", query)]).spans(text))


@pytest.mark.parametrize("text", ["the old mint", "At THE  OLD\nMINT, he said", "“The Old-Mint”"])
def test_a_short_phrase_is_found_however_it_is_set(text: str) -> None:
    [span] = spans("The Old Mint", text)
    assert span.score == 1.0
    assert text[span.start : span.end].casefold().replace("-", " ").split() == ["the", "old", "mint"]


@pytest.mark.parametrize("text", ["the old minting", "old mint", "the very old mint", ""])
def test_a_short_phrase_must_be_there_whole(text: str) -> None:
    assert spans("the old mint", text) == []


def test_every_occurrence_of_a_phrase_is_found() -> None:
    assert [s.start for s in spans("salt road", "Salt road, salt road.")] == [0, 11]


def test_a_whole_work_scores_one_and_an_excerpt_its_share() -> None:
    assert [round(s.score, 2) for s in spans(POEM, POEM)] == [1.0]
    [excerpt] = spans(POEM, "He wrote: across the marsh, a borrowed snow; and near the toll gate. Then nothing.")
    assert excerpt.score == pytest.approx(11 / 21)


def test_a_span_covers_the_passage_and_nothing_else() -> None:
    text = "Preface. Across the marsh, a borrowed snow; and near the toll gate! Postface."
    [span] = spans(POEM, text)
    assert text[span.start : span.end] == "Across the marsh, a borrowed snow; and near the toll gate"


def test_seven_shared_words_are_no_passage() -> None:
    assert spans(POEM, "across the marsh a borrowed snow and") == []


def test_runs_with_a_changed_word_between_count_together() -> None:
    text = "across the marsh a stolen snow and near the toll bridge the kettle scatters"
    assert spans(POEM, text) == []  # 4, 5 and 3 words in a row: nine in runs of four, fewer than twelve
    longer = "a kettle of ladder brown and gentle across the marsh lent snow and near the toll gate"
    assert len(spans(POEM, longer)) == 1


def test_a_shorter_run_before_it_hides_no_passage() -> None:
    assert len(spans("a a a a a a a b", "a a a a a a a a b")) == 1


@given(
    before=st.lists(st.sampled_from("abcdefgh"), max_size=20),
    after=st.lists(st.sampled_from("abcdefgh"), max_size=20),
    work=st.lists(st.sampled_from("abcdefgh"), min_size=RUN, max_size=30),
    data=st.data(),
)
def test_any_eight_shared_words_are_found(before: list[str], after: list[str], work: list[str], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(work) - RUN))
    text = " ".join([*before, *work[first : first + RUN], *after])
    place = sum(len(w) + 1 for w in before)
    matches = spans(" ".join(work), text)
    assert any(s.start <= place + 2 * RUN and s.end >= place for s in matches)
