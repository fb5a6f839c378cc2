"""Queries, matches and spans: the input and output of matching."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from unlearning_jobs.engine.errors import EngineError


class QueryError(EngineError):
    """A query holds nothing to search for."""

    code = "bad_query"


@dataclass(frozen=True)
class Query:
    """Something to search for.

    The kinds are: exact, a phrase, or a work of which any longer passage counts; name, a person's full name; identifier, an
    e-mail address, a handle, or a web address.
    """

    id: str
    kind: Literal["exact", "name", "identifier"]
    value: str


@dataclass(frozen=True)
class ExampleMatch:
    """A place in an example: characters `start` to `end` of its `text`. The score is 1 for a full match, lower otherwise."""

    query: str
    example_id: str
    start: int
    end: int
    score: float
    method: str


@dataclass(frozen=True)
class Span:
    """A match within one text."""

    query: str
    start: int
    end: int
    score: float
