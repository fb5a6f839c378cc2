"""Identifiers are found in whatever form their characters stand: directly, in a sweep, and by an index."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlearning_jobs.engine.matching.candidates import query_terms, term_keys, text_terms
from unlearning_jobs.engine.matching.identifier_escapes import unescaped
from unlearning_jobs.engine.matching.identifier_text import in_one_form, small
from unlearning_jobs.engine.matching.kinds import query_obstacle
from unlearning_jobs.engine.matching.match import TextSearch
from unlearning_jobs.engine.matching.query import Query
from unlearning_jobs.engine.matching.rules import RULES
from unlearning_jobs.engine.matching.sweep import Sweep
from unlearning_jobs.engine.matching.words import words

PIECES = [
    "é",
    "e\u0301",
    "ｊｏ",
    "ﬁ",
    "…",
    "．",
    "。",
    "\u2011",
    "\u00a0",
    "ß",
    "कि",
    "각",
    "a",
    "@",
    " ",
    "ｶﾞ",
    "か\u3099",
    "´",
    "½",
]


def found(value: str, text: str) -> list[tuple[str, set[str]]]:
    """Search the text alone, in a sweep, and by what an index files of it; all three find the same."""
    query = Query("q", "identifier", value)
    search = TextSearch([query])
    spans = list(search.spans(text, {"q"}))
    assert {span for _, span in search.sweep([text], sweep=Sweep(search.needs))} == set(spans)
    keys = {key for word in {w.text for w in words(text)} | text_terms(text) for key in term_keys(word)}
    assert not spans or not any(group.isdisjoint(keys) for group in query_terms(query))
    assert all(set(span.because) <= set(RULES) and (span.score < 1) == bool(span.because) for span in spans)
    return [(text[span.start : span.end], set(span.because)) for span in spans]


@pytest.mark.parametrize(
    ("value", "text", "place", "rules"),
    [
        ("@straße", "@straße hi", "@straße", set()),
        ("@straße", "I follow @Straße.", "@Straße", set()),
        ("@straße", "by @STRASSE", "@STRASSE", {"spelling"}),
        ("@große_frau", "@große_frau wrote", "@große_frau", set()),
        ("@strasse99", "so @straße99 wrote", "@straße99", {"spelling"}),
        ("@ﬁeld9", "@ﬁeld9 x", "@ﬁeld9", {"other_form"}),
        ("@field9", "@ﬁeld9 x", "@ﬁeld9", {"other_form"}),
        ("@jo_lark", "by ｊｏ＿ｌａｒｋ, said", "ｊｏ＿ｌａｒｋ", {"other_form"}),
        ("@İstanbul9", "@İstanbul9 x", "@İstanbul9", set()),
        ("josé@x.org", "to jose\u0301@x.org", "jose\u0301@x.org", set()),
        ("jose\u0301@x.org", "to josé@x.org", "josé@x.org", set()),
        ("jo@müller.example", "jo@mu\u0308ller.example", "jo@mu\u0308ller.example", set()),
        ("müller.example", "see mu\u0308ller.example.", "mu\u0308ller.example", set()),
        ("https://x.org/café", "x.org/cafe\u0301 and", "x.org/cafe\u0301", set()),
        ("jo.lark@gmail.com", "jo.lark＠gmail.com", "jo.lark＠gmail.com", {"other_form"}),
        ("jo.lark@gmail.com", "ｊｏ．ｌａｒｋ＠ｇｍａｉｌ．ｃｏｍ．", "ｊｏ．ｌａｒｋ＠ｇｍａｉｌ．ｃｏｍ", {"other_form"}),
        ("jo.lark@gmail.com", "jo.lark@gmail。com。", "jo.lark@gmail。com", set()),
        ("jo.lark@gmail.com", "谢谢。jo.lark@gmail.com。好", "jo.lark@gmail.com", set()),
        ("jo.lark@gmail.com", "…jo.lark@gmail.com…", "jo.lark@gmail.com", set()),
        ("jo.lark@gmail.com", r"jo.lark\u0040gmail.com", r"jo.lark\u0040gmail.com", {"escaped"}),
        ("https://post.example/ada", r'"https:\/\/post.example\/ada"', r"https:\/\/post.example\/ada", {"escaped"}),
        ("jo.lark@gmail.com", "=jo%252Elark%2540gmail.com", "jo%252Elark%2540gmail.com", {"escaped"}),
        ("jo.lark@gmail.com", "mailto:%20jo.lark@gmail.com", "jo.lark@gmail.com", set()),
        ("jose@x.org", "jose[@]x[.]org", "jose[@]x[.]org", {"obfuscated"}),
        ("jose@x.org", "jose@x[.]org", "jose@x[.]org", {"obfuscated"}),
        ("jose[@]x[.]org", "jose@x.org", "jose@x.org", set()),
        ("o'neil@x.org", "to o’neil@x.org", "o’neil@x.org", {"other_form"}),
        ("o’neil@x.org", "to o’neil@x.org", "o’neil@x.org", set()),
        ("straße@x.org", "to strasse@x.org", "strasse@x.org", {"spelling"}),
        ("straße@x.org", "to STRAẞE@x.org", "STRAẞE@x.org", set()),
        ("हिन्दी@x.org", "to हिन्दी@x.org", "हिन्दी@x.org", set()),
        ("030 1234567", "Tel 030\u2011123\u20114567", "030\u2011123\u20114567", {"separators", "other_form"}),
        ("030 1234567", "Tel 030\u2012123\u20124567", "030\u2012123\u20124567", {"separators"}),
        ("030 1234567", "Tel 030\u2212123\u22124567", "030\u2212123\u22124567", {"separators"}),
        ("030 1234567", "Tel 030_1234567", "030_1234567", {"separators"}),
        ("030 1234567", "tel=030%201234567", "030%201234567", {"escaped"}),
        ("030_123_4567", "030 123 4567", "030 123 4567", {"separators"}),
        ("030 1234567", "Tel 030\u00a01234567", "030\u00a01234567", set()),
        ("DE89370400440532013000", "DE89_3704_0044_0532_0130_00", "DE89_3704_0044_0532_0130_00", {"separators"}),
        ("https://x.org/?q=a%20b", "x.org/?q=a%20b", "x.org/?q=a%20b", set()),
    ],
)
def test_an_identifier_is_found_in_whatever_form_it_stands(value: str, text: str, place: str, rules: set[str]) -> None:
    assert found(value, text) == [(place, rules)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("info@strasse.example", "info@straße.example"),
        ("info@straße.example", "info@strasse.example"),
        ("fass.example", "see faß.example"),
        ("βόλοσ.gr", "see βόλος.gr"),
        ("josé@x.org", "jose@x.org"),
        ("https://x.org/a", "x.org/a%20b"),
        ("@straße", "@straßen @xstraße"),
        ("030 1234567", "030 1234567_8"),
    ],
)
def test_another_host_mailbox_page_or_number_is_not_found(value: str, text: str) -> None:
    assert found(value, text) == []


def test_a_host_that_nothing_can_have_is_no_identifier() -> None:
    assert query_obstacle(Query("q", "identifier", "jo@mü_ller.example")) == "not_an_identifier"


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_the_one_form_keeps_the_words_and_their_places(text: str) -> None:
    form = in_one_form(text)
    assert [word.text for word in words(form.text)] == [word.text for word in words(text)]
    assert in_one_form(form.text).text == form.text
    for place in range(len(form.text)):
        start, end = form.start(place), form.end(place + 1)
        assert in_one_form(text[start:end]).text.count(form.text[place]) > 0 or "．" in text[start:end]


@given(st.text(max_size=12))
def test_letters_with_marks_are_one_character_in_the_one_form(text: str) -> None:
    decomposed = unicodedata.normalize("NFD", text)
    assert small(in_one_form(decomposed).text) == small(in_one_form(unicodedata.normalize("NFC", text)).text)


@pytest.mark.parametrize("unit", ["\u0301\u0323", "%25", "%2525%20", "ﬁ", "．", "e\u0301"])
def test_the_one_form_takes_linear_time(unit: str) -> None:
    begun = time.process_time()
    unescaped(unit * 100_000)
    assert time.process_time() - begun < 5
