"""Rows selected by a value of a column."""

from __future__ import annotations

import pickle

import pytest

from unlearning_jobs.engine.corpora.document import Document
from unlearning_jobs.engine.matching.keys import KeyMatcher
from unlearning_jobs.engine.matching.match import TextSearch
from unlearning_jobs.engine.matching.query import OBSTACLES, Query, QueryError
from unlearning_jobs.engine.matching.sweep import Sweep


def found(asked: str, column: str, value: str) -> list[tuple[str, float]]:
    return [(written, score) for written, score, _ in held(asked, column, value)]


def held(asked: str, column: str, value: str) -> list[tuple[str, float, tuple[str, ...]]]:
    """Search a row with this column among others; a sweep finds the same."""
    query = Query("q", "key", asked)
    search = TextSearch([query])
    document = Document(f"A text about author: nobody.\n{asked}", {"first": "0", column: value, "other": "1"})
    spans = list(search.spans(document, {"q"}))
    assert bool(spans) == (KeyMatcher([query]).queries_of({column: value}) == {"q"})
    assert {span for _, span in search.sweep([document], sweep=Sweep(search.needs))} == set(spans)
    return [(document[s.start : s.end], s.score, s.because) for s in spans]


@pytest.mark.parametrize(
    ("asked", "column", "value"),
    [
        ("author=tide_reader", "author", "@Tide_Reader"),
        ("Author = tide_reader", "author", "tide_reader"),
        ("repository=https://github.com/Owner/name.git", "repository", "owner/name"),
        ("url=http://www.post.example/a/", "url", "https://post.example/a?utm_source=x"),
        ("domain=bücher.example", "domain", "xn--bcher-kva.example"),
        ("id=0017", "id", "0017"),
        ("shelf=North  wing", "shelf", "north wing"),
        ("domain=straße.de", "domain", "Straße.de"),
        ("dc:creator=Ada Lark", "dc:creator", "Ada Lark"),
        ("author=Ada Lark", "author", '["Ada Lark", "Bob"]'),
        ("author=Ada Lark", "author", '{"name": "Ada Lark"}'),
        ("domain=post.example", "domain", "ftp://jo@post.example/x"),
        ("url=post.example/x", "url", "//post.example/x"),
        ("domain=müller.example", "domain", "mu\u0308ller.example"),
        ("author=José Lark", "author", "Jose\u0301 Lark"),
        ("author=Ada Lark", "author", "Ada\u200b Lark"),
        ("author=Ada Lark", "author", "A\u00adda Lark"),
        ("author=Ada Lark", "author", "<i>Ada</i> Lark"),
        ("author=Ada Lark", "author", '["<i>Ada</i> Lark", "Bob"]'),
        ("author=A\u00adda Lark", "author", "Ada Lark"),
        ("author=<i>Ada</i> Lark", "author", "Ada Lark"),
        ("author=Ada%20Lark", "author", "Ada Lark"),
        ("author=Jo Lark", "author", "Jo\nLark"),
        ("a: b=Jo Lark", "a: b", "Jo Lark"),
        ("a=b=c", "a=b", "c"),
        ("a=b=c", "a", "b=c"),
        ("a=b=mark", "a=b", "<Mark>"),
        ("url=https://post.example/?a=b&c=d", "url", "post.example/?a=b&c=d"),
        ("shelf=1\uff12", "shelf", "\uff112"),
    ],
)
def test_a_row_is_found_by_the_same_value(asked: str, column: str, value: str) -> None:
    assert found(asked, column, value) == [(f"{column}: {value}", 1.0)]


@pytest.mark.parametrize(
    ("asked", "column", "value"),
    [
        ("account=tide_reader", "author", "tide_reader"),
        ("domain=post.example", "url", "https://mail.post.example/a"),
        ("domain=post.example", "host", "mail.post.example"),
        ("repository=owner/name", "max_stars_repo_name", "owner/name"),
    ],
)
def test_a_column_of_the_same_meaning_is_found_and_scores_lower(asked: str, column: str, value: str) -> None:
    assert found(asked, column, value) == [(f"{column}: {value}", 0.9)]


@pytest.mark.parametrize(
    ("asked", "column", "value"),
    [
        ("author=tide", "author", "tide_reader"),
        ("author=tide", "title", "tide"),
        ("domain=post.example", "url", "https://xpost.example/"),
        ("url=post.example/A", "url", "post.example/a"),
        ("id=17", "id", "0017"),
        ("id=1", "id", "1.0"),
        ("author=Jo Lark", "author", "Someone\nauthor: Jo Lark"),
        ("url=strasse.de", "url", "straße.de"),
        ("domain=strasse.de", "host", "straße.de"),
    ],
)
def test_another_value_is_not_found(asked: str, column: str, value: str) -> None:
    assert found(asked, column, value) == []


@pytest.mark.parametrize("asked", ["", "author", "author=", "=x", "author= @ "])
def test_a_key_without_column_or_value_is_refused(asked: str) -> None:
    with pytest.raises(QueryError, match="Write the column") as error:
        KeyMatcher([Query("q", "key", asked)])
    assert error.value.code in OBSTACLES


def test_a_line_of_the_text_that_looks_like_a_column_is_none() -> None:
    text = "Interview.\nauthor: Jo Lark\nEnd."
    search = TextSearch([Query("q", "key", "author=Jo Lark")])
    for document in (text, Document(text, {}), Document(text, {"author": "Someone Else"})):
        assert list(search.spans(document, {"q"})) == []
    [span] = search.spans(document := Document(text, {"author": "Jo Lark"}), {"q"})
    assert span.start > len(text)
    assert document[span.start : span.end] == "author: Jo Lark"


def test_a_document_knows_its_columns_in_another_process() -> None:
    document = Document("A text", {"author": "Jo\nLark", "a: b": ""})
    copied = pickle.loads(pickle.dumps(document))  # noqa: S301  # our own
    assert copied == document == "A text\nauthor: Jo\nLark\na: b: "
    assert list(copied.columns()) == list(document.columns())
    assert [document[start:end] for _, _, start, end in document.columns()] == ["author: Jo\nLark", "a: b: "]


@pytest.mark.parametrize(
    ("asked", "column", "rules"),
    [("author=Jo Strasse", "author", ("spelling",)), ("user=Jo Strasse", "author", ("related_column", "spelling"))],
)
def test_a_value_with_other_letters_says_the_rule(asked: str, column: str, rules: tuple[str, ...]) -> None:
    [(_, score, because)] = held(asked, column, "Jo Straße")
    assert because == rules
    assert score < 1


@pytest.mark.parametrize(
    ("asked", "column", "value"),
    [
        ("author=Ada Lark", "author", "Ada&#32;Lark"),
        ("author=Ada Lark", "author", "Ada%20Lark"),
        ("author=Ada Lark", "author", "Ada%2520Lark"),
        ("author=Smith & Sons", "author", "Smith &amp; Sons"),
        ("author=Smith &amp; Sons", "author", "Smith %26 Sons"),
        ("author=Jörg", "author", "J%C3%B6rg"),
        ("url=post.example/ü", "url", "https://post.example/%C3%BC"),
    ],
)
def test_a_value_behind_escapes_is_found_and_says_so(asked: str, column: str, value: str) -> None:
    assert held(asked, column, value) == [(f"{column}: {value}", 0.95, ("escaped",))]


def test_a_blank_that_is_escaped_ends_no_web_address() -> None:
    assert found("url=post.example/a", "url", "post.example/a%20b") == []
