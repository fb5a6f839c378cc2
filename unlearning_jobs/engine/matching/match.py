"""Many queries, one pass over a snapshot, matches with spans in the raw text.

What comes out are candidates for a person to accept or reject. Nothing is found in other wordings, other languages, or
text spread over several examples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol

from unlearning_jobs.engine.corpora import Snapshot

from .exact import ExactMatcher
from .identifier import IdentifierMatcher
from .name import NameMatcher
from .query import ExampleMatch, Query, QueryError, Span


class Matcher(Protocol):
    """Prepared for many queries of one kind; then given one text after the other."""

    def spans(self, text: str) -> Iterator[Span]:
        """Places in the text where a query matches."""
        ...


MATCHERS: Final[Mapping[str, Callable[[Sequence[Query]], Matcher]]] = {
    "exact": ExactMatcher,
    "name": NameMatcher,
    "identifier": IdentifierMatcher,
}


def find_matches(snapshot: Snapshot, queries: Iterable[Query]) -> Iterator[ExampleMatch]:
    """Matches of all queries, in the snapshot's order, in one pass with one example in memory.

    Raises:
        QueryError: a query holds nothing to search for, or is of an unknown kind; said before the pass begins.
    """
    asked = list(queries)
    if unknown := sorted({q.kind for q in asked} - set(MATCHERS)):
        message = f"There is no kind of query {unknown[0]!r}; choose one of {', '.join(MATCHERS)}."
        raise QueryError(message)
    matchers = {kind: make(own) for kind, make in MATCHERS.items() if (own := [q for q in asked if q.kind == kind])}
    return _matches(snapshot, matchers)


def is_searchable(query: Query) -> bool:
    """Whether there is anything in the query to search for; people type punctuation alone into forms."""
    try:
        MATCHERS[query.kind]([query])
    except QueryError:
        return False
    return True


def _matches(snapshot: Snapshot, matchers: Mapping[str, Matcher]) -> Iterator[ExampleMatch]:
    for example in snapshot.examples():
        for kind, matcher in matchers.items():
            for span in matcher.spans(example.text):
                yield ExampleMatch(span.query, example.id, span.start, span.end, span.score, kind)
