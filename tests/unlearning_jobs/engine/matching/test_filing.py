"""Filing many words at once gives the keys that filing one word gives."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.mapping.names import documents, people
from unlearning_jobs.engine.matching.candidates import query_terms, term_keys
from unlearning_jobs.engine.matching.filing import Screen, filed
from unlearning_jobs.engine.matching.query import Query
from unlearning_jobs.engine.matching.words import words

LETTERS = "aeiouyhsczwtxqlr01äßфщаеυαבויمحيسहि्गकি김영王ガข"
WORDS = sorted({word.text for document in documents(seed=14) for word in words(document.text)})
ASKED = frozenset[str]().union(*(group for name in people() for group in query_terms(Query(name, "name", name))))


def folded(texts: list[str]) -> set[str]:
    return {word.text for text in texts for word in words(text)}


@settings(max_examples=300)
@given(st.lists(st.text(alphabet=LETTERS, min_size=1, max_size=12), max_size=6))
def test_words_are_filed_together_as_they_are_one_by_one(texts: list[str]) -> None:
    assert dict(filed(folded(texts))) == {word: term_keys(word) for word in folded(texts)}


def test_the_words_of_many_names_are_filed_together_as_they_are_one_by_one() -> None:
    assert dict(filed(WORDS)) == {word: term_keys(word) for word in WORDS}


@settings(max_examples=300)
@given(st.lists(st.text(alphabet=LETTERS, min_size=1, max_size=12), max_size=6))
def test_no_word_with_a_key_that_is_asked_for_is_passed_over(texts: list[str]) -> None:
    asked = {word for word in folded(texts) if not term_keys(word).isdisjoint(ASKED)}
    assert asked <= Screen(ASKED).passing(folded(texts))


def test_most_words_without_such_a_key_are_passed_over() -> None:
    others = [word for word in WORDS if term_keys(word).isdisjoint(ASKED) and len(word) > 3]
    assert len(Screen(ASKED).passing(others)) < len(others) / 4
