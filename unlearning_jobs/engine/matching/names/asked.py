"""Reads the words of a name that somebody asks for, without titles, degrees and former names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from unlearning_jobs.engine.matching.words import words

from .lists import AFTER, TITLES

MAIDEN: Final = re.compile(
    r"[\s,]*[(\[]\s*(?:geb(?:\.|orene?)?|nee|née|né|born|roz\.?|ur\.|урожд\.?)?\s*(?P<inside>[^()\[\]]+?)\s*[)\]]"
    r"|[\s,]+(?:geb(?:\.|orene?)|nee|née|né|born|урожд\.?)\s+(?P<behind>[^,()]+)",
    re.IGNORECASE,
)
TITLES_BEHIND: Final = tuple(
    "先生 小姐 女士 教授 博士 老师 老師 さん 様 さま 氏 씨 선생 교수 박사 님".split()  # noqa: SIM905  # a list of that length is read as a text
)
TITLES_BEFORE: Final = re.compile("(?:นางสาว|นาง|นาย|คุณ|ดร[.]|ဒေါက်တာ|ဒေါ်|ဦး|លោកស្រី|លោក)\\s*")
"""Titles of scripts without spaces. They may be part of a name, too, so a name is looked for with them as well."""


BRACKETS: Final = re.compile(r"[(（\[【][^()（）\[\]【】]*[)）\]】]")
"""How the name is read, or called otherwise: "田中太郎（たなかたろう）"."""


def asked_words(value: str) -> list[tuple[str, ...]]:
    """Return the folded words of each part between spaces, without titles before and degrees behind."""
    parts = [tuple(w.text for w in words(part)) for part in value.split()]
    groups = [part for part in parts if part]
    while len(groups) > 1 and (set(groups[0]) <= TITLES or "-".join(groups[0]) in TITLES):
        del groups[0]
    while len(groups) > 1 and len(groups[-1]) == 1 and groups[-1][0] in AFTER:
        del groups[-1]
    return groups


def without_degrees(value: str) -> str:
    """Return the name without what follows it behind a comma and is no part of it: ", PhD"."""
    head, comma, tail = value.rpartition(",")
    behind = [word.text for word in words(tail)]
    if comma and behind and set(behind) <= AFTER and len(words(head)) > 1:
        return head
    return value


def without_former(value: str) -> str:
    """Return the name without what is said of a former one: "(geb. Li)"."""
    return MAIDEN.sub(" ", value, count=1)


def with_and_without_titles(value: str) -> Iterator[str]:
    """Yield a name of a script without spaces as it was asked for and, if that differs, without titles and brackets."""
    yield value
    bare = BRACKETS.sub("", value).strip()
    if hit := TITLES_BEFORE.match(bare):
        bare = bare[hit.end() :]
    bare = next((bare.removesuffix(title) for title in TITLES_BEHIND if bare.endswith(title)), bare).strip()
    if bare != value.strip() and len(bare) > 1:
        yield bare


def latin_orders(value: str) -> Iterator[tuple[str, list[str]]]:
    """Yield family and given name of a Latin name in both orders."""
    if value.strip().endswith("."):
        return
    latin = [word for group in asked_words(without_former(value)) for word in group if word.isascii() and word.isalpha()]
    if len(latin) > 1:
        yield latin[0], latin[1:]
        yield latin[-1], latin[:-1]
