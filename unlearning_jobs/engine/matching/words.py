"""Splits a text into words, folded so that case, accents, markup and punctuation do not matter, with their places in it.

This is the one definition of a word: queries, texts and indexes are split by it. `vectorised.py` does the same for many
texts at once, and a test holds both to the same words.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

from .plain import BREAK, plain

UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u1b00-\u1b7f\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua980-\ua9ff\uaa60-\uaadf\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Scripts that put no spaces between words: Thai, Lao, Burmese, Khmer, Javanese, Kana, Han. Each letter is a word."""
MARKS: Final = "".join(chr(c) for c in range(0x300, 0x12000) if unicodedata.category(chr(c))[0] == "M")
APOSTROPHES: Final = "'’ʼ＇"
LETTERS: Final = rf"[^\W_ʼ{UNSPACED}]++(?:[{MARKS}]++[^\W_ʼ{UNSPACED}]*+)*+"
POSSESSIVE: Final = rf"[{APOSTROPHES}][sS](?![\w{MARKS}])(?![{APOSTROPHES}]\w)"
WORD: Final = re.compile(
    rf"({LETTERS}(?:(?!{POSSESSIVE})[{APOSTROPHES}][{MARKS}]*+{LETTERS})*+)(?:{POSSESSIVE})?+"
    rf"|((?!\W)[{UNSPACED}][{MARKS}]*+|{BREAK})"
)
"""The word is the first group that is there; a possessive 's follows the group."""
ASCII_POSSESSIVE: Final = r"'[sS](?!\w)(?!'\w)"
ASCII_WORD: Final = re.compile(
    rf"([A-Za-z0-9]++(?:(?!{ASCII_POSSESSIVE})'[A-Za-z0-9]++)*+)(?:{ASCII_POSSESSIVE})?+", re.ASCII
)
UNSPACED_LETTER: Final = re.compile(f"[{UNSPACED}]")
VOICED: Final = "\u3099\u309a"
"""The marks that make another letter of a Kana: ka and ga are no more alike than k and g."""
IOTA: Final = "\u0345"
"""The mark that becomes a letter in capitals: iota below a Greek vowel."""
KEPT_MARKS: Final = f"{VOICED}{IOTA}"
"""Marks that stay in a folded word, as vowel signs do, although they combine."""
LETTERS_WITHOUT_MARKS: Final = str.maketrans(
    {"ø": "o", "đ": "d", "ł": "l", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"}
)
"""Letters that Unicode does not decompose into a base letter and a mark."""


ASCII_LETTERS: Final = re.compile("([a-z0-9]+)")


class Word(NamedTuple):
    """A folded word, and characters `start` to `end` of the raw text."""

    text: str
    start: int
    end: int


BETWEEN: Final = BREAK * 2
"""The text of the word that stands between the text and the attributes of a tag. No query has it, so no match crosses it."""


def words(text: str) -> list[Word]:
    """Return all words of the text, then those of its tags' attributes.

    An apostrophe inside a word is part of it; a possessive 's is not. In scripts without spaces, each letter with its marks
    is a word.
    """
    seen = plain(text)
    if not seen.text:  # nothing, or nothing but tags
        return []
    if not seen.starts and text.isascii() and "'" not in text:
        return _ascii_words(text)
    hits = (ASCII_WORD if seen.text.isascii() else WORD).finditer(seen.text)
    if not seen.starts:
        return [Word(fold(hit[hit.lastindex or 0]), *hit.span(hit.lastindex or 0)) for hit in hits]
    return [
        Word(fold(hit[hit.lastindex or 0]), seen.start(hit.start()), seen.end(hit.end(hit.lastindex or 0))) for hit in hits
    ]


def _ascii_words(text: str) -> list[Word]:
    """Return the words of a text without marks, apostrophes and markup: what most texts are."""
    found: list[Word] = []
    end = 0
    parts = ASCII_LETTERS.split(text.lower())
    for between, word in zip(parts[::2], parts[1::2], strict=False):
        start = end + len(between)
        end = start + len(word)
        found.append(tuple.__new__(Word, (word, start, end)))
    return found


@lru_cache(maxsize=262_144)
def fold(word: str) -> str:
    """Remove case, accents, compatibility forms and apostrophes."""
    if word == BREAK:
        return BETWEEN
    if word.isascii():
        return sys.intern(word.lower().replace("'", ""))
    own = _own_marks(unicodedata.normalize("NFKD", word))
    decomposed = unicodedata.normalize("NFKD", own.casefold())
    bare = "".join(c for c in decomposed if c in VOICED or not (unicodedata.combining(c) or c in APOSTROPHES))
    return sys.intern(unicodedata.normalize("NFC", bare.translate(LETTERS_WITHOUT_MARKS)))


def _own_marks(letters: str) -> str:
    """Return decomposed letters without the marks of other scripts than their own, which change nothing that is read."""
    kept, own = list[str](), ""
    for character in letters:
        if unicodedata.category(character)[0] != "M":
            own = script(character)
        elif own and script(character) != own and (not unicodedata.combining(character) or character in KEPT_MARKS):
            continue
        kept.append(character)
    return "".join(kept)


@lru_cache(maxsize=65_536)
def script(character: str) -> str:
    """Return the first word of a character's name in Unicode, which says its script; one word for both kinds of Kana."""
    first = unicodedata.name(character, "").partition(" ")[0]
    if character in VOICED or first in {"HIRAGANA", "KATAKANA-HIRAGANA"}:
        return "KATAKANA"
    return "GREEK" if character == IOTA else first


def is_unspaced(word: str) -> bool:
    """Return whether the word is a letter of a script without spaces."""
    return UNSPACED_LETTER.match(word) is not None
