"""Reads texts once for any number of queries, and says which text has to be looked at for which query.

It needs no index: a shard of a corpus that stays where it is can be swept by any process that has the queries.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import ahocorasick
import numpy as np
from numpy.typing import NDArray

from .candidates import has_digit, term_keys, text_terms
from .filing import Screen
from .fingerprints import fingerprints, kept_among, query_fingerprints
from .identifier_escapes import has_escapes
from .needs import Needs
from .plain import is_plain, plain
from .time_limit import Deadline, OnUnsearched, in_time, refuse
from .vectorised import Block, split
from .words import words

SLOTS: Final = 1 << 20
SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
SHIFT: Final = np.uint64(64 - 20)
NO_DIGITS: Final = bytes(set(range(256)) - set(b"0123456789"))
MOST_KNOWN: Final = 2_000_000
TEXT: Final = 1 << 17
"""Characters that are swept together: few enough for the processor's cache."""


class Sweep:
    """Finds candidates among texts by what the queries need. Every match of a query lies in one of its candidates."""

    def __init__(self, needs: Mapping[str, Needs | None]) -> None:
        """Prepare to sweep for queries by what they need. With None, every text is a candidate."""
        self._queries = tuple(needs)
        self._everywhere = [query for query, need in needs.items() if need is None]
        self._passages = _Passages({q: need.passage for q, need in needs.items() if need and need.passage})
        self._words = _Words({q: need for q, need in needs.items() if need and need.groups})
        self._hidden = _Hidden({q: need for q, need in needs.items() if need and need.escapes})

    def candidates(
        self, texts: Sequence[str], *, on_unsearched: OnUnsearched[int] = refuse
    ) -> Iterator[tuple[int, set[str]]]:
        """Yield the places of texts that may match, in order, with the queries that they may match.

        A text that takes too long is none of them; `on_unsearched` is told its place, and all queries.
        """
        found: defaultdict[int, set[str]] = defaultdict(set)
        slow: set[int] = set()
        for places in _together(texts):
            for first, pairs in in_time([texts[place] for place in places], self._pairs):
                if pairs is None:
                    slow.add(places[first])
                for within, query in pairs or ():
                    found[places[first + within]].add(query)
        for place in range(len(texts)) if self._everywhere else sorted(found.keys() | slow):
            if place in slow:
                on_unsearched(place, set(self._queries))
            else:
                yield place, found[place].union(self._everywhere)

    def _pairs(self, texts: Sequence[str], deadline: Deadline) -> list[tuple[int, str]]:
        """Return places of these texts, each with a query that it may match."""
        block = split(texts)
        return [
            *self._passages.candidates(block),
            *self._words.candidates(block, deadline),
            *self._hidden.candidates(texts, deadline),
        ]


def _together(texts: Sequence[str]) -> Iterator[list[int]]:
    """Yield the places of texts that are split together: plain ASCII, which is quicker, apart from the rest."""
    quick = [text.isascii() and is_plain(text) for text in texts]
    for kind in (True, False):
        places: list[int] = []
        size = 0
        for place, text in enumerate(texts):
            if quick[place] is not kind:
                continue
            places.append(place)
            size += len(text)
            if size >= TEXT:
                yield places
                places, size = [], 0
        if places:
            yield places


