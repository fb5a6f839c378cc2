"""Finds telephone numbers, account numbers and the like in a text, however their digits and letters are grouped."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import ahocorasick

from .identifier_form import DASHES, Number, with_digits
from .query import Span
from .words import Word

GAP: Final = re.compile(rf"[\s()\[\]./{DASHES}—_·:,'’+]{{0,4}}")
"""What may stand between two groups of a number."""
CLOSE: Final = re.compile(r"[ \u00a0\-‒−_./]?")
"""What makes the next group of digits a part of the same number."""
SIGNS: Final = re.compile(r"(?:\+[ (]?)?\(?$")
CODE: Final = re.compile("[1-9][0-9]{0,2}")
LONGEST_PREFIX: Final = 6
"""Number of digits in 00, a country code of three and the 0 that belongs to the area."""
AMERICAN: Final = 10
"""Number of digits of a number that may follow a bare 1."""


class NumberFinder:
    """Searches for all numbers at once, in one pass over the letters and digits of the text."""

    def __init__(self, numbers: Sequence[tuple[str, Number, str]]) -> None:
        self._automaton = ahocorasick.Automaton()
        by_characters: dict[str, list[tuple[str, Number, str]]] = {}
        for entry in numbers:
            by_characters.setdefault(entry[1].characters, []).append(entry)
        for characters, entries in by_characters.items():
            self._automaton.add_word(characters, (len(characters), entries))
        self._automaton.make_automaton()
        self._empty = not numbers

    def spans(self, text: str, tokens: Sequence[Word]) -> Iterator[Span]:
        """Yield the places of the numbers among these words of the text."""
        if self._empty:
            return
        stream = Stream(text, tokens)
        for last, (length, entries) in self._automaton.iter(stream.characters):
            for entry in entries:
                if span := _span(stream, entry, last + 1 - length, last + 1):
                    yield span


class Stream:
    """The letters and digits of a text without anything in between, and the words that they come from."""

    def __init__(self, text: str, tokens: Sequence[Word]) -> None:
        self.text, self.words = text, tokens
        parts = [with_digits(word.text) for word in tokens]
        self.characters = "".join(parts)
        self.starts: list[int] = []
        length = 0
        for part in parts:
            self.starts.append(length)
            length += len(part)
        self.starts.append(length)

    def word_at(self, place: int) -> int | None:
        """Return the position of the word that begins at this place; None if none does."""
        position = bisect_left(self.starts, place)
        return position if position < len(self.starts) and self.starts[position] == place else None

    def gap(self, position: int) -> str | None:
        """Return what stands between this word and the next; None at the end, or if the next stands elsewhere."""
        if not 0 <= position < len(self.words) - 1:
            return None
        end, start = self.words[position].end, self.words[position + 1].start
        return self.text[end : min(start, end + 10)] if start >= end else None


def _span(stream: Stream, entry: tuple[str, Number, str], start: int, end: int) -> Span | None:
    query, number, written = entry
    behind = stream.word_at(end)
    prefix = (_prefix(stream, number, start) if number.phone else Prefix()) if behind is not None else None
    first = stream.word_at(start - len(prefix.digits)) if prefix else None
    if behind is None or prefix is None or first is None or not _is_one_number(stream, first, behind, prefix):
        return None
    begin, stop = stream.words[first].start - prefix.signs, stream.words[behind - 1].end
    if stream.text[begin:stop].lower() == written.lower():
        return Span(query, begin, stop, 1.0)
    if number.phone and bool(number.country) != bool(prefix.country):
        return Span(query, begin, stop, 0.8, ("country_code",))
    return Span(query, begin, stop, 0.95, ("separators",))


class Prefix(NamedTuple):
    """What stands before the national digits of a telephone number: digits, the country code in them, and signs before."""

    digits: str = ""
    country: str = ""
    signs: int = 0

    @property
    def begins(self) -> bool:
        """Whether no digit of the same number can stand before it: not so for a country code without its plus."""
        return bool(self.digits) and (self.signs > 0 or self.digits[0] in "01")


def _prefix(stream: Stream, number: Number, start: int) -> Prefix | None:
    """Return the longest prefix that telephone numbers have; None if other digits stand there."""
    for length in range(min(LONGEST_PREFIX, start), -1, -1):
        position = stream.word_at(start - length)
        if position is None or position >= len(stream.words):
            continue
        begin = stream.words[position].start
        signs = SIGNS.search(stream.text[max(0, begin - 3) : begin])
        before = signs.group() if signs else ""
        digits = stream.characters[start - length : start]
        country = _country(digits, number, plus="+" in before)
        if country is not None:
            return Prefix(digits, country, len(before))
    return None


def _country(digits: str, number: Number, *, plus: bool) -> str | None:
    """Return the country code among these digits before a number, empty if there is none; None if they are no prefix."""
    if digits in {"", "0"}:
        return "" if not plus or not digits else None
    if digits == number.country:
        return digits
    if digits == "1" and len(number.characters) == AMERICAN and number.country in {"", "1"}:
        return "1"
    if not plus and not digits.startswith("00"):
        return None
    codes = (digits if plus else digits[2:], (digits if plus else digits[2:]).removesuffix("0"))
    if number.country:
        return number.country if number.country in codes else None
    return codes[0] if CODE.fullmatch(codes[0]) else None


def _is_one_number(stream: Stream, first: int, behind: int, prefix: Prefix) -> bool:
    """Return whether nothing but separators stands between the groups, and no further group belongs to them."""
    gaps = {stream.gap(position) for position in range(first, behind - 1)}
    if not all(gap is not None and GAP.fullmatch(gap) for gap in gaps):
        return False
    sides = [(behind - 1, behind)] if prefix.begins else [(first - 1, first - 1), (behind - 1, behind)]
    for position, neighbour in sides:
        gap = stream.gap(position)
        if gap is None or not CLOSE.fullmatch(gap) or not stream.words[neighbour].text.isdecimal():
            continue
        if neighbour < first and stream.text.startswith("+", stream.words[neighbour].start - 1):
            return False  # another country's
        if gap.strip() or (not prefix.begins and gap in gaps):  # people write telephone numbers one behind the other
            return False
    return True
