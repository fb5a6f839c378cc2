"""Finds the parts of a name in a row: under labels of their own, or alone in a line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from unlearning_jobs.engine.matching.words import Word

from .context import starts_row
from .lists import FAMILY_LABELS, GIVEN_LABELS, LABELS

FARTHEST: Final = 24
"""Largest number of words between two labelled parts of a row: other columns stand there."""
LONGEST_SIGN: Final = 12
SAYS: Final = re.compile(r"""[\])]?["'”]?\s{0,3}[:=]>?\s{0,3}["'“\[]{0,2}""")
WITHIN: Final = re.compile("[ _.-]?")
NEXT_ROW: Final = re.compile(r"[{}]|\n\s*\n|</?(?:tr|row)\b")
END: Final = re.compile(r"""[\s"'”),.;|\]}]*""")
Label = Literal["given", "family", ""]


def label(text: str, words: Sequence[Word], position: int) -> Label:
    """Return which part of a name the label before this word announces: "last_name: ..."."""
    start = words[position].start
    between = text[words[position - 1].end : start] if position else ""
    if not 0 < len(between) <= LONGEST_SIGN or not SAYS.fullmatch(between):
        return ""
    parts = [words[position - 1]]
    if position > 1 and WITHIN.fullmatch(text[words[position - 2].end : parts[0].start]):
        parts.append(words[position - 2])
    said = {word.text for word in parts if word.text in LABELS}
    if said & GIVEN_LABELS:
        return "given"
    return "family" if said & FAMILY_LABELS or (said == {"name"} and len(said) == len(parts)) else ""


def places_in_row(text: str, words: Sequence[Word], position: int) -> Iterator[int]:
    """Yield where a given name begins that belongs to the family name at this position, by their labels in one row.

    What another family or given name stands between is in another row.
    """
    if label(text, words, position) != "family":
        return
    for step in (-1, 1):
        for place in range(position + step, position + step * FARTHEST, step):
            if not 0 <= place < len(words):
                break
            first, second = sorted((position, place))
            said = label(text, words, place)
            if said and NEXT_ROW.search(text, words[first].end, words[second].start):
                break
            if said == "given":
                yield place
            if said:
                break


def stands_alone(text: str, first: Word, last: Word) -> bool:
    """Return whether nothing but labels and punctuation stands in the line from the first to the last of these words."""
    end = text.find("\n", last.end, last.end + 120)
    return starts_row(text, first.start) and END.fullmatch(text[last.end : end if end >= 0 else last.end + 120]) is not None
