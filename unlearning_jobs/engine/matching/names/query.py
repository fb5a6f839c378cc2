"""Reads a name that somebody asks for: what is given, what is family name, and in which ways texts may shorten it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from anyascii import anyascii

from unlearning_jobs.engine.matching.query import Query, QueryError

from .asked import MAIDEN, asked_words, with_and_without_titles, without_degrees, without_former
from .given import is_given
from .lists import PARTICLES
from .sounds import HAN, HANGUL, romanised
from .syllables import divisions
from .unspaced import Units, family_and_given, letter_form, unspaced_parts

PATRONYMIC: Final = ("ovich", "evich", "ovna", "evna", "ovitch", "evitch")
"""Endings of names after the father, which are no family names."""
EASTERN: Final = {"syllabic": True, "family_first": True}
"""What holds of a name that is written in the letters of China or Korea."""
LETTERS_OF_ONE: Final = 3
"""Fewer letters are too few for a name of one word."""


@dataclass(frozen=True)
class Reading:
    """One way to write a name: folded words, and what is said if a text writes it so."""

    query: str
    given: tuple[str, ...]
    """Empty for a person of one name."""
    middle: tuple[str, ...]
    family: tuple[str, ...]
    score: float = 1.0
    because: tuple[str, ...] = ()
    particles: tuple[str, ...] = ()
    whole: bool = False
    """The family name holds all parts of the name, as Korean writes them."""
    syllabic: bool = False
    """The given name is made of syllables of Chinese or Korean, or of the letters of one."""
    family_first: bool = False
    """It was asked for with the family name first, as its language writes it."""
    strict: bool = False
    """Too many people share these parts, so neither an initial, a title nor an unknown name may stand among them."""


def is_initial(word: str) -> bool:
    """Return whether a word of a name is one letter, and no syllable of Korean."""
    return len(word) == 1 and not HANGUL.match(word)


def readings(query: Query) -> list[Reading]:
    """Return the ways to write a name of words that spaces part; none if no word of such a script is in it.

    Raises:
        QueryError: there is no letter in it, or too few.
    """
    if unspaced_parts(query.value):
        return [one for value in with_and_without_titles(query.value) for one in _foreign(query.id, unspaced_parts(value))]
    if (bare := without_degrees(query.value)) != query.value:  # "Ba" and "Md" are given names, too
        return [*readings(replace(query, value=bare)), *_readings(query)]
    return _readings(query)


def _readings(query: Query) -> list[Reading]:
    maiden = MAIDEN.search(query.value)
    former = asked_words(maiden["inside"] or maiden["behind"]) if maiden else []
    head, comma, tail = without_former(query.value).partition(",")
    front, back = asked_words(head), asked_words(tail)
    if comma and front and back:
        family = [word for group in front for word in group]
        eastern = _eastern(query.id, family, [word for group in back for word in group])
        return [*_all(query.id, back[0], back[1:], family, former), *eastern]
    groups = front or back
    if not groups:
        message = "The name to search for holds no letters or digits. Write the name itself."
        raise QueryError(message, code="nothing_to_search_for")
    if len(groups) < 2:  # noqa: PLR2004  # given and family name
        return [_single(query.id, groups[0])]
    at = next((i for i, group in enumerate(groups) if i and group[0] in PARTICLES), len(groups) - 1)
    family = [word for group in groups[at:] for word in group]
    every = [word for group in groups for word in group]
    eastern = chain(_eastern(query.id, every[:1], every[1:], family_first=True), _eastern(query.id, every[-1:], every[:-1]))
    return [*_all(query.id, groups[0], groups[1:at], family, former), *_divided(query.id, groups, at), *eastern]


def _foreign(query: str, parts: list[Units]) -> Iterator[Reading]:
    """Yield how other scripts write a name that has no spaces: the family name comes first in it."""
    family, given = family_and_given(parts)
    if not family:
        return
    if HAN.match(family[0]):
        for words_given, _, _ in _ways([romanised(letter_form(letter)) for letter in given], halves=()):
            sounds = "".join(romanised(letter_form(letter)) for letter in family)
            yield Reading(query, words_given, (), (sounds,), 0.75, ("transliterated",), (), **EASTERN)
        return
    yield Reading(query, ("".join(given),), (), ("".join(family),))
    if HANGUL.match(given[0]) and len(given) > 1:  # "Young-ho"
        yield Reading(query, given, (), ("".join(family),))
    if HANGUL.match(given[0]):
        for words_given, _, _ in _ways([anyascii(letter).lower() for letter in given], halves=()):
            yield Reading(query, words_given, (), (romanised("".join(family)),), 0.75, ("transliterated",), (), **EASTERN)


def _single(query: str, group: tuple[str, ...]) -> Reading:
    if len("".join(group)) < LETTERS_OF_ONE and group[0].isascii():
        message = "A single name of one or two letters is in every text. Write the given and the family name."
        raise QueryError(message, code="single_word")
    return Reading(query, (), (), group, 0.6, ("single_name",))


def _all(
    query: str, given: tuple[str, ...], middle: list[tuple[str, ...]], family: list[str], former: list[tuple[str, ...]]
) -> Iterator[Reading]:
    if all(map(is_initial, given)):  # initials: one is the given name, the others are middle names
        given, middle = given[:1], [given[1:], *middle]
    others = tuple(word for group in middle for word in group)
    particles = tuple(word for word in family if word in PARTICLES)
    for given_words, given_score, given_rule in _ways(list(given), halves=given[:1]):
        for family_words, score, rule in _family_ways(family, former):
            because = tuple(code for code in (given_rule, rule) if code)
            middle_words = (*given[1:], *others)
            yield Reading(query, given_words, middle_words, family_words, given_score * score, because, particles)
    last, first = "".join(word for word in family if word not in PARTICLES), "".join(given)
    for whole in (last + first, first + last):
        yield Reading(query, (), (), (whole,), whole=True)


def _divided(query: str, groups: list[tuple[str, ...]], at: int) -> Iterator[Reading]:
    """Yield the names whose family name begins earlier, as in Spanish and Portuguese: "Vargas Llosa, Mario"."""
    if any(character.isdigit() for group in groups for word in group for character in word):
        return  # no name: words that somebody looks for
    for begin in range(1, at):
        words_of = [word for group in groups[begin:] for word in group]
        core = [word for word in words_of if word not in PARTICLES] or words_of
        given = [word for group in groups[:begin] for word in group]
        particles = tuple(word for word in words_of if word in PARTICLES)
        is_name = is_given(core[0])  # "Maria Schmidt" of Anna Maria Schmidt
        for family in dict.fromkeys((tuple(core), tuple(words_of))):
            rule = ("two_family_names",)
            yield Reading(query, groups[0], tuple(given[len(groups[0]) :]), family, 0.95, rule, particles, strict=is_name)
        if core[0].isascii() and len(core) > 1 and not is_name and not core[0].endswith(PATRONYMIC):
            yield Reading(query, tuple(given), (), (core[0],), 0.6, ("first_family_name",), particles, strict=True)


def _eastern(query: str, family: list[str], given: list[str], *, family_first: bool = False) -> Iterator[Reading]:
    """Yield a Chinese or Korean name with the syllables of its given name together and apart."""
    joined = "".join(given)
    if len(family) != 1 or len(given) > 2 or is_given(joined) or not joined.isascii():  # noqa: PLR2004  # syllables
        return
    pairs = divisions(family[0], joined)
    if len(given) == 2:  # noqa: PLR2004  # syllables
        pairs = tuple(pair for pair in pairs if pair == tuple(given))
    if not pairs:
        return
    for words_given in ((joined,), *pairs):
        as_asked = list(words_given) == given
        score, because = (1.0, ()) if as_asked else (0.95, ("syllables",))
        yield Reading(query, words_given, (), tuple(family), score, because, syllabic=True, family_first=family_first)
    for whole in (family[0] + joined, joined + family[0]):
        yield Reading(query, (), (), (whole,), whole=True)


def _family_ways(family: list[str], former: list[tuple[str, ...]]) -> Iterator[tuple[tuple[str, ...], float, str]]:
    core = [word for word in family if word not in PARTICLES] or family
    yield from _ways(core, halves=tuple(core))
    if core != family:
        yield ("".join(family),), 0.95, "joined"
    for group in former[-1:]:
        yield group, 0.8, "maiden_name"


def _ways(group: list[str], halves: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], float, str]]:
    """Yield a name as it is and, if it is a double one, joined and halved."""
    yield tuple(group), 1.0, ""
    if len(group) > 1:
        yield ("".join(group),), 0.95, "joined"
        for half in halves:
            if len(half) > 1:
                yield (half,), 0.7, "half_name"
