"""The quick split into words is the same as the slow one."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unlearning_jobs.engine.matching.test_words import FORMS, SAMPLES, Form
from unlearning_jobs.engine.matching.numbering import PRIME, SECRET, number, product
from unlearning_jobs.engine.matching.vectorised import split
from unlearning_jobs.engine.matching.words import words

ALPHABET = "abSs'’ʼ_<>&;/=\"\u00ad\u0301\u3099é王กำガﾞｶ½ßﬁ#1-\n\ufdd0ㄱ\u1100\u1161हि्"
COMPOSING = "ক\u09c7\u09be\u09cb\u09cdக\u0bc6\u0bbe\u0bd7ಕ\u0cc6\u0cc2\u0cca\u0cd5\u0d92ဥ\u102eකා\u0dd9\u0dca ㅋㅏ"
COMPOSING += "ㄱ\u11a8가α\u0345'’ʼsS\ufdd0_"
"""Letters and marks that become one letter in the normal form, and what they may stand beside."""


def check(texts: list[str]) -> None:
    block = split(texts)
    for text, first, last in zip(texts, block.firsts, block.firsts[1:], strict=False):
        expected = [word.text for word in words(text)]
        assert block.numbers[first:last].tolist() == [number(word) for word in expected]
        assert block.identities[first:last].tolist() == [number(word, SECRET) for word in expected]
        assert [block.spelled(place) for place in range(first, last)] == expected


@settings(max_examples=400)
@given(st.lists(st.text(alphabet=ALPHABET, max_size=40), max_size=4))
def test_it_gives_the_same_words_for_every_text(texts: list[str]) -> None:
    check(texts)


@settings(max_examples=400)
@given(st.lists(st.text(alphabet=COMPOSING, max_size=20), max_size=4))
def test_it_gives_the_same_words_where_marks_compose(texts: list[str]) -> None:
    check(texts)


@settings(max_examples=400)
@given(st.lists(st.text(alphabet="ab'sS_ 1", max_size=30), max_size=4))
def test_it_gives_the_same_words_for_plain_english(texts: list[str]) -> None:
    check(texts)


@pytest.mark.parametrize("form", FORMS)
def test_it_gives_the_same_words_in_every_script(form: Form) -> None:
    check([unicodedata.normalize(form, text) for text in SAMPLES])


@given(st.lists(st.text(max_size=20), max_size=3))
def test_it_gives_the_same_words_for_any_characters(texts: list[str]) -> None:
    check(texts)


@pytest.mark.parametrize("letter", ["z", "\U0003134a", "z\u0301"])
@pytest.mark.parametrize("length", [4095, 4096, 4097, 20_000])
def test_it_numbers_words_of_thousands_of_letters(letter: str, length: int) -> None:
    check([letter * length, "a " + letter * length + " b"])


@given(st.lists(st.tuples(*(st.integers(0, PRIME - 1),) * 2), min_size=1, max_size=20))
def test_products_are_exact_modulo_the_prime(pairs: list[tuple[int, int]]) -> None:
    first, second = (np.array(side, np.uint64) for side in zip(*pairs, strict=True))
    assert product(first, second).tolist() == [a * b % PRIME for a, b in pairs]
