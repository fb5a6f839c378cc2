"""Reads a text sentence by sentence, for finders that judge what a whole sentence says."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

from unlearning_jobs.engine.guards.settled import Part
from unlearning_jobs.engine.matching.meaning_windows import ENDS
from unlearning_jobs.engine.matching.words import Word

from .finder import Hit, Tail

LONGEST: Final = 60
"""Words of a sentence; a longer one is read in parts."""
WITHOUT_SPACE: Final = "。！？\n"
"""Ends of sentences that no space follows."""


class SentenceReading:
    """Reads one text; `judge` returns the guards that each of some sentences is found by."""

    def __init__(self, judge: Callable[[Sequence[str]], Sequence[Collection[int]]], acting: Collection[int]) -> None:
        self._judge, self._acting = judge, acting
        self._words: list[Word] = []
        self._tail = Tail()
        self.held = 0

    def read(self, part: Part) -> Iterator[Hit]:
        """Yield the sentences of this part that are found."""
        self._tail.add(part)
        asked: list[tuple[int, str]] = []
        for word in part.words:
            if self._words and (self._ends(self._words[-1], word) or len(self._words) >= LONGEST):
                asked.append(self._cut(word.start))
            self._words.append(word)
        if part.final and self._words:
            asked.append(self._cut(self._tail.end))
        asked += [(stream[0].start, " ".join(word.text for word in stream)) for stream in part.attributes if stream]
        found = self._judge([text for _start, text in asked]) if asked else ()
        for (start, _text), guards in zip(asked, found, strict=True):
            yield from (Hit(start, guard) for guard in guards if guard in self._acting)
        self.held = self._tail.end if part.final else self._tail.start

    def _ends(self, before: Word, word: Word) -> bool:
        """Return whether a sentence ends between two words."""
        between = self._tail.between(before.end, word.start)
        for place, letter in enumerate(between):
            if letter in WITHOUT_SPACE or (letter in ENDS and between[place + 1 : place + 2].strip() == ""):
                return place + 1 < len(between) or letter in WITHOUT_SPACE
        return False

    def _cut(self, end: int) -> tuple[int, str]:
        start = self._tail.start
        text = self._tail.between(start, end)
        self._tail.forget_before(end)
        self._words.clear()
        return start + len(text) - len(text.lstrip()), text
