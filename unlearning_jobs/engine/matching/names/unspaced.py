"""Searches for names in scripts that put no spaces between words: Han, Kana, Thai and their like, and names in Hangul."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, groupby
from typing import Final

import ahocorasick

from unlearning_jobs.engine.matching.query import Query, QueryError, Span
from unlearning_jobs.engine.matching.words import Word, is_unspaced, words

from .asked import TITLES_BEHIND, with_and_without_titles
from .gaps import gaps, without_labels
from .han_forms import simplified
from .sounds import HAN, HANGUL, romanised
from .syllables import hangul_orders, pinyin_orders

KANA: Final = re.compile("[\u3040-\u30ff\u31f0-\u31ff]")
HIRAGANA: Final = re.compile("[\u3040-\u309f]")
"""Where Hiragana ends and Katakana begins, a word ends."""
LONGEST_RUN: Final = 40
"""Most letters of Kana that may be a name."""
COMPOUND: Final = frozenset(
    """
    欧阳 歐陽 司马 司馬 诸葛 諸葛 上官 司徒 东方 東方 皇甫 尉迟 尉遲 公孙 公孫 慕容 令狐 南宫 南宮 夏侯
    남궁 황보 제갈 선우 독고 사공
    """.split()  # noqa: SIM905  # a list of that length is read as a text
)
"""Family names of two characters."""
LONGEST_PINYIN: Final = 4
LONGEST_SINGLE: Final = 4
"""Letters of a name that is probably a given name alone, and often part of another word."""
COLUMN: Final = 0.8
"""What is left of the score if the parts stand in columns of their own."""
OTHER: Final = "\0"
"""Stands for letters with a vowel sign that no name has."""
Units = tuple[str, ...]
"""Letters of a name, each with its vowel signs."""


@dataclass(frozen=True)
class Form:
    """One way to write a name letter by letter: it may be parted at the places in `splits`, and must be if `parted`."""

    query: str
    letters: Units
    """As they were asked for."""
    splits: frozenset[int]
    parted: bool = False
    score: float = 1.0
    because: tuple[str, ...] = ()


@dataclass(frozen=True)
class Letters:
    """The letters of a text that stand without spaces: each one's form by which it is filed, and its word."""

    forms: Sequence[str]
    words: Sequence[Word]


class UnspacedNames:
    """Finds names letter by letter, in either order, with or without a dot or space between the parts."""

    def __init__(self, queries: Sequence[Query]) -> None:
        forms: dict[str, list[Form]] = {}
        self._codes: dict[str, str] = {}
        self._pinyin: dict[str, list[str]] = {}
        for query in queries:
            for form in (form for parts in all_parts(query.value) for form in _forms(query.id, parts)):
                for letter in form.letters:
                    if len(letter) > 1:
                        self._codes.setdefault(letter, chr(0xF0000 + len(self._codes)))  # planes for private use
                forms.setdefault(self._coded(map(letter_form, form.letters)), []).append(form)
            for name in hangul_orders(query.value):
                form = Form(query.id, tuple(name), frozenset({1}), score=0.6, because=("transliterated",))
                forms.setdefault(self._coded(map(letter_form, name)), []).append(form)
            if not unspaced_parts(query.value):
                for pinyin in pinyin_orders(query.value):
                    self._pinyin.setdefault(pinyin, []).append(query.id)
        self._automaton = ahocorasick.Automaton()
        for text, found in forms.items():
            self._automaton.add_word(text, (len(text), found))
        self._automaton.make_automaton()
        self._has_forms = bool(forms)

    def spans(self, text: str, tokens: Sequence[Word]) -> Iterator[Span]:
        """Yield the places of the names among these words of the text."""
        letters = unspaced_letters(without_labels(text, tokens))
        if not letters.words:
            return
        if self._has_forms:
            for last, (length, forms) in self._automaton.iter(self._coded(letters.forms)):
                place = letters.words[last - length + 1 : last + 1]
                for form in forms:
                    parted = gaps(text, place)
                    if parted and _fits(parted, form) and _is_whole(text, place, letters.words[last + 1 : last + 4]):
                        yield _span(form, place, parted)
        if self._pinyin and any(map(HAN.match, letters.forms)):
            yield from self._pinyin_spans(text, letters)

    def _coded(self, letters: Iterable[str]) -> str:
        """Return one character for each letter, whatever vowel signs it has."""
        return "".join(letter if len(letter) == 1 else self._codes.get(letter, OTHER) for letter in letters)

    def _pinyin_spans(self, text: str, letters: Letters) -> Iterator[Span]:
        sounds = [romanised(letter) if HAN.match(letter) else "" for letter in letters.forms]
        begin = tuple({pinyin[:1] for pinyin in self._pinyin})
        for start in (start for start, sound in enumerate(sounds) if sound.startswith(begin)):
            for end in range(start + 2, min(start + LONGEST_PINYIN, len(sounds)) + 1):
                for query in self._pinyin.get("".join(sounds[start:end]), ()) if all(sounds[start:end]) else ():
                    place = letters.words[start:end]
                    parted = gaps(text, place)
                    # The name may be parted once, behind a family name of one letter or two.
                    if parted and not any(parted[2:]) and not all(parted[:2]):
                        yield _sounding(query, place, parted)