class _Passages:
    """Probes texts for the fingerprints of passages."""

    def __init__(self, passages: Mapping[str, Sequence[str]]) -> None:
        self._queries = list(passages)
        prints = [query_fingerprints(asked) for asked in passages.values()]
        every = np.concatenate([np.zeros(0, np.uint32), *prints])
        order = np.argsort(every, kind="stable")
        self._holders = np.repeat(np.arange(len(prints)), [len(own) for own in prints])[order]
        """Places of queries, in the order of their fingerprints."""
        self._prints, self._begins = np.unique(every[order], return_index=True)
        self._ends = np.append(self._begins[1:], len(every))
        bits = min(24, max(16, (16 * len(self._prints)).bit_length()))
        self._shift = np.uint32(32 - bits)
        self._table = np.zeros(1 << bits, bool)
        self._table[self._prints >> self._shift] = True

    def candidates(self, block: Block) -> Iterator[tuple[int, str]]:
        if not len(self._prints):
            return
        prints = fingerprints(block)
        places = np.flatnonzero(self._table[prints >> self._shift])
        nearest = np.minimum(np.searchsorted(self._prints, prints[places]), len(self._prints) - 1)
        places = kept_among(prints, places[self._prints[nearest] == prints[places]])
        # A text may hold one fingerprint again and again, and many queries may have it: each pair is looked at once.
        texts, found = np.divmod(
            np.unique(
                (np.searchsorted(block.firsts, places, "right") - 1) * len(self._prints)
                + np.searchsorted(self._prints, prints[places])
            ),
            len(self._prints),
        )
        counts = self._ends[found] - self._begins[found]
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        holders = self._holders[np.repeat(self._begins[found], counts) + within]
        pairs = np.unique(np.repeat(texts, counts) * len(self._queries) + holders)
        for text, holder in zip(*(side.tolist() for side in np.divmod(pairs, len(self._queries))), strict=True):
            yield text, self._queries[holder]


class _Hidden:
    """Looks for what is no word of a text: numbers, which may be grouped in any way, and what percent escapes hide."""

    def __init__(self, needs: Mapping[str, Needs]) -> None:
        self._needs = needs
        self._numbers = {query: need for query, need in needs.items() if any(key[0] == "#" for key in need.groups[0])}
        self._filed = any(need.filed for need in needs.values())
        ends = {"".join(filter(str.isdecimal, key)) for need in self._numbers.values() for key in need.groups[0]}
        self._ends = ahocorasick.Automaton()
        for end in ends:
            self._ends.add_word(end, end)
        self._ends.make_automaton()
        self._has_ends = bool(ends) and "" not in ends

    def candidates(self, texts: Sequence[str], deadline: Deadline) -> Iterator[tuple[int, str]]:
        for place, raw in enumerate(texts) if self._needs else ():
            deadline.check()
            text = raw if is_plain(raw) else plain(raw).text  # a reference may spell the sign of an escape
            if has_escapes(text):
                if terms := text_terms(text):
                    held = terms.union(word.text for word in words(text))
                    keys = {key for term in held for key in term_keys(term)} if self._filed else set[str]()
                    for query, need in self._needs.items():
                        if not need.filed or not any(map(keys.isdisjoint, need.groups)):
                            yield place, query
            elif self._numbers and self._may_hold_a_number(text):
                terms = text_terms(text)
                for query, need in self._numbers.items():
                    if not terms.isdisjoint(need.groups[0]):
                        yield place, query

    def _may_hold_a_number(self, text: str) -> bool:
        """Return whether the digits of a number's end stand in the text one after the other, whatever is in between."""
        if not self._has_ends or not text.isascii() or not is_plain(text):
            return has_digit(text)
        digits = text.encode().translate(None, NO_DIGITS).decode()
        return next(self._ends.iter(digits), None) is not None


