"""Splits a text into words, folded so that case, accents and punctuation do not matter, with their places in the text."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
LETTERS_WITHOUT_MARKS = str.maketrans(
    {"ø": "o", "đ": "d", "ł": "l", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"}
)
"""Letters that Unicode does not decompose into a base letter and a mark."""


@dataclass(frozen=True)
class Word:
    """A folded word, and characters `start` to `end` of the raw text."""

    text: str
    start: int
    end: int


def words(text: str) -> list[Word]:
    """Return all words of the text. An apostrophe inside a word is part of it; a possessive 's is not."""
    tokens = []
    for hit in WORD.finditer(text):
        raw = hit.group()
        if len(raw) > 2 and raw[-2] in "'’" and raw[-1] in "sS":  # noqa: PLR2004  # the length of 's
            raw = raw[:-2]
        tokens.append(Word(fold(raw), hit.start(), hit.start() + len(raw)))
    return tokens


@lru_cache(maxsize=65_536)
def fold(word: str) -> str:
    """Remove case, accents, compatibility forms and apostrophes."""
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    bare = "".join(c for c in decomposed if not unicodedata.combining(c) and c not in "'’")
    return bare.translate(LETTERS_WITHOUT_MARKS)