def unspaced_letters(tokens: Sequence[Word]) -> Letters:
    """Return the letters without spaces among the words."""
    letters = [letter for word in tokens if word.text >= "\u0e00" for letter in _letters_of(word)]
    return Letters([letter_form(letter.text) for letter in letters], letters)


def _letters_of(word: Word) -> Iterator[Word]:
    """Yield the letters of a word of a script without spaces: one with its vowel signs, or the syllables of Hangul."""
    if not HANGUL.match(word.text):
        yield from (word,) if is_unspaced(word.text) else ()
        return
    sizes = [1] * len(word.text)
    if sum(sizes) != word.end - word.start:  # its parts may stand there one by one
        sizes = [len(unicodedata.normalize("NFD", syllable)) for syllable in word.text]
    if sum(sizes) != word.end - word.start:  # marks or markup stand between them, and belong to the last one
        sizes = [1] * len(word.text)
    start = word.start
    for last, (syllable, size) in enumerate(zip(word.text, sizes, strict=True), start=1):
        yield Word(syllable, start, start + size if last < len(sizes) else word.end)
        start += size


def letter_form(letter: str) -> str:
    """Return the form by which a folded letter is filed and compared: texts and names are read alike by it."""
    return simplified(letter)


def letter_keys(word: str) -> frozenset[str]:
    """Return the keys of the letters of a folded word, if it is written without spaces."""
    if HANGUL.match(word):
        return frozenset(map(letter_form, word))
    return frozenset({letter_form(word)}) if is_unspaced(word) else frozenset()


def unspaced_parts(value: str) -> list[Units]:
    """Return the parts of a name that are written without spaces, each as its letters."""
    letters = unspaced_letters(words(value)).words
    parts: list[list[str]] = []
    for i, letter in enumerate(letters):
        if i and not value[letters[i - 1].end : letter.start]:
            parts[-1].append(letter.text)
        else:
            parts.append([letter.text])
    if len(letters) == 1:
        message = "A name of one character is in every text. Write the whole name."
        raise QueryError(message, code="single_word")
    return list(map(tuple, parts))


def all_parts(value: str) -> Iterator[list[Units]]:
    """Yield the parts of a name that are written without spaces, with the titles that it was asked for with, and without."""
    yield from map(unspaced_parts, with_and_without_titles(value))


def merged(text: str, tokens: list[Word]) -> list[Word]:
    """Return the words with each run of Hiragana or Katakana as one word, to be compared with words in other scripts."""
    if not KANA.search(text):
        return tokens
    runs: list[Word] = []
    for kana, run in groupby(tokens, key=Run()):
        letters = list(run)
        if kana[0] and len(letters) <= LONGEST_RUN:
            runs.append(Word("".join(letter.text for letter in letters), letters[0].start, letters[-1].end))
        else:
            runs += letters
    return runs


