"""Searches for names of people in the forms in which texts write them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace

from unlearning_jobs.engine.matching.candidates import query_terms
from unlearning_jobs.engine.matching.identifier_escapes import SIGNS, has_escapes, unescaped
from unlearning_jobs.engine.matching.needs import Needs
from unlearning_jobs.engine.matching.plain import plain
from unlearning_jobs.engine.matching.query import EVERY, Query, Span
from unlearning_jobs.engine.matching.words import words

from .needs import NameWords, may_be_family
from .place import Place
from .query import Reading, readings
from .unspaced import UnspacedNames, merged
from .words import family_keys, family_likeness, word_keys

MOST_WORDS = 1_000_000
"""Number of different words for which it is remembered which names they may be."""


SCRIPTS_WITHOUT_SPACES = "\u0e00"
"""No letter of such a script comes before it."""
ENOUGH = 0.9
"""Share of the score of a shorter place that a longer one needs."""


class NameMatcher:
    """Finds a given name and a family name close together, and says by which rules (see `RULES`).

    It accepts middle names, known or not; the family name first; initials, where they are some; titles, particles and
    markup between; typing errors in long words; grammatical endings; other spellings, scripts and short forms of the given
    name; a former family name. A name of one word, a title with a family name, and initials have low scores. Other people
    with the same name match as well; the reviewer decides.
    """

    def __init__(self, queries: Sequence[Query]) -> None:
        self._families: defaultdict[str, list[Reading]] = defaultdict(list)
        for query in queries:
            for reading in readings(query):
                for key in family_keys(reading.family[0], syllabic=reading.syllabic):
                    self._families[key].append(reading)
        self._candidates: dict[str, list[Reading]] = {}
        self._unspaced = UnspacedNames(queries)

    @staticmethod
    def needs(query: Query) -> Needs:
        """Return the words that a text with a match holds, by the keys under which an index files them."""
        asked = NameWords(query)
        return Needs(query_terms(query), filed=True, escapes=True, agrees=asked.agrees, near=asked.near)

    def spans(self, text: str, wanted: Container[str] = EVERY) -> Iterator[Span]:
        """Yield the places of the names in the text, in its order; of places that overlap, the best."""
        spans = list(self._seen(text, wanted))
        if has_escapes(plain(text).text):
            spans += self._escaped(text, wanted)
        yield from best_spans(spans)

    def may_be_among(self, folded: Iterable[str]) -> bool:
        """Return whether one of the names may stand among these words of a text, which has no escapes and no tags."""
        return any(word >= SCRIPTS_WITHOUT_SPACES or self._with_family(word) for word in folded)

    def _escaped(self, text: str, wanted: Container[str]) -> Iterator[Span]:
        """Yield the names that percent escapes stand in: "?q=Thyra%20Kestelyn"."""
        seen = unescaped(text, blanks=True)
        for span in self._seen(seen.text, wanted):
            start, end = seen.place(span.start, span.end)
            if not SIGNS.isdisjoint(text[start:end]):
                yield replace(span, start=start, end=end, because=(*span.because, "escaped"))

    def _seen(self, text: str, wanted: Container[str]) -> Iterator[Span]:
        tokens = words(text)
        yield from (span for span in self._unspaced.spans(text, tokens) if span.query in wanted)
        tokens = merged(text, tokens)
        for position, word in enumerate(tokens):
            for reading in self._with_family(word.text):
                if reading.query in wanted and (found := Place(text, tokens, reading, position).found()):
                    first, last = tokens[found.first], tokens[found.last]
                    yield Span(reading.query, first.start, last.end, found.score, found.because)

    def _with_family(self, word: str) -> list[Reading]:
        """Return the readings whose family name may begin with this word. Results are kept, because words recur."""
        if word not in self._candidates:
            if len(self._candidates) > MOST_WORDS:
                self._candidates.clear()
            self._candidates[word] = self._alike(word)
        return self._candidates[word]

    def _alike(self, word: str) -> list[Reading]:
        if not may_be_family(word):
            return []
        near = {id(r): r for key in (*word_keys(word), word) for r in self._families.get(key, ())}
        return [r for r in near.values() if family_likeness(r.family[0], word, syllabic=r.syllabic)]


def best_spans(spans: list[Span]) -> list[Span]:
    """Return the spans in the order of the text without those that overlap a better one of the same query.

    A place that holds another one is better, unless its score is much lower: "Vargas Llosa, Mario" holds "Llosa, Mario".
    """
    kept: list[Span] = []
    last: dict[str, int] = {}
    for span in sorted(spans, key=lambda s: (s.start, -s.score, -s.end)):
        before = last.get(span.query)
        if before is None or span.start >= kept[before].end:
            last[span.query] = len(kept)
            kept.append(span)
        elif kept[before].score < span.score * (ENOUGH if span.end <= kept[before].end else 1):
            kept[before] = span
    return sorted(kept, key=lambda s: (s.start, s.end))
