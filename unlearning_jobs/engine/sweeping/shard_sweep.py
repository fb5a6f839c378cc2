"""Sweeps one shard: reads its rows, and writes a line for each match. What runs it, here or elsewhere, is not known here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from compliance.formats.canonical import canonical_json
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.corpora.cells import SkipReason
from unlearning_jobs.engine.matching.match import TextSearch, batches
from unlearning_jobs.engine.matching.query import Span
from unlearning_jobs.engine.matching.sweep import Sweep
from unlearning_jobs.engine.matching.time_limit import TimeLimit, TookTooLongError

from .asked import Asked
from .hashed import HashedFinder
from .shards import MOST_PLACES, Reading, Shard


@dataclass
class ShardSummary:
    """What was done in one shard, or in several."""

    bytes: int = 0
    rows: int = 0
    matches: int = 0
    skipped: dict[SkipReason, int] = field(default_factory=dict)
    places: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    unsearched: list[str] = field(default_factory=list)
    """Rows whose search took too long."""
    texts_only: bool = False

    def add(self, other: ShardSummary) -> None:
        """Count another shard in."""
        self.bytes += other.bytes
        self.rows += other.rows
        self.matches += other.matches
        for reason, count in other.skipped.items():
            self.skipped[reason] = self.skipped.get(reason, 0) + count
        self.places = [*self.places, *other.places][:MOST_PLACES]
        self.unreadable += other.unreadable
        self.unsearched += other.unsearched
        self.texts_only |= other.texts_only


class Sweeper:
    """Holds what is asked for, prepared once for any number of shards."""

    def __init__(self, asked: Asked) -> None:
        self._search, self._authors = TextSearch(asked.queries), asked.authors
        self._hashed = HashedFinder(asked.hashed)
        self._sweep = Sweep(self._search.needs)

    def sweep(
        self, shard: Shard, write: Callable[[bytes], object], on_text: Callable[[int], None] = lambda _: None
    ) -> ShardSummary:
        """Write the matches of one shard, each as a line of canonical JSON.

        Args:
            shard: what to sweep.
            write: takes the lines.
            on_text: told, now and then, how many characters have been swept so far.
        """
        reading, summary = Reading(), ShardSummary(bytes=shard.size, texts_only=shard.texts_only)
        characters = 0
        for examples in batches(reading.examples(shard)):
            texts = [example.document for example in examples]
            for line in self._lines(examples, texts, summary):
                write(canonical_json(line) + b"\n")
                summary.matches += 1
            characters += sum(map(len, texts))
            on_text(characters)
        summary.rows, summary.skipped, summary.places = reading.rows, dict(sorted(reading.skipped.items())), reading.places
        summary.unreadable = reading.unreadable
        return summary

    def _lines(self, examples: list[Example], texts: Sequence[str], summary: ShardSummary) -> Iterator[dict[str, Any]]:
        slow: set[int] = set()
        found: defaultdict[int, list[Span]] = defaultdict(list)
        for place, span in self._search.sweep(texts, sweep=self._sweep, on_unsearched=lambda place, _: slow.add(place)):
            found[place].append(span)
        for place, text in enumerate(texts):
            try:
                found[place] += TimeLimit(text).spans(self._hashed.spans(text))
            except TookTooLongError:
                slow.add(place)
        for place in sorted(found):
            yield from (self._line(examples[place], span) for span in self._wanted(found[place]))
        summary.unsearched += [examples[place].id for place in sorted(slow)]

    def _wanted(self, spans: list[Span]) -> Iterator[Span]:
        """Leave out titles without their authors, and authors."""
        held = {span.query for span in spans}
        authors = set(self._authors.values())
        for span in spans:
            if span.query not in authors and self._authors.get(span.query, span.query) in held:
                yield span

    def _line(self, example: Example, span: Span) -> dict[str, Any]:
        query = self._search.queries.get(span.query)
        return {
            **asdict(span),
            "method": query.kind if query else "hash",
            "set": example.set,
            "source": asdict(example.source) if example.source else None,
        }
