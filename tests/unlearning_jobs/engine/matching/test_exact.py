"""Phrases and passages."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlearning_jobs.engine.matching.exact import RUN, ExactMatcher
from unlearning_jobs.engine.matching.query import Query, Span
from unlearning_jobs.engine.matching.runs import SuffixAutomaton

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


def test_a_copied_paragraph_of_a_long_work_scores_as_high_as_the_whole_work() -> None:
    assert [(s.score, s.copied) for s in spans(POEM, POEM)] == [(1.0, 21)]
    [excerpt] = spans(POEM, "He wrote: across the marsh, a borrowed snow; and near the toll gate. Then nothing.")
    assert (excerpt.score, excerpt.copied) == (1.0, 11)


def test_coincidences_score_below_a_copy() -> None:
    changed = "a kettle of ladder brown and gentle across the marsh lent snow and near the toll gate"
    scattered = "a kettle of ladder or pans then and gentle across the road to marsh a borrowed snow and near sand"
    copy, change, coincidence = (next(iter(spans(POEM, text))) for text in (POEM, changed, scattered))
    assert change.score == pytest.approx(15 / 17)
    assert copy.score > change.score > coincidence.score
    assert copy.copied > change.copied > coincidence.copied


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


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("王小明", "昨天王小明来了。"),
        ("สมชาย", "คุณสมชายมาแล้ว"),
        ("ガラス", "これはｶﾞﾗｽです"),
        ("Suharto", "kata <b>Su</b>harto."),
        ("محمد", "قال مُحَمَّد نعم"),
        ("0171 2345678", "Tel.: 0171-2345678"),
    ],
)
def test_no_script_is_unsearchable(query: str, text: str) -> None:
    [span] = spans(query, text)
    assert span.score == 1.0


def test_in_scripts_without_spaces_two_letters_count_as_a_word() -> None:
    work = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏"
    [span] = spans(work, f"他写道：{work[3:20]}，然后走了。")
    assert span.copied == 17
    assert spans(work, f"他写道：{work[3:18]}，然后走了。") == []


def test_no_phrase_goes_from_the_text_into_a_tag() -> None:
    assert spans("salt road", '<a title="road">salt</a>') == []
    assert len(spans("salt road", '<a title="x">salt</a> road')) == 1
    assert len(spans("salt road", 'see <img alt="The Salt Road">')) == 1


def test_the_runs_are_those_of_a_direct_search() -> None:
    rng = np.random.default_rng(4)
    for _ in range(200):
        query, text = (rng.choice(["a", "b", "c"], rng.integers(1, 25)).tolist() for _ in range(2))
        parts = {tuple(query[i:j]) for i in range(len(query)) for j in range(i + 1, len(query) + 1)}
        longest = [  # the longest run that ends at each word
            max((n for n in range(end + 1) if tuple(text[end - n : end]) in parts), default=0)
            for end in range(1, len(text) + 1)
        ]
        expected = [
            (end - n, end) for end, n in enumerate(longest, start=1) if n and (end == len(text) or longest[end] != n + 1)
        ]
        assert [(run.start, run.end) for run in SuffixAutomaton(query).runs(text)] == expected
