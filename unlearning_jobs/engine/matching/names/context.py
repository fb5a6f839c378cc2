"""Looks at what stands around and between the words of a name: gaps, initials, list markers, capitals, labels of columns."""

from __future__ import annotations

import html
import re
from functools import lru_cache
from typing import Final

from unlearning_jobs.engine.matching.words import Word, is_unspaced

from .given import is_given
from .lists import COMMON, LABELS, NO_INITIALS, STOP

FARTHEST: Final = 300
"""Largest number of characters between two parts of a name: tags may stand there."""
TAG: Final = re.compile(r"<[^<>]{0,250}>")
BLANK: Final = r"\s\u00a0\u2000-\u200f\u3000"
QUOTE: Final = r"""\"'“”‘’„«»()*_~`"""
JOIN: Final = re.compile(
    rf"[ \t\u00a0\u2000-\u200f\u3000]{{0,3}}"
    rf"(?:\r?\n[ \t>#*]{{0,8}})?[{QUOTE}\-‐–·・•⸱=＝.+]{{0,3}}[{BLANK}]{{0,3}}[{QUOTE}]{{0,3}}"
)
COMMA: Final = re.compile(r"""["'”]?\s{0,2}[,،，、]\s{0,3}["'“]?""")
CELL: Final = re.compile(r"""["'”]?\s{0,9}(?:[|;\t]|[,:=](?=["'])|["'],)[\s"'“:=|;,]{0,9}""")
FIELD: Final = re.compile(r"""["'”]?\s{0,3}(?:[:=]\s{0,3}["'“]?|[,;]?\s{0,3}\n[\s\-*"'“{]{0,12}|[,;]\s{0,3}["'“]|[,;]\s)""")
ONE_LETTER_WORDS: Final = frozenset("aioeyuаивкосуяй")


def gap(text: str, end: int, start: int) -> str:
    """Return what stands between two words: join, comma, cell, field or markup; empty if it parts them."""
    return _kind(text[end:start]) if 0 <= start - end <= FARTHEST else ""


@lru_cache(maxsize=65_536)
def _kind(raw: str) -> str:
    seen = html.unescape(TAG.sub(" ", raw))
    if seen != raw and len(seen.strip()) == 0:
        return "markup"
    if JOIN.fullmatch(seen):
        return "join"
    if CELL.fullmatch(seen):
        return "cell"
    if COMMA.fullmatch(seen):
        return "comma"
    return "field" if FIELD.fullmatch(seen) else ""


def is_sentence_end(text: str, word: Word) -> bool:
    """Return whether a full stop behind the word ends a sentence, and not an initial or an abbreviation."""
    return text[word.end : word.end + 1] == "." and word.end - word.start > len("Chr.")


def is_capitalised(text: str, word: Word) -> bool:
    """Return whether the word begins with a capital, or with a letter that has none."""
    return not text[word.start].islower() and text[word.start].isalpha()


def is_shouted(text: str, word: Word) -> bool:
    return text[word.start : word.end].isupper() and word.end - word.start > 1


def is_middle_name(text: str, word: Word, family: Word) -> bool:
    """Return whether an unknown word between given and family name can be a name itself."""
    if word.text in STOP or not word.text.isalpha():
        return False
    if text[word.start].isupper():
        return is_shouted(text, word) == is_shouted(text, family)
    return is_given(word.text) if text[word.start].islower() else len(word.text) > 1


def are_plain_words(text: str, *parts: Word) -> bool:
    """Return whether the words are common ones, in lower case in a text that has capitals."""
    return all(text[word.start].islower() and word.text in COMMON for word in parts) and not is_lower(text)


def is_lower(text: str) -> bool:
    """Return whether the beginning of the text has no capitals: it was folded, or its author writes none."""
    return text[:1000] == text[:1000].lower()


def initials(text: str, word: Word) -> str:
    """Return the folded letters if the word is one initial or up to three without dots; empty if it is a word."""
    raw = text[word.start : word.end]
    if not raw.isalpha() or len(raw) > 3 or is_unspaced(word.text):  # noqa: PLR2004  # Smith JFK
        return ""
    before, behind = text[max(0, word.start - 1) : word.start], text[word.end : word.end + 1]
    if behind in {")", "]"} or before in {"(", "["} or (before in {"'", "’"} and len(raw) == 1):
        return ""
    if len(raw) > 1:
        return word.text if raw.isupper() and word.text not in NO_INITIALS and len(word.text) == len(raw) else ""
    if behind == ".":
        return "" if _is_list_marker(text, word) else word.text
    return word.text if raw.isupper() and not _is_one_letter_word(text, word) else ""


def _is_one_letter_word(text: str, word: Word) -> bool:
    if word.text not in ONE_LETTER_WORDS:
        return False
    before = text[max(0, word.start - 4) : word.start].rstrip(" \t\"'“(")
    return word.text in {"i", "я"} or not before or before[-1] in ".!?:;\n"


def _is_list_marker(text: str, word: Word) -> bool:
    """Return whether "A." at the start of a line counts the items of a list: another line starts with the next letter."""
    line = text.rfind("\n", max(0, word.start - 20), word.start) + 1
    if text[line : word.start].strip() or (line == 0 and word.start > 20):  # noqa: PLR2004  # it is within the line
        return False
    letter = text[word.start]
    if letter.islower():
        return True
    return any(_starts_line(text, chr(ord(letter) + step), word.start) for step in (-1, 1))


def _starts_line(text: str, letter: str, near: int) -> bool:
    part = text[max(0, near - 1000) : near + 1000]
    return f"\n{letter}. " in part or part.startswith(f"{letter}. ")


def starts_row(text: str, start: int) -> bool:
    """Return whether only labels, numbers and markup stand before this place in its line."""
    line = text.rfind("\n", max(0, start - 120), start) + 1
    before = TAG.sub(" ", text[max(line, start - 120) : start]).lower()
    return all(word in LABELS for word in re.findall(r"[^\W\d_]+", before))
