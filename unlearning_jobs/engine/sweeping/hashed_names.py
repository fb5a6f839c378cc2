"""Finds what may be a name near each date of a text, and brings both into their normal form.

In scripts that put no spaces between words, each letter is a word of a text (`matching.words`), while people write a name as
one, or family and given name apart; so there, all of these are looked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from unlearning_jobs.engine.matching.names.sounds import HANGUL
from unlearning_jobs.engine.matching.words import Word, is_unspaced, words

from .hashed_dates import dates
from .hashed_forms import Candidate

NEAR: Final = 12
"""Words between a date and the name that it is the birth date of."""
LONGEST_NAME: Final = 4
"""Words of a name."""
MOST_LETTERS: Final = 8
"""Letters of a name in a script without spaces, such as Kana."""
MOST_HAN: Final = 4
"""Letters of a name whose family name, the first one or two of them, is written together with the rest."""
MOST_SYLLABLES: Final = 5
"""Of a name in Hangul; a particle may follow in the same word."""


def names_with_dates(text: str) -> Iterator[Candidate]:
    """Yield what may be a name near each date, in both orders of given and family name."""
    tokens: list[Word] = []
    place = 0
    for start, end, readings in dates(text):
        tokens = tokens or sorted(words(text), key=lambda word: word.start)
        while place < len(tokens) and tokens[place].start < start:
            place += 1
        behind = place
        while behind < len(tokens) and tokens[behind].start < end:
            behind += 1
        for side in (tokens[max(0, place - NEAR) : place], tokens[behind : behind + NEAR]):
            for name in (*_names(side), *_unspaced_names(side), *_hangul_names(side)):
                for date in readings:
                    span = min(name.start, start), max(name.end, end)
                    yield Candidate(f"{name.normal}|{date}", *span, name.because)


def _names(side: Sequence[Word]) -> Iterator[Candidate]:
    for first in range(len(side)):
        for last in range(first + 2, min(first + LONGEST_NAME, len(side)) + 1):
            parts = [word.text for word in side[first:last]]
            yield from _both_orders(parts, side[first:last])
            bare = [parts[0], *(part for part in parts[1:-1] if not _is_initial(part)), parts[-1]]
            if len(bare) < len(parts):
                yield from _both_orders(bare, side[first:last], "middle_name")


def _both_orders(parts: Sequence[str], place: Sequence[Word], *because: str) -> Iterator[Candidate]:
    """Yield the name as it stands, and with family names of any number of words moved from before to behind or back."""
    for first in range(len(parts)):
        yield Candidate(" ".join((*parts[first:], *parts[:first])), place[0].start, place[-1].end, because)


def _is_initial(word: str) -> bool:
    return len(word) == 1 and word.isalpha() and not is_unspaced(word)


def _unspaced_names(side: Sequence[Word]) -> Iterator[Candidate]:
    """Yield names of letters in a row: written together, parted where the text parts them, and behind a family name."""
    for first in range(len(side)):
        parts: list[str] = []
        for last in range(first, min(first + MOST_LETTERS, len(side))):
            if not is_unspaced(side[last].text):
                break
            if last > first and side[last - 1].end == side[last].start:
                parts[-1] += side[last].text
            else:
                parts.append(side[last].text)
            place = side[first : last + 1]
            if len(place) > 1:
                yield Candidate("".join(parts), place[0].start, place[-1].end)
            if len(parts) > 1:
                yield from _both_orders(parts, place)
            elif len(place) <= MOST_HAN:
                for split in range(1, min(3, len(place))):
                    yield from _both_orders([parts[0][:split], parts[0][split:]], place)


def _hangul_names(side: Sequence[Word]) -> Iterator[Candidate]:
    """Yield names of syllables in one word, or in two: family and given name."""
    for word in side:
        if HANGUL.match(word.text) and len(word.text) == word.end - word.start:
            for length in range(2, min(MOST_SYLLABLES, len(word.text)) + 1):
                name = word.text[:length]
                yield Candidate(name, word.start, word.start + length)
                yield from _both_orders([name[0], name[1:]], [Word(name, word.start, word.start + length)])
    for one, other in pairwise(side):
        if HANGUL.match(one.text) and HANGUL.match(other.text):
            yield Candidate(one.text + other.text, one.start, other.end)