class _Words:
    """Probes texts for words. Each distinct word is looked at once, and remembered."""

    def __init__(self, needs: Mapping[str, Needs]) -> None:
        self._needs = needs
        self._filed = any(need.filed for need in needs.values())
        self._near = max((need.near for need in needs.values()), default=0)
        self._held: dict[tuple[str, int], set[int]] = {}
        """By query and place of a group: the numbers of its words that were met."""
        self._asked: defaultdict[tuple[bool, str], list[tuple[str, int]]] = defaultdict(list)
        for query, need in needs.items():
            for place, group in enumerate(need.groups):
                self._held[query, place] = set()
                for key in group:
                    self._asked[need.filed, key].append((query, place))
        self._screen = Screen(key for filed, key in self._asked if filed)
        self._others = {q: [self._held[q, place] for place in range(1, len(need.groups))] for q, need in needs.items()}
        self._anchors: dict[int, list[str]] = {}
        """By number of a word that may begin a match: the queries."""
        self._known: set[int] = set()
        self._boring = np.full(SLOTS, np.iinfo(np.uint64).max, np.uint64)

    def candidates(self, block: Block, deadline: Deadline) -> Iterator[tuple[int, str]]:
        places = self._anchored(block, deadline)
        if not len(places):
            return
        texts = _texts(block, places)
        begins, ends = block.around(places, self._near)
        numbers = block.identities[places].tolist()
        found: set[tuple[int, str]] = set()
        window, near = (-1, -1), set[int]()
        held_in, held = -1, set[int]()
        tried = set[int]()
        """Words that were looked at with the same neighbours: a run of Kana is one window for each of its letters."""
        for number, text, begin, end in zip(numbers, texts, begins.tolist(), ends.tolist(), strict=True):
            if text != held_in:
                first, last = int(block.firsts[text]), int(block.firsts[text + 1])
                held_in, held, window = text, set(block.identities[first:last].tolist()), (-1, -1)
                tried.clear()
            if self._near and window != (begin, end):
                window, near = (begin, end), set(block.identities[max(first, begin) : min(last, end)].tolist())
                tried.clear()
            if number not in tried:
                deadline.check()
                tried.add(number)
                found.update((text, query) for query in self._queries_among(number, held, near))
        yield from found

    def _queries_among(self, anchor: int, held: set[int], near: set[int]) -> Iterator[str]:
        """Yield the queries that this word may begin a match of, among the words of its text or those near it."""
        for query in self._anchors[anchor]:
            here = near if self._needs[query].near else held
            if not any(map(here.isdisjoint, self._others[query])):
                yield query

    def _anchored(self, block: Block, deadline: Deadline) -> NDArray[np.int64]:
        """Return the places of words that may begin a match."""
        numbers = block.identities
        if not self._needs or not len(numbers):
            return np.zeros(0, np.int64)
        slots = (numbers * SPREAD) >> SHIFT
        places = np.flatnonzero(self._boring[slots] != numbers)
        distinct, where = np.unique(numbers[places], return_index=True)
        values = distinct.tolist()
        new = {
            block.spelled(place): value
            for value, place in zip(values, places[where].tolist(), strict=True)
            if value not in self._known and value not in self._anchors
        }
        self._learn(new, deadline)
        anchors = np.fromiter((value in self._anchors for value in values), bool, len(values))
        self._boring[slots[places[where[~anchors]]]] = distinct[~anchors]
        found: NDArray[np.int64] = places[anchors[np.searchsorted(distinct, numbers[places])]]
        return found

    def _learn(self, new: Mapping[str, int], deadline: Deadline) -> None:
        """Remember what these words, each with its number, are to the queries."""
        if len(self._known) > MOST_KNOWN:
            self._known.clear()
        filed = self._screen.passing([word for word in new if word]) if self._filed else set[str]()
        for word in filed.union(word for word in new if (False, word) in self._asked):
            deadline.check()
            self._learn_word(new[word], word, term_keys(word) if word in filed else ())
        self._known.update(new.values())  # only now: what is given up here is learned when it is met again

    def _learn_word(self, value: int, word: str, filed: Iterable[str]) -> None:
        keys = [(False, word), *((True, key) for key in filed)]
        begins = set[str]()
        for query, place in {asked for key in keys for asked in self._asked.get(key, ())}:
            agrees = self._needs[query].agrees
            if agrees is None or agrees(place, word):
                self._held[query, place].add(value)
                if place == 0:
                    begins.add(query)
        if begins:
            self._anchors[value] = sorted(begins)


def _texts(block: Block, places: NDArray[np.int64]) -> list[int]:
    """Return the texts that the words at these places belong to."""
    found: list[int] = (np.searchsorted(block.firsts, places, "right") - 1).tolist()
    return found
