"""Searches for phrases, and for longer passages of works."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Final

from .needs import Needs, all_of
from .query import EVERY, Query, QueryError, Span
from .runs import Run, SuffixAutomaton
from .words import BETWEEN, Word, is_unspaced, words

RUN: Final = 8
"""Number of consecutive words that a text must share with a longer query. A letter of a script without spaces counts as half
a word."""
SEED: Final = 4
"""Number of words in the shortest run of shared words. Runs shorter than RUN count only together."""
TOGETHER: Final = 12
"""Number of words that several runs must share if none has RUN words: a passage in which some words were changed."""
GAP: Final = 12
"""Largest number of words of the text between two runs of the same passage."""


class ExactMatcher:
    """Finds queries of fewer than eight words as a whole, and passages of longer ones.

    A passage is a maximal run of at least eight shared words, or several runs of at least four words that lie close together
    and share at least twelve: a quotation in which some words were changed. Case, accents, markup, punctuation and white
    space do not matter. The score is the share of the passage that stands in the query, and `copied` the number of words
    that do: a paragraph that was copied from a long work scores 1.
    """

    def __init__(self, queries: Sequence[Query]) -> None:
        self._passages: dict[str, list[str]] = {}
        self._phrases: defaultdict[int, defaultdict[tuple[str, ...], list[str]]] = defaultdict(lambda: defaultdict(list))
        self._seeds: defaultdict[int, defaultdict[tuple[str, ...], set[str]]] = defaultdict(lambda: defaultdict(set))
        """By number of words, and by the words of a shortest run: the queries."""
        self._automata: dict[str, SuffixAutomaton] = {}
        for query in queries:
            asked = query_words(query.value)
            if is_passage(asked):
                self._passages[query.id] = asked
                length = seed_length(asked)
                for seed in _grams(asked, length):
                    self._seeds[length][seed].add(query.id)
            else:
                self._phrases[len(asked)][tuple(asked)].append(query.id)

    @staticmethod
    def needs(query: Query) -> Needs | None:
        """Return what every text with a match holds. A passage whose runs share no fingerprint is not found."""
        asked = query_words(query.value)
        return Needs(passage=tuple(asked)) if is_passage(asked) else all_of(asked)

    def spans(self, text: str, wanted: Container[str] = EVERY) -> Iterator[Span]:
        """Yield the phrases and passages in the text, then those in its tags' attributes."""
        for tokens in _streams(words(text)):
            folded = [w.text for w in tokens]
            yield from (span for span in self._phrase_spans(tokens, folded) if span.query in wanted)
            queries = sorted(query for query in self._seeded(folded) if query in wanted)
            weights = _Weights(folded if queries else ())
            for query in queries:
                yield from self._passage_spans(query, tokens, folded, weights)

    def _seeded(self, folded: list[str]) -> set[str]:
        """Return the queries of which a shortest run is among these words."""
        found = set[str]()
        for length, seeds in self._seeds.items():
            found.update(*(seeds[seed] for seed in seeds.keys() & set(_grams(folded, length))))
        return found

    def _phrase_spans(self, tokens: list[Word], folded: list[str]) -> Iterator[Span]:
        for length, phrases in self._phrases.items():
            for i, gram in enumerate(_grams(folded, length)):
                for query in phrases.get(gram, ()):
                    yield Span(query, tokens[i].start, tokens[i + length - 1].end, 1.0, copied=length)

    def _passage_spans(self, query: str, tokens: list[Word], folded: list[str], weights: _Weights) -> Iterator[Span]:
        if query not in self._automata:
            self._automata[query] = SuffixAutomaton(self._passages[query])
        runs = [run for run in self._automata[query].runs(folded, least=SEED) if weights.of(run.start, run.end) >= SEED]
        for passage in _near(runs):
            copied = sum(max(0, b.end - max(a.end, b.start)) for a, b in pairwise([Run(0, 0), *passage]))
            shared = sum(weights.of(max(a.end, b.start), b.end) for a, b in pairwise([Run(0, 0), *passage]))
            if max(weights.of(run.start, run.end) for run in passage) >= RUN or shared >= TOGETHER:
                first, last = passage[0].start, passage[-1].end
                share = copied / (last - first)
                yield Span(query, tokens[first].start, tokens[last - 1].end, share, copied=copied)


class _Weights:
    """How many words a stretch of a text counts as."""

    def __init__(self, folded: Sequence[str]) -> None:
        self._sums: list[float] | None = None
        weights = {} if "".join(folded).isascii() else {word: weight(word) for word in set(folded)}
        if any(value != 1 for value in weights.values()):
            self._sums = [0.0, *accumulate(map(weights.__getitem__, folded))]

    def of(self, start: int, end: int) -> float:
        return end - start if self._sums is None else self._sums[end] - self._sums[start]


def weight(word: str) -> float:
    """Return how many words this one counts as: a letter of a script without spaces is half a word."""
    return 0.5 if is_unspaced(word) else 1.0


def seed_length(asked: Sequence[str]) -> int:
    """Return the number of words in a shortest run that counts; of letters without spaces, it takes twice as many."""
    return round(SEED / max(map(weight, asked)))


def query_words(value: str) -> list[str]:
    """Return the words to search for: those of the text or, if it has none, of its tags' attributes.

    Raises:
        QueryError: there are none.
    """
    streams = [stream for stream in _streams(words(value)) if stream]
    if not streams:
        message = "The text to search for holds no letters or digits."
        raise QueryError(message, code="nothing_to_search_for")
    return [word.text for word in streams[0]]


def is_passage(asked: Sequence[str]) -> bool:
    """Return whether parts of these words count as found too."""
    return sum(map(weight, asked)) >= RUN


def _streams(tokens: list[Word]) -> Iterator[list[Word]]:
    """Yield the words of the text, and those of each tag's attributes. No match crosses from one to the next."""
    stream: list[Word] = []
    for word in tokens:
        if word.text == BETWEEN:
            yield stream
            stream = []
        else:
            stream.append(word)
    yield stream


def _grams(folded: Sequence[str], length: int) -> Iterator[tuple[str, ...]]:
    return zip(*(folded[i:] for i in range(length)), strict=False)


def _near(runs: Sequence[Run]) -> Iterator[list[Run]]:
    """Group runs that lie close together."""
    passage: list[Run] = []
    for run in runs:
        if passage and run.start - passage[-1].end > GAP:  # too far away: a new passage begins
            yield passage
            passage = []
        passage.append(run)
    if passage:
        yield passage
