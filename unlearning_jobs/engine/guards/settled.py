"""Reads a text that arrives in parts, and says of which part the words can no longer change.

A word may go on in the next part, an opening tag may turn out to be one and join two words, and a mark may change the letter
before it. So words are read up to a place where one word has ended for sure: white space outside of tags, or between two
letters of a script without spaces. However a text is divided, the same words are read.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from unlearning_jobs.engine.matching.plain import BLOCK, INLINE, SPECIAL
from unlearning_jobs.engine.matching.words import BETWEEN, UNSPACED_LETTER, Word, words

MAY_BE_TAG: Final = re.compile(rf"</?+(?:[A-Za-z][A-Za-z0-9]*+)?+\Z|(?i:</?+(?:{INLINE}|{BLOCK})(?![\w:-]))")
"""How a tag begins, or the beginning of that."""


@dataclass(frozen=True)
class Part:
    """A stretch of a text in which no word changes any more."""

    start: int
    raw: str
    words: Sequence[Word]
    """The words of the text; their places are those in the whole text."""
    attributes: Sequence[Sequence[Word]]
    """The words of each tag's attributes. They belong to no sentence."""
    final: bool
    """Whether the text ends here."""

    @property
    def end(self) -> int:
        """Return where the stretch ends in the whole text."""
        return self.start + len(self.raw)


class Settling:
    """Divides a text that arrives bit by bit into stretches whose words are settled."""

    def __init__(self) -> None:
        self._pending = ""
        self._start = 0

    def read(self, text: str, *, final: bool) -> Part:
        """Return the stretch that has settled with this text; it may be empty."""
        self._pending += text
        end = len(self._pending) if final else settled_end(self._pending)
        raw, self._pending = self._pending[:end], self._pending[end:]
        start, self._start = self._start, self._start + end
        streams: list[list[Word]] = [[]]
        for word in words(raw):
            if word.text == BETWEEN:
                streams.append([])
            else:
                streams[-1].append(Word(word.text, word.start + start, word.end + start))
        return Part(start, raw, streams[0], streams[1:], final)


def settled_end(text: str) -> int:
    """Return up to where nothing that follows the text changes its words."""
    tags: list[tuple[int, int]] = []
    limit = len(text)
    if "<" in text:
        tags = [hit.span() for hit in SPECIAL.finditer(text) if hit.group().startswith("<")]
        last = text.rfind("<")
        if (not tags or tags[-1][0] != last) and MAY_BE_TAG.match(text, last):
            limit = last
    for place in range(limit, 0, -1):
        if _parts_words(text, place) and not _is_inside(tags, place):
            return place
    return 0


def _parts_words(text: str, place: int) -> bool:
    if text[place - 1].isspace():
        return True
    behind = text[place : place + 1]
    return bool(behind and UNSPACED_LETTER.match(behind) and unicodedata.category(behind)[0] != "M")


def _is_inside(tags: Sequence[tuple[int, int]], place: int) -> bool:
    at = bisect_right(tags, (place,)) - 1
    return at >= 0 and tags[at][0] < place < tags[at][1]
