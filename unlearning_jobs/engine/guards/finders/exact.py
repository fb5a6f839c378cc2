"""Texts that are looked for letter by letter, all in one pass (Aho and Corasick 1975)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Final

import ahocorasick

from unlearning_jobs.engine.guards.patterns import Texts
from unlearning_jobs.engine.guards.settled import Part
from unlearning_jobs.engine.matching.encoder import Encoder

from .finder import Hit

FEWEST: Final = 3
"""Letters and digits of a text that is looked for; fewer are in most texts."""
MOST: Final = 200
"""Characters of a text: every beginning of it is kept, to know what a stream could still become."""


class ExactFinder:
    """Finds texts as they are, also within words."""

    def __init__(self, patterns: Sequence[tuple[int, Texts]], encoder: Encoder | None = None) -> None:
        del encoder
        guards: defaultdict[str, set[int]] = defaultdict(set)
        for guard, of in patterns:
            for text in of.texts:
                guards[text].add(guard)
        self.automaton = ahocorasick.Automaton()
        for text, numbers in guards.items():
            self.automaton.add_word(text, (len(text), frozenset(numbers)))
        self.automaton.make_automaton()
        self.longest = max(map(len, guards))
        self.beginnings = {text[:length] for text in guards for length in range(1, len(text))}

    @classmethod
    def problem(cls, of: Texts) -> str:
        """Return why such a pattern would find nothing or everything."""
        if not of.texts:
            return "one of its patterns has no texts."
        if any(sum(map(str.isalnum, text)) < FEWEST for text in of.texts):
            return f"one of its exact texts has fewer than {FEWEST} letters or digits, which nearly every text contains."
        if any(len(text) > MOST for text in of.texts):
            return f"one of its exact texts is longer than {MOST} characters; look for near copies of it."
        return ""

    def session(self, acting: Collection[int]) -> _Reading:
        """Return what reads one text."""
        return _Reading(self, acting)


class _Reading:
    def __init__(self, finder: ExactFinder, acting: Collection[int]) -> None:
        self._finder, self._acting = finder, acting
        self._carried = ""
        self.held = 0

    def read(self, part: Part) -> Iterator[Hit]:
        text = self._carried + part.raw
        offset = part.end - len(text)
        for last, (length, guards) in self._finder.automaton.iter(text):
            yield from (Hit(offset + last + 1 - length, guard) for guard in guards if guard in self._acting)
        most = min(self._finder.longest - 1, len(text))
        begun = next((n for n in range(most, 0, -1) if text[-n:] in self._finder.beginnings), 0)
        self._carried = text[len(text) - begun :]
        self.held = part.end - begun
