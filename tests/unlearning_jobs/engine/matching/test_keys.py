"""Rows selected by a value of a column."""

from __future__ import annotations

import pytest

from unlearning_jobs.engine.matching.keys import KeyMatcher
from unlearning_jobs.engine.matching.query import OBSTACLES, Query, QueryError


def found(asked: str, column: str, value: str) -> list[tuple[str, float]]:
    matcher = KeyMatcher([Query("q", "key", asked)])
    document = f"A text about author: nobody.\n{column}: {value}\nother: 1"
    spans = [(document[s.start : s.end], s.score) for s in matcher.spans(document)]
    assert bool(spans) == (matcher.queries_of({column: value}) == {"q"})
    return spans


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
    ],
)
def test_another_value_is_not_found(asked: str, column: str, value: str) -> None:
    assert found(asked, column, value) == []


@pytest.mark.parametrize("asked", ["", "author", "author=", "=x", "author= @ "])
def test_a_key_without_column_or_value_is_refused(asked: str) -> None:
    with pytest.raises(QueryError, match="Write the column") as error:
        KeyMatcher([Query("q", "key", asked)])
    assert error.value.code in OBSTACLES
