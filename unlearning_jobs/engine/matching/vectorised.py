"""Splits many texts into words at once, and gives each word a number: what `words.py` does, a hundred times as fast.

The number of a word is a polynomial of its folded letters. Words that hold nothing but letters that fold to one letter each
are numbered in numpy; the others (marks, apostrophes, ligatures, thousands of letters) are folded one by one, as `words.py`
does.

Fingerprints, which are stored, are made of numbers by a base that everybody knows: there, two words with the same number
only make a candidate more. What a word *is* goes by its identity, which tells it from every word that somebody could make up
(`numbering.py`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .numbering import PUBLIC, SECRET, Numbering, Numbers, number
from .plain import BREAK, is_plain, plain
from .words import APOSTROPHES, ASCII_WORD, KEPT_MARKS, MARKS, UNSPACED_LETTER, WORD, fold, script

Places = NDArray[np.int64]
Codes = NDArray[np.uint32]

SEPARATOR, LETTER, ALONE, MARK, APOSTROPHE = range(5)
"""What a character is to a word. ALONE is a word of its own: a letter of a script without spaces, or a break."""
HARD: Final = 8
"""Added to the kind of a letter that does not fold to one letter."""
CODES: Final = 0x110000
PAGE: Final = 256
KANA_SHIFT: Final = 9
KANA_PAGES: Final = 0x3000 >> KANA_SHIFT
"""The letters of Kana, and a few others, have these first bits."""
HAS_JAMO: Final = range(0x1100, 0x1200)
"""Parts of Korean syllables, which fold together with their neighbours."""


@dataclass(frozen=True)
class Letters:
    """What numbers of words are made of."""

    seen: str
    folded: NDArray[np.uint8] | Codes
    """Without what was dropped."""
    places: Places
    begins: Places
    """By word: where it begins among the folded letters."""
    hard: Places
    """Places of words that are folded one by one."""

    def numbers(self, numbering: Numbering) -> Numbers:
        if not len(self.places):
            return np.zeros(0, np.uint64)
        numbers = numbering.of_all(self.folded, self.begins)
        longer = np.flatnonzero(np.diff(self.begins, append=len(self.folded)) > numbering.longest)
        alone = np.union1d(self.hard, longer) if len(longer) else self.hard
        if len(alone):
            pattern = ASCII_WORD if self.seen.isascii() else WORD
            exact = [number(_folded(self.seen, place, pattern), numbering) for place in self.places[alone].tolist()]
            numbers[alone] = np.array(exact, np.uint64)
        return numbers


@dataclass(frozen=True)
class Block:
    """The words of several texts, in order."""

    letters: Letters
    places: Places
    """By word: where it begins in the texts as a reader sees them, one after the other."""
    firsts: Places
    """By text: its first word. One more entry ends the last text."""
    seen: str
    """The texts as a reader sees them, with a line break behind each."""
    kana: NDArray[np.bool_] | None
    """By word: whether it is a letter of Kana, of which several may be one word of a name; None if none is."""

    @cached_property
    def numbers(self) -> Numbers:
        """By word: its number, the same everywhere."""
        return self.letters.numbers(PUBLIC)

    @cached_property
    def identities(self) -> Numbers:
        """By word: a number that no other word has, whoever made it up. It is the same within this process."""
        return self.letters.numbers(SECRET)

    def around(self, places: Places, most: int) -> tuple[Places, Places]:
        """Return where the words begin and end that are at most so many words away, not counting letters of Kana."""
        if self.kana is None:
            return places - most, places + most + 1
        count = np.cumsum(~self.kana)
        return np.searchsorted(count, count[places] - most), np.searchsorted(count, count[places] + most, "right")

    def spelled(self, word: int) -> str:
        """Return the folded word at this place."""
        return _spelled(self.seen, int(self.places[word]))


def split(texts: Sequence[str]) -> Block:
    """Split the texts into words."""
    seen = "\n".join(texts)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    if not is_plain(seen):
        plains = [plain(text).text for text in texts]
        seen = "\n".join(plains)
        lengths = np.fromiter(map(len, plains), np.int64, len(plains))
    begins = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(lengths + 1, out=begins[1:])
    letters, kana = _ascii(seen) if seen.isascii() else _unicode(seen)
    return Block(letters, letters.places, np.searchsorted(letters.places, begins), seen, kana)


def _ascii(seen: str) -> tuple[Letters, None]:
    raw = seen.encode() + bytes(LOOK_AHEAD)
    folded = np.frombuffer(raw.translate(ASCII_FOLDED), np.uint8)
    inside = folded != 0
    dropped = NOWHERE
    if b"'" in raw:
        letters = np.frombuffer(raw, np.uint8)
        within = np.flatnonzero(letters == ord("'"))
        within = within[within > 0]
        within = within[inside[within - 1] & inside[within + 1]]
        inside[within] = True
        goes_on = (folded != 0) | (letters == ord("_"))
        behind = within + 2
        possessive = (folded[within + 1] == ord("s")) & ~goes_on[behind]
        possessive &= (letters[behind] != ord("'")) | ~goes_on[behind + 1]
        dropped = np.union1d(within, within[possessive] + 1)
    starts = inside.copy()
    starts[1:] &= ~inside[:-1]
    places = np.flatnonzero(starts)
    return _letters(seen, folded, places, NOWHERE, dropped), None


def _unicode(seen: str) -> tuple[Letters, NDArray[np.bool_] | None]:
    codes = np.frombuffer((seen + "\0" * LOOK_AHEAD).encode("utf-32-le", "surrogatepass"), np.uint32)
    TABLE.learn(codes)
    kinds, folded = TABLE.kinds.take(codes), TABLE.folded.take(codes)
    hard = np.flatnonzero(kinds >= HARD)
    kinds &= HARD - 1
    # Marks part no words, so the kinds are looked at without them.
    marks = np.flatnonzero(kinds == MARK)
    bare = np.flatnonzero(kinds != MARK) if len(marks) else np.arange(len(kinds))
    seen_kinds = kinds[bare] if len(marks) else kinds
    within = np.flatnonzero(seen_kinds == APOSTROPHE)
    within = within[within > 0]
    within = within[(seen_kinds[within - 1] == LETTER) & (seen_kinds[within + 1] == LETTER)]
    dropped = np.union1d(bare[within], _possessive(codes, kinds, bare[within]))
    seen_kinds[within] = LETTER
    if len(marks):
        owners = np.searchsorted(bare, marks) - 1
        owned = (owners >= 0) & ((seen_kinds[owners] == LETTER) | (seen_kinds[owners] == ALONE))
        owned &= codes[bare[owners]] != ord(BREAK)
        folded[marks[~owned]] = 0
        folded[marks[owned & (TABLE.scripts[codes[marks]] != TABLE.scripts[codes[bare[owners]]])]] = 0
        dropped = np.union1d(dropped, marks[owned & (folded[marks] == 0)])
        hard = np.union1d(hard, _composing(folded, dropped))
    starts = seen_kinds == LETTER
    starts[1:] &= seen_kinds[:-1] != LETTER
    starts |= seen_kinds == ALONE
    places = bare[np.flatnonzero(starts)]
    kana = (codes[places] >> KANA_SHIFT) == KANA_PAGES
    return _letters(seen, folded, places, hard, dropped), kana if kana.any() else None


def _possessive(codes: Codes, kinds: NDArray[np.uint8], apostrophes: Places) -> Places:
    """Return the places of the s behind those of the apostrophes within words that make a possessive (see `words.py`)."""
    letter, behind, next_but_one = codes[apostrophes + 1], apostrophes + 2, apostrophes + 3
    possessive = (letter == ord("s")) | (letter == ord("S"))
    possessive &= (kinds[behind] != MARK) & ~_goes_on(codes, kinds, behind)
    possessive &= (kinds[behind] != APOSTROPHE) | ~_goes_on(codes, kinds, next_but_one)
    found: Places = apostrophes[possessive] + 1
    return found


def _goes_on(codes: Codes, kinds: NDArray[np.uint8], places: Places) -> NDArray[np.bool_]:
    r"""Return whether a character of a word (\w) stands at each place."""
    at, kind = codes[places], kinds[places]
    letter: NDArray[np.bool_] = (kind == LETTER) | ((kind == ALONE) & (at != ord(BREAK)))
    letter |= (at == ord("_")) | (at == ord(LETTER_APOSTROPHE))
    return letter


def _composing(folded: Codes, dropped: Places) -> Places:
    """Return the places of marks that become one letter with what stands before them."""
    kept = np.delete(np.arange(len(folded)), dropped)
    second = np.flatnonzero(np.isin(folded[kept], SECONDS))
    second = second[second > 0]
    return kept[second[np.isin(folded[kept[second - 1]], FIRSTS)]]


def _letters(seen: str, folded: NDArray[np.uint8] | Codes, places: Places, hard: Places, dropped: Places) -> Letters:
    """Return the letters of the words that begin at these places, without what stands at `dropped` ones.

    Words with a `hard` place are folded one by one.
    """
    begins = places
    if len(dropped) and len(places):
        kept = np.ones(len(folded), bool)
        kept[dropped] = False
        folded = folded[kept]
        begins = places - np.searchsorted(dropped, places)
    within = np.unique(np.searchsorted(places, hard, "right") - 1) if len(hard) else NOWHERE
    return Letters(seen, folded, places, begins, within[within >= 0])


def _spelled(seen: str, place: int) -> str:
    return _folded(seen, place, ASCII_WORD if seen.isascii() else WORD)


def _folded(seen: str, place: int, pattern: re.Pattern[str]) -> str:
    hit = pattern.match(seen, place)
    return fold(hit[hit.lastindex or 0]) if hit else ""


class _Table:
    """What each character is, and what it folds to. Filled page by page, as texts come by."""

    def __init__(self) -> None:
        self.kinds = np.zeros(CODES, np.uint8)
        self.folded = np.zeros(CODES, np.uint32)
        self.scripts = np.zeros(CODES, np.uint16)
        """Numbers of scripts: a mark is part of a word only behind a letter of its own."""
        self._scripts: dict[str, int] = {}
        self._known = np.zeros(CODES // PAGE, bool)

    def learn(self, codes: NDArray[np.uint32]) -> None:
        pages = np.flatnonzero(np.bincount(codes >> 8, minlength=CODES // PAGE) > 0)
        for page in pages[~self._known[pages]].tolist():
            for code in range(page * PAGE, (page + 1) * PAGE):
                self.kinds[code], self.folded[code] = _kind_and_fold(chr(code))
                self.scripts[code] = self._scripts.setdefault(_script(chr(code)), len(self._scripts))
            self._known[page] = True


def _script(character: str) -> str:
    parts = unicodedata.normalize("NFKD", character)
    return script(next((part for part in reversed(parts) if unicodedata.category(part)[0] != "M"), parts[0]))


def _kind_and_fold(character: str) -> tuple[int, int]:
    if character in MARK_SET:
        folded = fold(character)
        is_hard = len(folded) > 1 or character in KEPT_MARKS
        return (MARK | HARD, 0) if is_hard else (MARK, ord(folded) if folded else 0)
    if character == BREAK:
        return ALONE | HARD, 0
    if character in APOSTROPHES:
        return APOSTROPHE, 0
    if not character.isalnum():
        return SEPARATOR, 0
    kind = ALONE if UNSPACED_LETTER.match(character) else LETTER
    folded = fold(character)
    if len(folded) != 1 or ord(folded) in HAS_JAMO or folded in MARK_SET:
        return kind | HARD, 0
    return kind, ord(folded)


def _compositions() -> Iterator[tuple[int, int]]:
    """Yield the pairs of letters and marks that become one letter, though the mark is one that folding keeps."""
    for code in range(*WITH_MARKS):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and parts[0].isalnum() and not unicodedata.combining(chr(int(parts[1], 16))):  # noqa: PLR2004  # a pair
            yield int(parts[0], 16), int(parts[1], 16)


WITH_MARKS: Final = (0x300, 0x12000)
FIRSTS, SECONDS = (np.array(sorted(set(side)), np.uint32) for side in zip(*_compositions(), strict=True))
NOWHERE: Final = np.zeros(0, np.int64)
LOOK_AHEAD: Final = 3
"""Characters behind the last one that are looked at."""
LETTER_APOSTROPHE: Final = "ʼ"
MARK_SET: Final = frozenset(MARKS)
TABLE: Final = _Table()
ASCII_FOLDED: Final = bytes(ord(chr(c).lower()) if c < 128 and chr(c).isalnum() else 0 for c in range(256))  # noqa: PLR2004  # ASCII
