"""Finds the runs of words that a text shares with a query, in time that grows with the text and no faster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """A run of shared words: places `start` to `end` of the text stand in the query in the same order."""

    start: int
    end: int


class SuffixAutomaton:
    """Recognises every run of words of one query (Blumer et al. 1985, The smallest automaton recognizing the subwords).

    Each word of a text costs the same on average, however often it recurs in the text or in the query.
    """

    def __init__(self, query: Sequence[str]) -> None:
        self._next: list[dict[str, int]] = [{}]
        self._link, self._length = [-1], [0]
        last = 0
        for word in query:
            last = self._append(word, last)

    def runs(self, text: Sequence[str], *, least: int = 1) -> Iterator[Run]:
        """Yield the runs of at least so many words that cannot be extended on either side, in the order of the text.

        They may overlap.
        """
        following, link, lengths = self._next, self._link, self._length
        state = length = 0
        for place, word in enumerate(text):
            before = length
            while state and word not in following[state]:
                state = link[state]
                length = lengths[state]
            if word in following[state]:
                state = following[state][word]
                length += 1
            if before >= least and length != before + 1:  # the run before this word could not go on
                yield Run(place - before, place)
        if length >= least:
            yield Run(len(text) - length, len(text))

    def _append(self, word: str, last: int) -> int:
        following, link, lengths = self._next, self._link, self._length
        new = self._state({}, lengths[last] + 1)
        state = last
        while state >= 0 and word not in following[state]:
            following[state][word] = new
            state = link[state]
        if state < 0:
            link[new] = 0
            return new
        target = following[state][word]
        if lengths[target] != lengths[state] + 1:  # other words lead there too: it becomes two states
            copy = self._state(dict(following[target]), lengths[state] + 1)
            link[copy], link[target] = link[target], copy
            while state >= 0 and following[state].get(word) == target:
                following[state][word] = copy
                state = link[state]
            target = copy
        link[new] = target
        return new

    def _state(self, following: dict[str, int], length: int) -> int:
        self._next.append(following)
        self._link.append(0)
        self._length.append(length)
        return len(self._next) - 1
