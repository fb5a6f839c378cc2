"""Searches for phrases, and for longer passages of works."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .query import Query, QueryError, Span, check_script
from .words import Word, words

RUN = 8
"""Number of consecutive words that a text must share with a longer query."""
SEED = 4
"""Length of the shortest run of shared words. Runs shorter than RUN count only together."""
TOGETHER = 12
"""Number of words that several runs must share if none has RUN words: a passage in which some words were changed."""
GAP = 12
"""Largest number of words of the text between two runs of the same passage."""


@dataclass(frozen=True)
class Run:
    """A run of shared words: text[start : start + length] equals query[query_start : query_start + length]."""

    start: int
    query_start: int
    length: int

    @property
    def end(self) -> int:
        return self.start + self.length


class ExactMatcher:
    """Finds queries of fewer than eight words as a whole, and passages of longer ones.

    A passage is a maximal run of at least eight shared words, or several runs of at least four words that lie close together
    and share at least twelve: a quotation in which some words were changed. Case, accents, punctuation and white space do
    not matter. The score is the share of the query's words that the passage contains.
    """

    def __init__(self, queries: Sequence[Query]) -> None:
        self._words = {q.id: [w.text for w in words(q.value)] for q in queries}
        if any(not query_words for query_words in self._words.values()):
            message = "The text to search for holds no letters or digits."
            raise QueryError(message, code="nothing_to_search_for")
        for one in queries:
            check_script(one.value, at_most=0.5)
        self._seeds: defaultdict[tuple[str, ...], list[tuple[str, int]]] = defaultdict(list)
        self._phrases: defaultdict[str, list[str]] = defaultdict(list)
        for query, query_words in self._words.items():
            if len(query_words) < RUN:
                self._phrases[query_words[0]].append(query)
            else:
                for i in range(len(query_words) - SEED + 1):
                    self._seeds[tuple(query_words[i : i + SEED])].append((query, i))

    def spans(self, text: str) -> Iterator[Span]:
        """Yield the phrases and passages in the text."""
        tokens = words(text)
        folded = [w.text for w in tokens]
        # 1. Short queries, as a whole.
        yield from self._phrase_spans(tokens, folded)
        # 2. Passages of longer ones.
        for query, runs in self._runs(folded).items():
            for passage in _passages(runs):
                covered = {i for run in passage for i in range(run.query_start, run.query_start + run.length)}
                end = tokens[max(run.end for run in passage) - 1].end
                yield Span(query, tokens[passage[0].start].start, end, len(covered) / len(self._words[query]))

    def _phrase_spans(self, tokens: list[Word], folded: list[str]) -> Iterator[Span]:
        for i, word in enumerate(folded):
            for query in self._phrases.get(word, ()):
                phrase = self._words[query]
                if folded[i : i + len(phrase)] == phrase:
                    yield Span(query, tokens[i].start, tokens[i + len(phrase) - 1].end, 1.0)

    def _runs(self, folded: list[str]) -> dict[str, list[Run]]:
        """Return all maximal shared runs by query, in the order of the text. In repetitive texts, runs may overlap."""
        runs: defaultdict[str, list[Run]] = defaultdict(list)
        # By diagonal (start - query_start), the first place after its last run. A run advances along its diagonal, so the
        # places within it cannot start another maximal run there.
        free: defaultdict[tuple[str, int], int] = defaultdict(int)
        for start in range(len(folded) - SEED + 1):
            for query, query_start in self._seeds.get(tuple(folded[start : start + SEED]), ()):
                if start >= free[query, start - query_start]:
                    run = Run(start, query_start, _shared_length(folded, start, self._words[query], query_start))
                    runs[query].append(run)
                    free[query, start - query_start] = run.end
        return runs


def _shared_length(text: list[str], start: int, query: list[str], query_start: int) -> int:
    most = min(len(text) - start, len(query) - query_start)
    length = SEED
    while length < most and text[start + length] == query[query_start + length]:
        length += 1
    return length


def _passages(runs: list[Run]) -> Iterator[list[Run]]:
    """Group neighbouring runs, and yield the groups that are too long to be a coincidence."""
    passage: list[Run] = []
    end = 0
    for run in runs:
        if passage and run.start - end > GAP:  # too far away: a new passage begins
            if _long_enough(passage):
                yield passage
            passage = []
        passage.append(run)
        end = max(end, run.end)
    if passage and _long_enough(passage):
        yield passage


def _long_enough(passage: list[Run]) -> bool:
    shared = {place for run in passage for place in range(run.start, run.end)}
    return max(run.length for run in passage) >= RUN or len(shared) >= TOGETHER
