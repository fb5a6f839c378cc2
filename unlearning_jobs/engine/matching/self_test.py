"""Measures what a search finds: copies of the query's own words, edited, are planted in memory and searched for.

The copies are swept for, whether or not an index answered the search: both find the same. The numbers are about edits like
these, not about every edit, and only about copies that an edit did change.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Final

import numpy as np

from .exact import is_passage, query_words, weight
from .match import TextSearch
from .names.writing import (
    family_first,
    first_family_name,
    in_latin_letters,
    initials,
    other_characters,
    other_romanisation,
    syllables,
)
from .query import Query
from .sweep import Sweep
from .words import BETWEEN, fold, words

COPIES: Final = 100
SEED: Final = 11
LONGEST: Final = 60
"""Words of a passage that a copy has at most: a search for a whole work must find its passages."""
EXCERPT: Final = 25
AROUND: Final = 30
"""Words of other text before and behind a copy."""
AS_WRITTEN: Final = "as_written"
"""The edit that changes nothing: of whatever finds none of these, a search has not looked for the query."""
SYLLABLES: Final = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
Edit = Callable[[list[str], np.random.Generator], str]


@dataclass(frozen=True)
class Recall:
    """How many of the copies that one kind of edit has changed were found."""

    edit: str
    planted: int
    found: int


def self_test(query: Query) -> list[Recall]:
    """Return what the search for this query finds of its own words, by kind of edit. Empty for pictures and meanings.

    Raises:
        QueryError: the query cannot be searched for.
    """
    search = TextSearch([query])
    sweep = Sweep(search.needs)
    results = []
    for edit, write in _edits(query).items():
        rng = np.random.default_rng(SEED)
        texts = [text for _ in range(COPIES) if (text := _planted(query, write, rng))]
        found = {place for place, _ in search.sweep(texts, sweep=sweep, on_unsearched=_not_found)}
        if texts:
            results.append(Recall(edit, len(texts), len(found)))
    return results


def _not_found(_place: int, _queries: set[str]) -> None:
    """Count what takes too long as not found."""


def _edits(query: Query) -> Mapping[str, Edit]:
    match query.kind:
        case "exact" if is_passage(query_words(query.value)):
            return {AS_WRITTEN: _joined_as_written, **PASSAGE_EDITS, **EDITS}
        case "exact":
            return {AS_WRITTEN: _joined_as_written, **EDITS}
        case "name":
            return {**NAME_EDITS, **{edit: _with_blanks(write) for edit, write in EDITS.items()}}
        case "identifier":
            # The path of a web address tells small letters from capitals.
            return IDENTIFIER_EDITS if "/" in query.value else {**IDENTIFIER_EDITS, "upper_case": _upper_case}
    return {}


def _planted(query: Query, write: Edit, rng: np.random.Generator) -> str:
    """Return an edited copy of the query's words, or of a passage of them, amid other text; empty if nothing was changed."""
    parts = whole = _parts(query.value) if query.kind == "exact" else query.value.split()
    if query.kind == "exact":
        length = _count(parts, EXCERPT if write is _excerpt else LONGEST)
        first = int(rng.integers(0, len(parts) - length + 1))
        parts = parts[first : first + length]
    before, behind = (_other_words(rng) for _ in range(2))
    edited = write(parts, rng)
    unchanged = _joined(whole if write is _excerpt else parts) if query.kind != "name" else " ".join(parts)
    return f"{before}. {edited} {behind}" if edited != unchanged or write in UNCHANGED else ""


def _parts(value: str) -> list[str]:
    """Split a raw text into pieces that begin with a word each and hold what follows it."""
    starts = [word.start for word in words(value) if word.text != BETWEEN]
    starts = sorted(set(starts))
    return [value[a:b] for a, b in zip(starts, [*starts[1:], len(value)], strict=True)]


def _count(parts: list[str], most: int) -> int:
    """Return how many pieces make this many words."""
    share = sum(weight(fold(part[:1])) for part in parts) / len(parts)
    return min(len(parts), round(most / share))


def _other_words(rng: np.random.Generator) -> str:
    syllables = rng.choice(SYLLABLES, (AROUND, 3)).tolist()
    return " ".join("".join(word) for word in syllables)


def _changed(share: float) -> Edit:
    """Change this share of the words, and one at least: another word in its place, one more, or one less."""

    def write(parts: list[str], rng: np.random.Generator) -> str:
        chosen = rng.random(len(parts)) < share
        chosen[rng.integers(len(parts))] |= not chosen.any()
        written = []
        for part, is_changed in zip(parts, chosen, strict=True):
            other = parts[int(rng.integers(len(parts)))]
            change = rng.integers(1 if other == part else 0, 3) if is_changed else -1
            written += {-1: [part], 0: [other], 1: [part, other], 2: []}[int(change)]
        return "".join(written)

    return write


