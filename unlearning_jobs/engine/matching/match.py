"""Searches a snapshot for many queries in one pass, and yields matches with their spans in the raw text.

Matches are candidates that a person accepts or rejects. The search misses other wordings, other languages, and text that is
spread over several examples.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol

from unlearning_jobs.engine.corpora import Snapshot

from .exact import ExactMatcher
from .identifier import IdentifierMatcher
from .name import NameMatcher
from .query import ExampleMatch, Query, QueryError, Span


class Matcher(Protocol):
    """Searches one text after another for many queries of one kind."""

    def spans(self, text: str) -> Iterator[Span]:
        """Yield the places in the text where a query matches."""
        ...


MATCHERS: Final[Mapping[str, Callable[[Sequence[Query]], Matcher]]] = {
    "exact": ExactMatcher,
    "name": NameMatcher,
    "identifier": IdentifierMatcher,
}


VERSION: Final = "lethe-matching/1"
"""Raise the number with every change after which a search finds more, or less, in the same texts."""


def find_matches(
    snapshot: Snapshot, queries: Iterable[Query], *, on_progress: Callable[[int, int], None] = lambda _done, _all: None
) -> Iterator[ExampleMatch]:
    """Yield the matches of all queries in the snapshot's order, with one example in memory at a time.

    After every example, `on_progress` is told how many of how many have been read.

    Raises:
        QueryError: a query holds nothing to search for or has an unknown kind. It is raised before the search begins.
    """
    by_kind: defaultdict[str, list[Query]] = defaultdict(list)
    for query in queries:
        by_kind[query.kind].append(query)
    if unknown := sorted(set(by_kind) - set(MATCHERS)):
        message = f"There is no kind of query {unknown[0]!r}; choose one of {', '.join(MATCHERS)}."
        raise QueryError(message)
    matchers = {kind: make(by_kind[kind]) for kind, make in MATCHERS.items() if kind in by_kind}
    return _matches(snapshot, matchers, on_progress)  # a generator of its own, so that errors are raised here and now


def query_obstacle(query: Query) -> str:
    """Return why the query cannot be searched for, one of `OBSTACLES`; empty if it can."""
    try:
        MATCHERS[query.kind]([query])
    except QueryError as error:
        return error.code
    return ""


def _matches(
    snapshot: Snapshot, matchers: Mapping[str, Matcher], on_progress: Callable[[int, int], None]
) -> Iterator[ExampleMatch]:
    for number, example in enumerate(snapshot.examples(), start=1):
        for kind, matcher in matchers.items():
            for span in matcher.spans(example.text):
                yield ExampleMatch(span.query, example.id, span.start, span.end, span.score, kind, example.set)
        on_progress(number, len(snapshot))
