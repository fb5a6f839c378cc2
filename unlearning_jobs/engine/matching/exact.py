"""Phrases, and works of which any longer passage counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .query import Query, QueryError, Span
from .words import Word, words

RUN = 8
"""Words in a row that a text must share with a longer query."""
SEED = 4
"""Words in a row that begin a run; shorter runs count together."""
TOGETHER = 12
"""Words that several shorter runs must share, if none has RUN words: a passage with changed words in between."""
GAP = 12
"""Words of the text that may lie between two runs of the same passage."""


@dataclass(frozen=True)
class Run:
    """Shared words: text[place : place + length] equals query[own : own + length]."""

    place: int
    own: int
    length: int

    @property
    def end(self) -> int:
        return self.place + self.length


class ExactMatcher:
    """A query of fewer than eight words must occur whole; of a longer one, a passage.

    A passage is a maximal run of at least eight shared words, or runs of at least four which together have twelve and lie
    near each other: what remains of a quotation in which words were changed. Case, accents, punctuation and white space
    do not matter. The score is the share of the query's words that the passage holds.
    """

    def __init__(self, queries: Sequence[Query]) -> None:
        self._words = {q.id: [w.text for w in words(q.value)] for q in queries}
        if any(not own for own in self._words.values()):
            message = "The text to search for holds no letters or digits."
            raise QueryError(message)
        self._seeds: defaultdict[tuple[str, ...], list[tuple[str, int]]] = defaultdict(list)
        self._phrases: defaultdict[str, list[str]] = defaultdict(list)
        for query, own in self._words.items():
            if len(own) < RUN:
                self._phrases[own[0]].append(query)
            else:
                for i in range(len(own) - SEED + 1):
                    self._seeds[tuple(own[i : i + SEED])].append((query, i))

    def spans(self, text: str) -> Iterator[Span]:
        """Whole phrases and passages in the text."""
        found = words(text)
        folded = [w.text for w in found]
        yield from self._phrase_spans(found, folded)
        for query, runs in self._runs(folded).items():
            for passage in _passages(runs):
                covered = {i for run in passage for i in range(run.own, run.own + run.length)}
                end = found[max(run.end for run in passage) - 1].end
                yield Span(query, found[passage[0].place].start, end, len(covered) / len(self._words[query]))

    def _phrase_spans(self, found: list[Word], folded: list[str]) -> Iterator[Span]:
        for i, word in enumerate(folded):
            for query in self._phrases.get(word, ()):
                own = self._words[query]
                if folded[i : i + len(own)] == own:
                    yield Span(query, found[i].start, found[i + len(own) - 1].end, 1.0)

    def _runs(self, folded: list[str]) -> dict[str, list[Run]]:
        """Every maximal shared run per query, in the order of the text. In repetitive texts runs overlap."""
        runs: defaultdict[str, list[Run]] = defaultdict(list)
        # First place after the last run on a diagonal: text and query advance together there, so nothing is missed.
        free: defaultdict[tuple[str, int], int] = defaultdict(int)
        for place in range(len(folded) - SEED + 1):
            for query, own in self._seeds.get(tuple(folded[place : place + SEED]), ()):
                if place >= free[query, place - own]:
                    run = Run(place, own, _shared(folded, place, self._words[query], own))
                    runs[query].append(run)
                    free[query, place - own] = run.end
        return runs


def _shared(text: list[str], place: int, query: list[str], own: int) -> int:
    length = SEED
    while place + length < len(text) and own + length < len(query) and text[place + length] == query[own + length]:
        length += 1
    return length


def _passages(runs: list[Run]) -> Iterator[list[Run]]:
    """Neighbouring runs together, where they are long enough to be no coincidence."""
    passage: list[Run] = []
    end = 0
    for run in runs:
        if passage and run.place - end > GAP:
            if _long_enough(passage):
                yield passage
            passage = []
        passage.append(run)
        end = max(end, run.end)
    if passage and _long_enough(passage):
        yield passage


def _long_enough(passage: list[Run]) -> bool:
    shared = {place for run in passage for place in range(run.place, run.end)}
    return max(run.length for run in passage) >= RUN or len(shared) >= TOGETHER
