"""The kinds of queries, and what searches a text for each."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, Protocol

from .exact import ExactMatcher
from .identifier import IdentifierMatcher
from .keys import KeyMatcher
from .names.matcher import NameMatcher
from .needs import Needs
from .query import EVERY, Query, QueryError, Span


class Matcher(Protocol):
    """Searches one text after another for many queries of one kind, in time that grows with the text and no faster.

    If it has a static method `needs`, it is shown only texts that hold what a query needs (see `needs.Needs`).
    """

    def spans(self, text: str, wanted: Container[str] = EVERY) -> Iterator[Span]:
        """Yield the places in the text where one of the wanted queries matches."""
        ...


MATCHERS: Final[Mapping[str, Callable[[Sequence[Query]], Matcher]]] = {
    "exact": ExactMatcher,
    "name": NameMatcher,
    "identifier": IdentifierMatcher,
    "key": KeyMatcher,
}


def query_obstacle(query: Query) -> str:
    """Return why the query cannot be searched for, one of `OBSTACLES`; empty if it can."""
    try:
        MATCHERS[query.kind]([query])
    except QueryError as error:
        return error.code
    return ""


@lru_cache(maxsize=4096)
def query_needs(query: Query) -> Needs | None:
    """Return what every text with a match holds; None if that cannot be said."""
    needs: Callable[[Query], Needs | None] | None = getattr(MATCHERS[query.kind], "needs", None)
    return needs(query) if needs else None
