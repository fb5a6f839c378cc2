"""Passages that are looked for by their fingerprints (`engine/matching/fingerprints.py`), also with some words changed.

A guard keeps the fingerprint of every five words in a row, and not the words. Eight words in a row share four of them; a
passage with changed words has as many in places that are close together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from unlearning_jobs.engine.guards.errors import GuardError
from unlearning_jobs.engine.guards.lookalikes import skeleton
from unlearning_jobs.engine.guards.patterns import Copies
from unlearning_jobs.engine.guards.settled import Part
from unlearning_jobs.engine.matching.encoder import Encoder
from unlearning_jobs.engine.matching.fingerprints import LENGTH, grams, query_fingerprints
from unlearning_jobs.engine.matching.words import Word, is_unspaced

from .finder import Hit
from .phrases import phrase_words

ENOUGH: Final = 4
"""Fingerprints that a passage shares; so many are in eight words."""
GAP: Final = 12
"""Words from one fingerprint of a passage to the next."""
OF_LETTERS: Final = 1 / 3
"""What a fingerprint of letters without spaces counts: five of them are a word or two."""


def copies_of(texts: Sequence[str]) -> Copies:
    """Return the pattern of near copies of these texts.

    Raises:
        GuardError: one of them is too short for a passage.
    """
    prints: set[int] = set()
    for text in texts:
        found = query_fingerprints(phrase_words(text)).tolist()
        if len(found) < ENOUGH:
            message = "A passage to look for by its fingerprints has at least eight words; look for shorter ones as phrases."
            raise GuardError(message)
        prints.update(found)
    return Copies(tuple(sorted(prints)))


class CopyFinder:
    """Finds longer parts of passages."""

    def __init__(self, patterns: Sequence[tuple[int, Copies]], encoder: Encoder | None = None) -> None:
        del encoder
        self.guards: defaultdict[int, set[int]] = defaultdict(set)
        for guard, of in patterns:
            for value in of.prints:
                self.guards[value].add(guard)

    @classmethod
    def problem(cls, of: Copies) -> str:
        """Return why such a pattern would find nothing or everything."""
        return "" if len(of.prints) >= ENOUGH else "one of its passages has too few fingerprints to be found."

    def session(self, acting: Collection[int]) -> _Reading:
        """Return what reads one text."""
        return _Reading(self.guards, acting)


@dataclass
class _Passage:
    start: int
    last: int
    """Number of the word at which the last shared fingerprint begins."""
    shared: float


class _Reading:
    def __init__(self, guards: dict[int, set[int]], acting: Collection[int]) -> None:
        self._guards, self._acting = guards, acting
        self._words: list[Word] = []
        """The last words, to which the next ones may complete a fingerprint."""
        self._count = 0
        self._open: dict[int, _Passage] = {}
        """By guard."""
        self.held = 0

    def read(self, part: Part) -> Iterator[Hit]:
        yield from self.through(part.words)
        for stream in part.attributes:
            yield from _Reading(self._guards, self._acting).through(stream)
        begun = [passage.start for passage in self._open.values()]
        self.held = min([*begun, self._words[0].start if self._words else part.end])

    def through(self, read: Sequence[Word]) -> Iterator[Hit]:
        tokens = [*self._words, *read]
        prints = grams([skeleton(word.text) for word in tokens]).tolist()
        for place, value in enumerate(prints):
            for guard in self._guards.get(value, ()):
                if guard in self._acting:
                    yield from self._shares(guard, tokens[place : place + LENGTH])
            self._count += 1
            self._open = {g: p for g, p in self._open.items() if self._count - p.last <= GAP}
        self._words = tokens[len(prints) :]

    def _shares(self, guard: int, five: Sequence[Word]) -> Iterator[Hit]:
        weight = OF_LETTERS if all(is_unspaced(word.text) for word in five) else 1.0
        passage = self._open.setdefault(guard, _Passage(five[0].start, self._count, 0.0))
        passage.last = self._count
        passage.shared += weight
        if passage.shared > ENOUGH - OF_LETTERS / 2:
            yield Hit(passage.start, guard)