def _excerpt(parts: list[str], _: np.random.Generator) -> str:
    return "".join(parts)


def _joined(parts: list[str]) -> str:
    return (
        "".join(parts) if any(part[-1:].isspace() for part in parts) or weight(fold(parts[0][:1])) < 1 else " ".join(parts)
    )


def _with_blanks(write: Edit) -> Edit:
    """Keep the blanks between the parts of a name, which scripts without spaces have there too."""
    return lambda parts, rng: write([*(f"{part} " for part in parts[:-1]), parts[-1]], rng)


def _upper_case(parts: list[str], _: np.random.Generator) -> str:
    return _joined(parts).upper()


def _reformatted(parts: list[str], _: np.random.Generator) -> str:
    """Keep nothing but the words, in lines of five."""
    bare = ["".join(c for c in part if c.isalnum() or c in "'’" or unicodedata.category(c)[0] == "M") for part in parts]
    return "\n".join("  ".join(bare[i : i + 5]) for i in range(0, len(bare), 5))


def _markup(parts: list[str], rng: np.random.Generator) -> str:
    """Set every second piece in tags or with character references, as web pages do."""
    written = []
    for part in parts if any(part[-1:].isspace() for part in parts) else [f"{part} " for part in parts]:
        text = html.escape(part.rstrip())
        blank = "&nbsp;" if part[-1:].isspace() else ""
        if rng.random() < 0.5:  # noqa: PLR2004  # every second
            text = f'<b class="x">{text}</b>'
        written.append(text + blank)
    joined = "".join(written)
    return f"<p>{joined}</p>"


def _decomposed(parts: list[str], _: np.random.Generator) -> str:
    return unicodedata.normalize("NFD", _joined(parts))


def _as_written(parts: list[str], _: np.random.Generator) -> str:
    return " ".join(parts)


def _joined_as_written(parts: list[str], _: np.random.Generator) -> str:
    return _joined(parts)


def _typing_error(parts: list[str], rng: np.random.Generator) -> str:
    """Make one error in one of the parts: a letter is left out, doubled, swapped with the next, or another one."""
    letters = [[place for place, letter in enumerate(part) if letter.isalpha()] for part in parts]
    with_letters = [number for number, places in enumerate(letters) if places]
    if not with_letters:
        return _as_written(parts, rng)
    number = with_letters[int(rng.integers(len(with_letters)))]
    part, place = parts[number], letters[number][int(rng.integers(len(letters[number])))]
    before, letter, behind = part[:place], part[place], part[place + 1 :]
    errors = [before + 2 * letter + behind, before + _another(letter, rng) + behind]
    if len(letters[number]) > 1:  # a part of one letter stays
        errors.append(before + behind)
    if behind[:1].isalpha() and behind[0] != letter:
        errors.append(before + behind[0] + letter + behind[1:])
    return " ".join([*parts[:number], errors[int(rng.integers(len(errors)))], *parts[number + 1 :]])


def _another(letter: str, rng: np.random.Generator) -> str:
    """Return another letter of the same script and size."""
    if letter.isascii():
        other = rng.choice([one for one in ascii_lowercase if one != letter.lower()])
        return str(other.upper() if letter.isupper() else other)
    near = (chr(ord(letter) + step) for step in (1, -1, 2, -2))
    return next((one for one in near if one.isalpha() and one.isupper() == letter.isupper()), "e")


def _for_robots(parts: list[str], _: np.random.Generator) -> str:
    return " ".join(parts).replace("@", " [at] ") if "@" in parts[0][1:] else _as_written(parts, _)


PASSAGE_EDITS: Final[Mapping[str, Edit]] = {
    "changed_5": _changed(0.05),
    "changed_10": _changed(0.10),
    "changed_20": _changed(0.20),
    "excerpt_25": _excerpt,
}
EDITS: Final[Mapping[str, Edit]] = {
    "upper_case": _upper_case,
    "reformatted": _reformatted,
    "markup": _markup,
    "decomposed": _decomposed,
}
NAME_EDITS: Final[Mapping[str, Edit]] = {
    AS_WRITTEN: _as_written,
    "family_first": family_first,
    "initial": initials,
    "first_family_name": first_family_name,
    "syllables": syllables,
    "other_romanisation": other_romanisation,
    "in_latin_letters": in_latin_letters,
    "other_characters": other_characters,
    "typing_error": _typing_error,
}
IDENTIFIER_EDITS: Final[Mapping[str, Edit]] = {AS_WRITTEN: _as_written, "for_robots": _for_robots}
UNCHANGED: Final = (_as_written, _joined_as_written)
