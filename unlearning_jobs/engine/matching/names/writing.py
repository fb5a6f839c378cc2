"""Writes a name in other ways, as people do: for the self-test of a search, which looks for each of them.

Where a way does not apply to a name, the name stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TypeVar

import numpy as np
from anyascii import anyascii

from unlearning_jobs.engine.matching.words import fold

from .asked import MAIDEN
from .given import is_given
from .han_forms import SIMPLE, WRITTEN
from .lists import AFTER, PARTICLES, TITLES
from .query import PATRONYMIC
from .sounds import HAN, HANGUL
from .syllables import divisions, other_families, spellings
from .unspaced import family_and_given, unspaced_parts

Dice = np.random.Generator
T = TypeVar("T")


def family_first(parts: list[str], dice: Dice) -> str:
    """Write the family name first, before a comma, wherever it may begin."""
    given, family = _divided(parts, dice)
    return f"{' '.join(family)}, {' '.join(given)}" if given and not _has_comma(parts) else " ".join(parts)


def initials(parts: list[str], dice: Dice) -> str:
    """Write initials for all given names: "M. J. García López", "García López, M. J.", "García López MJ"."""
    given, family = _divided(parts, dice, likely=True)
    if not given:
        return " ".join(parts)
    letters = [name[0] for name in given]
    last = " ".join(family)
    ways = [f"{'. '.join(letters)}. {last}", f"{last}, {'. '.join(letters)}."]
    if all(letter.isupper() for letter in letters):
        ways.append(f"{last} {''.join(letters)}")
    return ways[int(dice.integers(len(ways)))]


def first_family_name(parts: list[str], dice: Dice) -> str:
    """Leave out the second of two family names."""
    given, family = _divided(parts, dice)
    names = [name for name in family if fold(name) not in PARTICLES]
    if len(names) < 2 or not fold(names[0]).isascii() or _is_first_name(fold(names[0])):  # noqa: PLR2004  # two names
        return " ".join(parts)
    return " ".join([*given, names[0]])


def syllables(parts: list[str], dice: Dice) -> str:
    """Write the syllables of a Chinese or Korean given name together, with a hyphen, or apart."""
    family, pairs, is_first = _eastern(parts)
    if not pairs:
        return " ".join(parts)
    first, second = _any(pairs, dice)
    given = _any([f"{first}{second}", f"{first}-{second}", f"{first} {second.capitalize()}"], dice)
    return f"{family} {given}" if is_first else f"{given} {family}"


def other_romanisation(parts: list[str], dice: Dice) -> str:
    """Write the syllables of a Chinese or Korean name in another way: Chul-soo, Hsiao-ming."""
    family, pairs, is_first = _eastern(parts)
    if not pairs:
        return " ".join(parts)
    last = _any(sorted(name for name in other_families(fold(family)) if name.isascii()), dice).capitalize()
    first, second = (_any(sorted(spellings(fold(one))), dice) for one in _any(pairs, dice))
    given = f"{first.capitalize()}-{second}"
    return f"{last} {given}" if is_first else f"{given} {last}"


def in_latin_letters(parts: list[str], dice: Dice) -> str:
    """Write the sounds of a name in letters of Han or Hangul."""
    value = " ".join(parts)
    family, given = family_and_given(units) if (units := unspaced_parts(value)) else ((), ())
    if not family or not all(HAN.match(one) or HANGUL.match(one) for one in (*family, *given)):
        return value
    last, *first = ("".join(anyascii(one) for one in part).capitalize() for part in (family, *([one] for one in given)))
    return f"{last} {_any(['', '-', ' '], dice).join(first)}"


def other_characters(parts: list[str], dice: Dice) -> str:
    """Write letters of Han in the forms of another country."""
    return "".join(_any(_other_forms().get(letter, [letter]), dice) for letter in " ".join(parts))


@cache
def _other_forms() -> Mapping[str, list[str]]:
    others: dict[str, list[str]] = {}
    for written, simple in zip(WRITTEN, SIMPLE, strict=True):
        others.setdefault(simple, []).append(written)
        others.setdefault(written, []).append(simple)
    return others


def _divided(parts: Sequence[str], dice: Dice, *, likely: bool = False) -> tuple[list[str], list[str]]:
    """Return given and family names, divided where the form of the name allows it; no given names if it has one word.

    No likely division has a well-known given name among several family names.
    """
    names = MAIDEN.sub(" ", " ".join(parts), count=1).split()
    while len(names) > 1 and fold(names[0].strip(".")) in TITLES:
        del names[0]
    while len(names) > 1 and fold(names[-1].strip(".,")) in AFTER:
        del names[-1]
    if (comma := next((i for i, name in enumerate(names[:-1]) if name.endswith(",")), -1)) >= 0:
        return names[comma + 1 :], [*names[:comma], names[comma].strip(",")]
    family, pairs, is_first = _eastern(names)
    if pairs and is_first:
        return names[1:], [family]
    places = [i for i in range(1, len(names)) if fold(names[i - 1]) not in PARTICLES]
    if likely:
        places = [i for i in places if i == places[-1] or not _is_first_name(fold(names[i]))]
    at = _any(places, dice) if places else 0
    return names[:at], names[at:]


def _eastern(parts: Sequence[str]) -> tuple[str, list[tuple[str, str]], bool]:
    """Return family name and the syllables of the given name, if it is one of China or Korea, and whether it comes first."""
    names = [name.strip(",") for name in parts]
    for is_first in (True, False):
        family, given = (names[0], names[1:]) if is_first else (names[-1], names[:-1])
        joined = "".join(given).replace("-", "")
        pairs = divisions(fold(family), fold(joined)) if joined.isascii() and 0 < len(given) <= 2 else ()  # noqa: PLR2004  # syllables
        if pairs and not is_given(fold(joined)):
            return family, [(joined[: len(first)], joined[len(first) :].lower()) for first, _ in pairs], is_first
    return "", [], False


def _is_first_name(name: str) -> bool:
    return is_given(name) or name.endswith(PATRONYMIC)


def _has_comma(parts: Sequence[str]) -> bool:
    return any(part.endswith(",") for part in parts[:-1])


def _any(among: Sequence[T], dice: Dice) -> T:
    return among[int(dice.integers(len(among)))]
