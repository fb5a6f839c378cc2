"""Looks at what stands between the letters of a name in a script without spaces."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from unlearning_jobs.engine.matching.plain import BREAK, plain
from unlearning_jobs.engine.matching.words import Word

from .columns import LABEL_LETTERS, is_row_gap

SEPARATOR: Final = re.compile(r"[\s\u00a0\u3000]{0,3}[·・•.,、，=＝\-]?[\s\u00a0\u3000]{0,3}")
COMMAS: Final = frozenset(",、，")


def gaps(text: str, place: Sequence[Word]) -> list[str]:
    """Return what stands between the letters: nothing, "apart", "comma" or "column"; an empty list if it parts the name."""
    found = []
    for a, b in pairwise(place):
        between = _shown(text[a.end : b.start])
        if b.start >= a.end and SEPARATOR.fullmatch(between):
            found.append(("comma" if set(between) & COMMAS else "apart") if between else "")
        elif b.start >= a.end and is_row_gap(between):
            found.append("column")
        else:
            return []
    beside = text[max(0, place[0].start - 1) : place[0].start] + text[place[-1].end : place[-1].end + 1]
    if {"column", "comma"} & set(found) and any(map(str.isalnum, beside)):  # the parts fill their fields
        return []
    return found


def without_labels(text: str, tokens: Sequence[Word]) -> Sequence[Word]:
    """Return the words without those of labels: "姓：田中 名：太郎"."""
    labels = [label.span() for label in LABEL_LETTERS.finditer(text)]
    if not labels:
        return tokens
    return [word for word in tokens if not any(start <= word.start < end for start, end in labels)]


def _shown(between: str) -> str:
    """Return what a reader sees between two letters, without markup."""
    return plain(between).text.partition(BREAK)[0] if "<" in between or "&" in between else between
