"""Tells many words at once which of them are filed under none of the keys that are asked for.

`candidates.term_keys` says under which keys a word is filed, one word at a time. Of the words of a corpus, which are new again
and again, hardly any has a key that a sweep asks for. Here, all new words are written one below the other in Latin letters, and
each step is taken once for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .candidates import INITIALS
from .name_endings import ENDINGS, SHORTEST, VOWEL_ENDINGS
from .name_sounds import ABJAD, SOUNDS, letters_of_sound, romanised
from .name_words import ONE_ERROR
from .words import UNSPACED

Codes = NDArray[np.uint32]

LINES: Final = [(re.compile(pattern.pattern, re.MULTILINE), form) for pattern, form in SOUNDS]
LETTER_BY_LETTER: Final = re.compile(f"[{UNSPACED}\uac00-\ud7a3]")
"""Letters that are filed by themselves."""
FINAL_H: Final = re.compile("h$", re.MULTILINE)
TWICE: Final = re.compile(r"(.)\1+")
DIGRAPH: Final = re.compile("(?<=[aou])e(?!$)", re.MULTILINE)
VOWELS: Final = str.maketrans({**dict.fromkeys("aeiou", ""), "S": "s"})
LOOSE: Final = str.maketrans({"h": "", "l": "r"})
LETTERS: Final = 6
"""First letters of which keys against typing errors are made."""
CHOICES: Final = (*combinations(range(5), 4), *((0, *rest) for rest in combinations(range(1, 6), 3)))
"""Which of them stand together in a key (see `name_words`)."""
ALL_ENDINGS: Final = ENDINGS | VOWEL_ENDINGS
LONGEST_ENDING: Final = 4
BITS: Final = 20
SPREAD: Final = np.uint32(0x9E3779B1)


class Screen:
    """Holds the keys that are asked for."""

    def __init__(self, asked: Iterable[str]) -> None:
        kinds: dict[str, set[str]] = {"=": set(), "~": set(), ".": set()}
        self._words: set[str] = set()
        for key in asked:
            kinds.get(key[:1], self._words).add(key[1:] if key[:1] in kinds else key)
        self._short, self._sounds = kinds["="], kinds["~"]
        self._table = np.zeros(1 << BITS, bool)
        codes = [key for key in kinds["."] if key.isascii()]
        self._table[_slots(_codes(_first_letters(codes), range(4)))] = True

    def passing(self, words: Sequence[str]) -> Iterator[str]:
        """Yield the words that may be filed under one of the keys: all that are, and few others."""
        plain = [word for word in words if not (len(word) <= INITIALS or word in self._words or LETTER_BY_LETTER.match(word))]
        near = {word for word, is_near in zip(plain, self._near(plain), strict=True) if is_near}
        yield from near.union(set(words).difference(plain))

    def _near(self, words: Sequence[str]) -> Sequence[bool]:
        if not words:
            return []
        spelt = DIGRAPH.sub("", "\n".join(map(romanised, words))).replace("aa", "a").split("\n")
        letters = _first_letters(spelt)
        near = np.zeros(len(words), bool)
        for choice in CHOICES:
            near |= self._table[_slots(_codes(letters, choice))]
        stems = [(place, left) for place, word in enumerate(spelt) for left in _stems(word)]
        again = [(p, words[p][: len(left)]) for p, left in stems if not words[p].isascii() and len(spelt[p]) == len(words[p])]
        near[[place for place, form in _skeletons([*enumerate(words), *stems, *again]) if form in self._sounds]] = True
        short = [place for place, word in enumerate(spelt) if len(word) < ONE_ERROR and word in self._short]
        near[short + [place for place, left in stems if len(left) < ONE_ERROR and left in self._short]] = True
        found: list[bool] = near.tolist()
        return found


def _stems(word: str) -> Iterator[str]:
    """Yield what is left of a word without an ending that it may have."""
    for end in range(max(SHORTEST, len(word) - LONGEST_ENDING), len(word)):
        if word[end:] in ALL_ENDINGS:
            yield word[:end]


def _skeletons(words: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yield, each with its place, the consonants of the sound of the words, as `name_sounds.loose_skeletons` has them."""
    lines = "\n".join(letters_of_sound(word) for _, word in words)
    for pattern, form in LINES:
        lines = pattern.sub(form, lines)
    lines = FINAL_H.sub("", lines)
    for (place, _), form in zip(words, _consonants(lines), strict=True):
        yield place, form
    abjad = [(place, form) for (place, word), form in zip(words, lines.split("\n"), strict=True) if ABJAD.search(word)]
    without = "\n".join(form[:1] + form[1:].replace("v", "") for _, form in abjad)
    for (place, _), form in zip(abjad, _consonants(without) if abjad else (), strict=True):
        yield place, form


def _consonants(lines: str) -> list[str]:
    return TWICE.sub(r"\1", lines.translate(VOWELS)).translate(LOOSE).split("\n")


def _first_letters(words: Sequence[str]) -> Codes:
    """Return the codes of the first letters of each word, padded with zeros, a row for each place."""
    rows = np.array(words, f"S{LETTERS}").view(np.uint8).reshape(len(words), LETTERS)
    return rows.T.astype(np.uint32)


def _codes(letters: Codes, places: Sequence[int]) -> Codes:
    first, second, third, fourth = (letters[place] for place in places)
    codes: Codes = (first << np.uint32(24)) | (second << np.uint32(16)) | (third << np.uint32(8)) | fourth
    return codes


def _slots(codes: Codes) -> Codes:
    slots: Codes = (codes * SPREAD) >> np.uint32(32 - BITS)
    return slots
