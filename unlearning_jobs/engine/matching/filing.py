"""Files many words at once, as `candidates.term_keys` files one, and tells which are filed under no key that is asked for.

A corpus has new words again and again. They are written one below the other in Latin letters, and each step is taken once
for all of them: an index files a word in half of the time, a sweep passes one over in a fifth of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .candidates import INITIALS, term_keys
from .names.endings import ENDINGS, SHORTEST, VOWEL_ENDINGS
from .names.sounds import ABJAD, SOUNDS, initial, letters_of_sound, romanised
from .names.words import ONE_ERROR, TWO_ERRORS, letter_keys
from .words import UNSPACED

Codes = NDArray[np.uint32]

LINES: Final = [(re.compile(pattern.pattern, re.MULTILINE), form) for pattern, form in SOUNDS]
ALONE: Final = re.compile(f"[#{UNSPACED}\uac00-\ud7a3]")
"""Begins words that are filed one by one: ends of numbers, and letters of Korean or of scripts without spaces."""
FINAL_H: Final = re.compile("h$", re.MULTILINE)
TWICE: Final = re.compile(r"(.)\1+")
DIGRAPH: Final = re.compile("(?<=[aou])e(?!$)", re.MULTILINE)
VOWELS: Final = str.maketrans({**dict.fromkeys("aeiou", ""), "S": "s"})
LOOSE: Final = str.maketrans({"h": "", "l": "r"})
LETTERS: Final = 6
"""First letters of which keys against typing errors are made."""
CHOICES: Final = (*combinations(range(5), 4), *((0, *rest) for rest in combinations(range(1, 6), 3)))
"""Which of them stand together in a key (see `names.words`)."""
ALL_ENDINGS: Final = ENDINGS | VOWEL_ENDINGS
LONGEST_ENDING: Final = 4
BITS: Final = 20
SPREAD: Final = np.uint32(0x9E3779B1)


class Forms:
    """The forms of words by which they are filed."""

    def __init__(self, words: Sequence[str]) -> None:
        self.spelt = DIGRAPH.sub("", "\n".join(map(romanised, words))).replace("aa", "a").split("\n") if words else []
        self.stems = [(place, left) for place, word in enumerate(self.spelt) for left in _stems(word)]
        """Each with the place of its word."""
        again = [
            (place, words[place][: len(left)])
            for place, left in self.stems
            if not words[place].isascii() and len(self.spelt[place]) == len(words[place])
        ]
        self.skeletons = list(_skeletons([*enumerate(words), *self.stems, *again])) if words else []
        """Of words and stems, each with the place of its word."""


def filed(words: Collection[str]) -> Iterator[tuple[str, set[str]]]:
    """Yield folded words with the keys under which they are filed."""
    together = [word for word in words if word and not ALONE.match(word)]
    yield from ((word, set(term_keys(word))) for word in set(words).difference(together, [""]))
    forms = Forms(together)
    keys = [letter_keys(letters, two=len(letters) >= TWO_ERRORS - 2) for letters in forms.spelt]
    for place, form in forms.skeletons:
        keys[place].add(f"~{form}")
    for place, letters in (*enumerate(forms.spelt), *forms.stems):
        if len(letters) < ONE_ERROR:
            keys[place].add(f"={letters}")
    for word, found in zip(together, keys, strict=True):
        found.add(word)
        if len(word) <= INITIALS:
            found.add(f"^{initial(word)}")
        yield word, found


class Screen:
    """Holds the keys that are asked for."""

    def __init__(self, asked: Iterable[str]) -> None:
        kinds: dict[str, set[str]] = {"=": set(), "~": set(), ".": set()}
        self._words: set[str] = set()
        for key in asked:
            kinds.get(key[:1], self._words).add(key[1:] if key[:1] in kinds else key)
        self._short, self._sounds = kinds["="], kinds["~"]
        self._table = np.zeros(1 << BITS, bool)
        self._table[_slots(_codes(_first_letters(sorted(kinds["."])), range(4)))] = True

    def passing(self, words: Collection[str]) -> set[str]:
        """Return the words that may be filed under one of the keys: all that are, and few others."""
        rest = [word for word in words if not (len(word) <= INITIALS or word in self._words or ALONE.match(word))]
        return set(words).difference(rest).union(rest[place] for place in self._near(Forms(rest)))

    def _near(self, forms: Forms) -> Iterator[int]:
        letters = _first_letters(forms.spelt)
        near = np.zeros(len(forms.spelt), bool)
        for choice in CHOICES:
            near |= self._table[_slots(_codes(letters, choice))]
        yield from np.flatnonzero(near).tolist()
        yield from (place for place, form in forms.skeletons if form in self._sounds)
        yield from (place for place, word in (*enumerate(forms.spelt), *forms.stems) if word in self._short)


def _stems(word: str) -> Iterator[str]:
    """Yield what is left of a word without an ending that it may have."""
    for end in range(max(SHORTEST, len(word) - LONGEST_ENDING), len(word)):
        if word[end:] in ALL_ENDINGS:
            yield word[:end]


def _skeletons(words: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yield, each with its place, the consonants of the sound of the words, as `names.sounds.loose_skeletons` has them."""
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
