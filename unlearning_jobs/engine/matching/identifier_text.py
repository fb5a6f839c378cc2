"""The one text in which identifiers and keys are looked for: each character in one form, with its place in the raw text.

Letters and their marks are one character (é), and full-width letters, ligatures and the like are plain ones (NFKC), as they
are in folded words (`words.py`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from .plain import Plain
from .words import MARKS

SEARCHED: Final = (range(0xA0, 0x3400), range(0xF900, 0x10000))
BEYOND: Final = "\U0001d400-\U0001d7ff\U0001ee00-\U0001eeff\U0001f100-\U0001f2ff"
"""Where the characters lie that have another form, apart from rare letters of Han, and Korean syllables."""
SECONDS: Final = "\u1161-\u1175\u11a8-\u11c2\uff9e\uff9f"
"""What makes one character with the one before it and is no mark: parts of Korean syllables, voicing of half-width Kana."""
HYPHENS: Final = "\u2010\u2011"
FULL_STOP: Final = "．"
IDEOGRAPHIC_STOP: Final = "。"
"""Ends a sentence, and is a dot in a host."""


def small(text: str) -> str:
    """Return the text without case. Unlike `casefold`, it tells ß from ss, which are different mailboxes and accounts."""
    return "ß".join(map(str.casefold, text.replace("ẞ", "ß").split("ß")))


def in_one_form(text: str) -> Plain:
    """Return the text with each character in one form."""
    if text.isascii() or (unicodedata.is_normalized("NFKC", text) and not HYPHEN.search(text)):
        return Plain(text)
    return pieced(text, _changing_in(text), lambda hit: _form(hit.group()))


def pieced(text: str, hits: Iterable[re.Match[str]], form: Callable[[re.Match[str]], str]) -> Plain:
    """Return the text with these places in another form."""
    found, parts = Plain(""), list[str]()
    length = place = 0

    def add(part: str, start: int, end: int) -> None:
        nonlocal length
        if part:
            found.starts.append(length)
            found.origins.append((start, end))
            parts.append(part)
            length += len(part)

    for hit in hits:
        if (changed := form(hit)) != hit.group():
            add(text[place : hit.start()], place, -1)
            add(changed, *hit.span())
            place = hit.end()
    if not place:
        return Plain(text)
    add(text[place:], place, -1)
    found.text = "".join(parts)
    return found


def _changing_in(text: str) -> Iterator[re.Match[str]]:
    """Yield what may have another form: within runs, which are found much sooner."""
    for run in RUN.finditer(text):
        yield from CHANGING.finditer(text, max(0, run.start() - 1), run.end())  # a mark belongs to what stands before it


def _form(written: str) -> str:
    if written in HYPHENS:
        return "-"
    if written == FULL_STOP:  # one between other letters is a dot (`CHANGING`)
        return IDEOGRAPHIC_STOP
    form = unicodedata.normalize("NFKC", written)
    if len(written) == 1 and len(form) > 1 and not any(map(str.isalnum, form)):
        return written  # an ellipsis is no row of dots, an accent that stands alone no blank
    return form if not written.endswith(FULL_STOP) else f"{form[:-1]}."


def _others() -> str:
    """Return the characters that have another form, for a class of a pattern."""
    every = (chr(code) for codes in SEARCHED for code in codes)
    return "".join(one for one in every if unicodedata.normalize("NFKC", one) != one)


HYPHEN: Final = re.compile(f"[{HYPHENS}]")
WIDE: Final = "[\uff10-\uff5a]"
OTHERS: Final = f"{_others()}{BEYOND}{HYPHENS}"
BMP_MARKS: Final = "".join(mark for mark in MARKS if mark < "\U00010000")
RUN: Final = re.compile(f"[{OTHERS}{SECONDS}{BMP_MARKS}\U00010000-\U00012000]+")
"""Characters beyond the first 65,536 cost a comparison for each range of a class, so there is one for all marks there."""
CHANGING: Final = re.compile(rf"{WIDE}{FULL_STOP}(?={WIDE})|[\s\S][{MARKS}{SECONDS}]{{1,30}}|[{OTHERS}]")
"""What may have another form, in pieces of a bounded length, because marks are sorted in quadratic time."""
