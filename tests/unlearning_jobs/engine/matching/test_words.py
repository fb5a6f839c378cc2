"""The one definition of a word: what readers do not see changes nothing, and places are those of the raw text."""

from __future__ import annotations

import unicodedata
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlearning_jobs.engine.matching.words import BETWEEN, words

SAMPLES = [
    "The Ördög’s straße, naïve ﬁshes",
    "हिन्दी भाषा",
    "Ёлка и йод",
    "Ἀθῆναι",
    "مُحَمَّد",
    "שָׁלוֹם",
    "한국어 문장",
    "漢字かなガラス",
    "น้ำกำลัง",
    "ພາສາລາວ",
    "ភាសាខ្មែរ",
    "မြန်မာ",
    "ﺔﻴﺑﺮﻋ ① ½",
    "தமிழ்",
    "বাংলা",
    "ქართული Հայ",
]
Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
FORMS: tuple[Form, ...] = ("NFC", "NFD", "NFKC", "NFKD")


def folded(text: str) -> list[str]:
    return [word.text for word in words(text)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", SAMPLES)
def test_every_normal_form_gives_the_same_words(text: str, form: Form) -> None:
    assert folded(text)
    assert folded(unicodedata.normalize(form, text)) == folded(text)


@given(st.lists(st.sampled_from(SAMPLES), min_size=1, max_size=4).map(" ".join), st.sampled_from(FORMS))
def test_case_changes_no_word(text: str, form: Form) -> None:
    assert folded(unicodedata.normalize(form, text.upper())) == folded(text)


@pytest.mark.parametrize(
    "written",
    [
        "Kes\u00adtelyn",
        "Kes\u200btelyn",
        "K\ufeffestely\u200dn",
        "Ｋｅｓｔｅｌｙｎ",
        "K&eacute;stelyn",
        "K&#233;stelyn",
        "K&amp;#xe9;stelyn",
        "Kes&shy;telyn",
        "<b>K</b>estelyn",
        '<span class="first">Kes</span>telyn',
        "𝐊estelyn",
        "Kestelyn’s",
        "Kestelyn&rsquo;s",
    ],
)
def test_what_readers_do_not_see_does_not_split_a_word(written: str) -> None:
    tokens = words(f"Ask {written} now.")
    assert [t.text for t in tokens if t.text not in {"class", "first", BETWEEN}] == ["ask", "kestelyn", "now"]


def test_blocks_split_words_and_references_to_blanks_do() -> None:
    assert folded("<td>Thyra</td><td>Kestelyn</td>") == ["thyra", "kestelyn"]
    assert folded("Thyra&nbsp;Kestelyn&mdash;Ada") == ["thyra", "kestelyn", "ada"]


def test_attributes_stand_behind_the_text_and_their_words_have_their_places() -> None:
    text = 'See <a href="https://post.example/thyra" title="Thyra K&eacute;stelyn">her page</a> now'
    tokens = words(text)
    assert [t.text for t in tokens[:4]] == ["see", "her", "page", "now"]
    assert tokens[4].text == BETWEEN
    assert [text[t.start : t.end] for t in tokens[5:]] == [
        *("href", "https", "post", "example", "thyra", "title", "Thyra", "K&eacute;stelyn")
    ]


@pytest.mark.parametrize("text", ["if a <b && c> d", "vector<int> x", "a < b", "AT&T;", "x &unknown; y", "<notatag a>"])
def test_what_only_looks_like_markup_loses_no_word(text: str) -> None:
    letters = [w for w in "".join(c if c.isalnum() else " " for c in text.lower()).split() if w]
    assert folded(text) == letters


@given(st.text(alphabet="ab'’ <>&;/=\"\u00ad\u0301é王กำﾞｶ½amp#1", max_size=60))
def test_places_are_in_the_raw_text_and_in_order(text: str) -> None:
    stream = 0
    for word in words(text):
        assert 0 <= word.start <= word.end <= len(text)
        if word.text == BETWEEN:
            stream = 0
        else:
            assert word.start < word.end
            assert word.start >= stream
            stream = word.start


def test_a_text_of_nothing_but_tags_has_no_words() -> None:
    assert words("<mark>") == words("<b></b>") == []
