"""Phrases that are looked for word by word, whatever their case, accents, punctuation, markup and look-alikes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from unlearning_jobs.engine.guards.lookalikes import skeleton
from unlearning_jobs.engine.guards.patterns import Texts
from unlearning_jobs.engine.guards.settled import Part
from unlearning_jobs.engine.matching.encoder import Encoder
from unlearning_jobs.engine.matching.words import BETWEEN, Word, words

from .finder import Hit

FEWEST: Final = 3
"""Letters of a phrase; fewer are in most texts. In scripts without spaces, two are a name."""


@dataclass
class Node:
    """What has been read of some phrases."""

    following: dict[str, Node] = field(default_factory=dict)
    guards: set[int] = field(default_factory=set)
    """Those whose phrase ends here."""


def phrase_words(text: str) -> list[str]:
    """Return the words of a phrase, by what they look like."""
    return [skeleton(word.text) for word in words(text) if word.text != BETWEEN]


class PhraseFinder:
    """Finds phrases as whole words."""

    def __init__(self, patterns: Sequence[tuple[int, Texts]], encoder: Encoder | None = None) -> None:
        del encoder
        self.root = Node()
        for guard, of in patterns:
            for text in of.texts:
                self.add(guard, text)

    def add(self, guard: int, text: str) -> None:
        """Look for another phrase."""
        node = self.root
        for word in phrase_words(text):
            node = node.following.setdefault(word, Node())
        node.guards.add(guard)

    @classmethod
    def problem(cls, of: Texts) -> str:
        """Return why such a pattern would find nothing or everything."""
        if not of.texts:
            return "one of its patterns has no texts."
        return next(filter(None, map(phrase_problem, of.texts)), "")

    def session(self, acting: Collection[int]) -> PhraseReading:
        """Return what reads one text."""
        return PhraseReading(self.root, acting)


def phrase_problem(text: str) -> str:
    """Return why a phrase would be found everywhere."""
    letters = "".join(phrase_words(text))
    enough = FEWEST if letters.isascii() else FEWEST - 1
    return "" if len(letters) >= enough else f"one of its phrases has fewer than {enough} letters, as nearly every text has."


class PhraseReading:
    """Reads one text word by word, with the phrases that have begun."""

    def __init__(self, root: Node, acting: Collection[int]) -> None:
        self._root, self._acting = root, acting
        self._begun: list[tuple[int, Node]] = []
        self.held = 0

    def read(self, part: Part) -> Iterator[Hit]:
        """Yield the phrases that end in this part."""
        yield from self.through(part.words)
        for stream in part.attributes:
            yield from PhraseReading(self._root, self._acting).through(stream)
        self.held = min((start for start, _node in self._begun), default=part.end)

    def through(self, read: Iterable[Word]) -> Iterator[Hit]:
        """Yield the phrases that end among these words, and remember those that have begun."""
        for word in read:
            seen = skeleton(word.text)
            begun = [*self._begun, (word.start, self._root)]
            self._begun = [(start, node.following[seen]) for start, node in begun if seen in node.following]
            for start, node in self._begun:
                yield from (Hit(start, guard) for guard in node.guards if guard in self._acting)
            self._begun = [(start, node) for start, node in self._begun if node.following]
