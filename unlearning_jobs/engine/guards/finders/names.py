"""Names of people in the forms in which texts write them (`engine/matching/names`), and their aliases as phrases.

The matcher looks at words on both sides of a name, so it is shown a text in stretches of so many words, each beginning some
words after the one before. Where they begin is counted from the beginning of the text, and so the same for every division.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from unlearning_jobs.engine.guards.lookalikes import undisguised
from unlearning_jobs.engine.guards.patterns import Person
from unlearning_jobs.engine.guards.settled import Part
from unlearning_jobs.engine.matching.encoder import Encoder
from unlearning_jobs.engine.matching.names.matcher import NameMatcher
from unlearning_jobs.engine.matching.query import Query, QueryError
from unlearning_jobs.engine.matching.words import Word

from .finder import Hit, Tail
from .phrases import Node, PhraseFinder, PhraseReading, phrase_problem, phrase_words

SPAN: Final = 12
"""Words of a stretch."""
STEP: Final = 4
"""Words from the beginning of one stretch to that of the next: a name of up to eight words is whole in one of them."""
HIDING: Final = frozenset("<%\\")
"""Characters of tags and escapes, in which words may stand that are not read as such."""
LEAST: Final = 0.6
"""Score of a place that counts: that of an initial with the family name. A title with the family name scores less."""


class NameFinder:
    """Finds people. A name or alias of one word is found as it is written, whoever else has it."""

    def __init__(self, patterns: Sequence[tuple[int, Person]], encoder: Encoder | None = None) -> None:
        del encoder
        phrases = PhraseFinder(())
        queries: list[Query] = []
        for guard, of in patterns:
            for name in (of.name, *of.aliases):
                phrases.add(guard, name)
                if len(phrase_words(name)) > 1:
                    queries.append(Query(f"{guard}:{len(queries)}", "name", name))
        self.matcher = NameMatcher(queries) if queries else None
        self.phrases: Node = phrases.root

    @classmethod
    def problem(cls, of: Person) -> str:
        """Return why such a pattern would find nothing or everything."""
        for name in (of.name, *of.aliases):
            if problem := phrase_problem(name):
                return problem
            if len(phrase_words(name)) > 1:
                try:
                    NameMatcher([Query("name", "name", name)])
                except QueryError:
                    return "one of its names cannot be searched for; look for it as a phrase."
        return ""

    def session(self, acting: Collection[int]) -> _Reading:
        """Return what reads one text."""
        return _Reading(self, acting)


class _Reading:
    def __init__(self, finder: NameFinder, acting: Collection[int]) -> None:
        self._matcher, self._acting = finder.matcher, acting
        self._phrases = PhraseReading(finder.phrases, acting)
        self._words: list[Word] = []
        self._tail = Tail()
        self.held = 0

    def read(self, part: Part) -> Iterator[Hit]:
        yield from self._phrases.read(part)
        if self._matcher is None:
            self.held = self._phrases.held
            return
        self._words += part.words
        self._tail.add(part)
        while len(self._words) > SPAN:
            yield from self._found(self._words[:SPAN], self._words[SPAN].start)
            del self._words[:STEP]
            self._tail.forget_before(self._words[0].start)
        if part.final:
            yield from self._found(self._words, self._tail.end)
        # Before the first word, a tag may have attributes; it is read with the first stretch.
        self.held = min(self._phrases.held, self._tail.end if part.final else self._tail.start)

    def _found(self, read: Sequence[Word], end: int) -> Iterator[Hit]:
        start, text = self._tail.start, self._tail.between(self._tail.start, end)
        seen = undisguised(text)
        as_read = seen == text and HIDING.isdisjoint(text)
        if self._matcher is None or (as_read and not self._matcher.may_be_among(word.text for word in read)):
            return
        for span in self._matcher.spans(seen):
            guard = int(span.query.partition(":")[0])
            if span.score >= LEAST and guard in self._acting:
                yield Hit(start + span.start, guard)
