"""Searches a snapshot for many queries in one pass, and yields matches with their spans in the raw text.

Matches are candidates that a person accepts or rejects. The search misses other wordings, other languages, and text that is
spread over several examples.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from unlearning_jobs.engine.corpora import Example, Snapshot

from .index import SnapshotIndex
from .kinds import MATCHERS, query_needs
from .query import ExampleMatch, Query, QueryError, Span
from .sweep import Sweep
from .time_limit import OnUnsearched, TimeLimit, TookTooLongError, refuse

VERSION: Final = "lethe-matching/6"
"""Raise the number with every change after which a search finds more, or less, in the same texts."""

TOGETHER: Final = 1 << 20
"""Characters of texts that are held in memory together."""


AT_ONCE: Final = 50
"""Candidates that are read together, and of which progress is reported together."""


def find_matches(
    snapshot: Snapshot,
    queries: Iterable[Query],
    *,
    index: SnapshotIndex | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    on_unsearched: OnUnsearched[str] = refuse,
) -> Iterator[ExampleMatch]:
    """Yield the matches of all queries, of one request or of many.

    With an index, only the examples that it names are read; without one, all are, once, in the snapshot's order. Both find
    the same. A query that an index cannot narrow down is looked for in all examples.

    An example that takes too long (`time_limit.py`) does not count as searched: `on_unsearched` is told its id and the
    queries, and the rest is searched. What was found in it until then is yielded.

    Raises:
        QueryError: a query holds nothing to search for or has an unknown kind. It is raised before the search begins.
        CorpusError: the index is of another snapshot.
        TookTooLongError: an example took too long, and no `on_unsearched` was given.
    """
    search = TextSearch(queries)
    if index is not None:
        index.check(snapshot)
    # A generator of its own, so that errors are raised here and now.
    return _matches(snapshot, search, index, on_progress, on_unsearched)


class TextSearch:
    """The queries of any number of requests, prepared to be looked for in texts. A worker of any kind can hold one."""

    def __init__(self, queries: Iterable[Query]) -> None:
        self.queries = {query.id: query for query in queries}
        by_kind: defaultdict[str, list[Query]] = defaultdict(list)
        for query in self.queries.values():
            by_kind[query.kind].append(query)
        if unknown := sorted(set(by_kind) - set(MATCHERS)):
            message = f"There is no kind of query {unknown[0]!r}; choose one of {', '.join(MATCHERS)}."
            raise QueryError(message)
        self._matchers = {kind: make(by_kind[kind]) for kind, make in MATCHERS.items() if kind in by_kind}
        self.needs = {query.id: query_needs(query) for query in self.queries.values()}

    def sweep(
        self, texts: Sequence[str], *, sweep: Sweep, on_unsearched: OnUnsearched[int] = refuse
    ) -> Iterator[tuple[int, Span]]:
        """Yield the matches in these texts, each with its text's place; `on_unsearched` is told what took too long."""
        for place, candidates in sweep.candidates(texts, on_unsearched=on_unsearched):
            try:
                for span in self.spans(texts[place], candidates):
                    yield place, span
            except TookTooLongError:
                on_unsearched(place, candidates)

    def spans(self, text: str, candidates: set[str]) -> Iterator[Span]:
        """Yield the matches of these queries in the text.

        Raises:
            TookTooLongError: the text took too long.
        """
        limit = TimeLimit(text)
        kinds = {self.queries[query].kind for query in candidates}
        for kind, matcher in self._matchers.items():
            if kind in kinds:
                yield from limit.spans(matcher.spans(text, candidates))

    def match(self, example: Example, span: Span) -> ExampleMatch:
        return ExampleMatch(
            query=span.query,
            example_id=example.id,
            start=span.start,
            end=span.end,
            score=span.score,
            method=self.queries[span.query].kind,
            set=example.set,
            because=span.because,
            copied=span.copied,
        )


def _matches(
    snapshot: Snapshot,
    search: TextSearch,
    index: SnapshotIndex | None,
    on_progress: Callable[[int, int], None],
    on_unsearched: OnUnsearched[str],
) -> Iterator[ExampleMatch]:
    swept = search.needs
    if index is not None:
        indexed = [query for query in search.queries.values() if index.narrows(query)]
        swept = {query: need for query, need in search.needs.items() if not index.narrows(search.queries[query])}
        yield from _indexed(snapshot, search, index.candidates(indexed), on_progress, on_unsearched)
    if swept:
        yield from _swept(snapshot, search, Sweep(swept), on_progress, on_unsearched)
    on_progress(len(snapshot), len(snapshot))


def _indexed(
    snapshot: Snapshot,
    search: TextSearch,
    candidates: Mapping[str, set[str]],
    on_progress: Callable[[int, int], None],
    on_unsearched: OnUnsearched[str],
) -> Iterator[ExampleMatch]:
    ids = sorted(candidates)
    for first in range(0, len(ids), AT_ONCE):
        on_progress(len(snapshot) * first // len(ids), len(snapshot))
        for example in snapshot.get(ids[first : first + AT_ONCE]):
            try:
                for span in search.spans(example.document, candidates[example.id]):
                    yield search.match(example, span)
            except TookTooLongError:
                on_unsearched(example.id, candidates[example.id])


def _swept(
    snapshot: Snapshot,
    search: TextSearch,
    sweep: Sweep,
    on_progress: Callable[[int, int], None],
    on_unsearched: OnUnsearched[str],
) -> Iterator[ExampleMatch]:
    done = 0
    for examples in batches(snapshot.examples()):
        on_progress(done, len(snapshot))
        slow: dict[int, set[str]] = {}
        texts = [example.document for example in examples]
        for place, span in search.sweep(texts, sweep=sweep, on_unsearched=slow.__setitem__):
            yield search.match(examples[place], span)
        for place, queries in slow.items():
            on_unsearched(examples[place].id, queries)
        done += len(examples)


def batches(examples: Iterable[Example]) -> Iterator[list[Example]]:
    """Yield the examples in lists of about a million characters."""
    batch: list[Example] = []
    size = 0
    for example in examples:
        batch.append(example)
        size += len(example.document)
        if size >= TOGETHER:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