class Run:
    """Tells runs of letters of one kind of Kana that nothing parts from one another, and from all else."""

    def __init__(self) -> None:
        self._number, self._kind, self._end = 0, "", 0

    def __call__(self, word: Word) -> tuple[str, int]:
        """Return the kind of Kana, empty for other words, and the number of the run."""
        kind = "both" if word.text == "ー" else ("hiragana" if HIRAGANA.match(word.text) else "katakana")
        kind = kind if KANA.match(word.text) else ""
        kind = self._kind if kind == "both" else kind
        if kind != self._kind or word.start != self._end:
            self._number += 1
        self._kind, self._end = kind, word.end
        return kind, self._number


def family_and_given(parts: Sequence[Units]) -> tuple[Units, Units]:
    """Return family and given name of a name whose family name comes first; the given one is empty if nobody can tell."""
    if len(parts) > 1:
        return parts[0], tuple(chain(*parts[1:]))
    name = parts[0]
    size = 2 if "".join(name[:2]) in COMPOUND else 1
    if len(name) > size and len(name) <= 3 + (size - 1) and (HAN.match(name[0]) or HANGUL.match(name[0])):
        return name[:size], name[size:]
    return (), name


def _forms(query: str, parts: Sequence[Units]) -> Iterator[Form]:
    if not parts:
        return
    whole = tuple(chain(*parts))
    splits = _splits(parts) or range(1, len(whole))
    short = ("short_name",) if len(whole) == 2 else ()  # noqa: PLR2004  # of two letters
    if len(parts) == 1 and len(whole) <= LONGEST_SINGLE and not (HAN.match(whole[0]) or HANGUL.match(whole[0])):
        short = ("single_name",)
    yield Form(query, whole, frozenset(splits), score=0.6 if short else 1.0, because=short)
    for split in splits if len(whole) < 7 or len(parts) > 1 else ():  # noqa: PLR2004  # longer names are parted by who asks
        turned = whole[split:] + whole[:split]
        yield Form(query, turned, frozenset({len(whole) - split}), parted=True, score=0.9, because=(*short, "order"))
    family, given = family_and_given(parts)
    for title in TITLES_BEHIND if family and given else ():
        yield Form(query, (*family, *title), frozenset({len(family)}), score=0.4, because=("title",))


def _splits(parts: Sequence[Units]) -> list[int]:
    return list(accumulate(map(len, parts)))[:-1]


def _fits(parted: Sequence[str], form: Form) -> bool:
    """Return whether the letters are parted only where the name may be."""
    breaks = {i for i, gap in enumerate(parted, start=1) if gap}
    if (form.parted and not breaks) or not breaks <= form.splits:
        return False
    return len(breaks) <= 1 or len(breaks) >= len(form.splits)


def _sounding(query: str, place: Sequence[Word], parted: Sequence[str]) -> Span:
    """Return a name by its sounds. Two letters are often another word of the same sound."""
    short = len(place) == 2  # noqa: PLR2004  # letters
    because = (*(("short_name",) if short else ()), "transliterated", *(("column",) if "column" in parted else ()))
    score = (0.4 if short else 0.6) * (COLUMN if "column" in parted else 1)
    return Span(query, place[0].start, place[-1].end, round(score, 4), because)


def _span(form: Form, place: Sequence[Word], parted: Sequence[str]) -> Span:
    score, because = form.score, form.because
    if any(word.text != letter for word, letter in zip(place, form.letters, strict=True)):
        score, because = score * 0.95, (*because, "other_characters")
    if "column" in parted:
        score, because = score * COLUMN, (*because, "column")
    return Span(form.query, place[0].start, place[-1].end, round(score, 4), because)


def _is_whole(text: str, place: Sequence[Word], behind: Sequence[Word]) -> bool:
    """Return whether syllables of Hangul begin a word, and only a particle stands behind them in it."""
    from .endings import PARTICLES

    if not HANGUL.match(place[0].text):
        return True
    before = text[max(0, place[0].start - 1) : place[0].start]
    if HANGUL.match(before):
        return False
    rest, end = "", place[-1].end
    for word in behind:
        if word.start != end or not HANGUL.match(word.text):
            break
        rest, end = rest + word.text, word.end
    return not rest or rest in PARTICLES or rest in TITLES_BEHIND or any(rest.startswith(title) for title in TITLES_BEHIND)
