"""Finds the parts of a name in a row: under labels of their own, or alone in a line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from unlearning_jobs.engine.matching.words import Word

from .context import gap, is_capitalised, is_lower, starts_row
from .lists import FAMILY_LABELS, GIVEN_LABELS, LABELS

FARTHEST: Final = 24
"""Largest number of words between two labelled parts of a row: other columns stand there."""
LONGEST_SIGN: Final = 12
SAYS: Final = re.compile(r"""[\])]?["'”]?\s{0,3}[:=]>?\s{0,3}["'“\[]{0,2}""")
LONGEST_LABELS: Final = 60
"""Characters between two fields of a row, with the label of the second."""
LABEL_WORD: Final = re.compile(r"[^\W\d_]+")
WITHIN: Final = re.compile("[ _.-]?")
NEXT_ROW: Final = re.compile(r"[{}]|\n\s*\n|</?(?:tr|row)\b")
END: Final = re.compile(r"""[\s"'”),.;|\]}]*""")
ROW_GAP: Final = re.compile(r"""[\s"'“”‘’\[\](),;|:=>_.\-、，：；／/]{1,40}""")
LABEL_LETTERS: Final = re.compile("(?:姓名|氏名|名前|苗字|名字|姓|名|氏|성|이름|ชื่อ|นามสกุล)(?=[\"'”]?\\s{0,3}[:：=|])")
"""Labels in scripts without spaces."""
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


def is_row_gap(between: str) -> bool:
    """Return whether one field of a row ends here and the next one begins, maybe labelled: "田中", "first": "太郎"."""
    if len(between) > LONGEST_LABELS or NEXT_ROW.search(between):
        return False
    signs = LABEL_WORD.sub(lambda word: "" if word[0].lower() in LABELS else word[0], LABEL_LETTERS.sub("", between))
    return ROW_GAP.fullmatch(signs) is not None


def divides_pairs(text: str, words: Sequence[Word], first: int, family: int, last: int) -> bool:
    """Return whether two people meet here: "Miller, John; Smith, Peter" is no John Smith.

    Args:
        text: the text.
        words: its words.
        first: the position of the first word, a given name.
        family: that of the family name.
        last: that of the last word of the family name.
    """
    between = (text[words[i].end : words[i + 1].start] for i in range(first, family))
    if all(_kind_of(part) in {"join", "comma"} and not {"\n", "\t"} & set(part) for part in between):
        return False
    return _is_pair(text, words, first - 1) and _is_pair(text, words, last)


def _kind_of(between: str) -> str:
    return gap(between, 0, len(between))


def _is_pair(text: str, words: Sequence[Word], position: int) -> bool:
    """Return whether a comma stands between two words that may be names, of which this is the first."""
    if not 0 <= position < len(words) - 1:
        return False
    one, other = words[position], words[position + 1]
    return (
        gap(text, one.end, other.start) == "comma"
        and "\n" not in text[one.end : other.start]
        and (is_lower(text) or (is_capitalised(text, one) and is_capitalised(text, other)))
    )


def stands_alone(text: str, first: Word, last: Word) -> bool:
    """Return whether nothing but labels and punctuation stands in the line from the first to the last of these words."""
    end = text.find("\n", last.end, last.end + 120)
    return starts_row(text, first.start) and END.fullmatch(text[last.end : end if end >= 0 else last.end + 120]) is not None
