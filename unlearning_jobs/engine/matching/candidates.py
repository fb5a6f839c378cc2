"""Says what every text with a match holds, so that an index, or a sweep, need show the matchers few texts.

An index files each distinct word of the corpus, not each place of it, under `term_keys(word)`; the words of a text are those
of `words` and, for the few texts that hold escapes or numbers, those of `text_terms`. A text can match a query only if, of
each group in `query_terms(query)`, one of its words is filed under one key. The keys of one word are few (about ten), and
with them all spellings, endings, scripts and short forms are looked up exactly: the index needs no fuzzy search.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from .identifier_address import anchors, first_words
from .identifier_escapes import all_unescaped, has_escapes
from .identifier_form import Email, Number, identifier_form
from .names.asked import TITLES_BEHIND
from .names.lists import TITLES
from .names.query import Reading, is_initial, readings
from .names.sounds import initial, romanised
from .names.syllables import hangul_orders, pinyin_orders
from .names.unspaced import all_parts, letter_form, letter_keys
from .names.words import family_keys, given_keys, name_keys, word_keys
from .plain import plain
from .query import Query
from .words import is_unspaced, words

INITIALS: Final = 3
"""Largest number of letters of a word that may stand for a given name by its first."""
SYLLABLE: Final = 6
"""Largest number of Latin letters of one letter of Han or Kana."""
NUMBER_END: Final = 5
"""Number of last characters by which a number is filed."""
FARTHEST: Final = 8
"""Largest number of letters of a number behind its last group with a digit."""
ASCII_DIGIT: Final = re.compile("[0-9]")


@lru_cache(maxsize=65_536)
def term_keys(word: str) -> frozenset[str]:
    """Return the keys under which a folded word is filed."""
    if word.startswith("#"):
        return frozenset({word})
    keys = {word, *word_keys(word)}
    if len(word) <= INITIALS:
        keys.add(f"^{initial(word)}")
    if is_unspaced(word):
        keys.add(f"%{romanised(letter_form(word))}")
    return frozenset(keys | letter_keys(word))


def text_terms(text: str) -> frozenset[str]:
    """Return further words of a text: those that escapes hide, and the ends of its numbers."""
    shown = plain(text).text
    escaped, found = has_escapes(shown), set[str]()
    if not escaped and not has_digit(shown):
        return frozenset()
    for seen in all_unescaped(text):
        if escaped:
            found.update(word.text for word in words(seen.text))
        if has_digit(seen.text):
            found |= _number_ends(seen.text)
    return frozenset(found)


def has_digit(text: str) -> bool:
    """Return whether there is a digit of any script in the text."""
    return bool(ASCII_DIGIT.search(text)) or (not text.isascii() and any(map(str.isdigit, text)))


def _number_ends(text: str) -> set[str]:
    """Return the last letters and digits up to the end of each word that has a digit, or stands behind one."""
    ends, tail, digits = set(), "", 0
    for word in words(text):
        tail = (tail + word.text)[-NUMBER_END:]
        digits = 0 if any(character.isdecimal() for character in word.text) else digits + len(word.text)
        if digits <= FARTHEST and len(tail) == NUMBER_END:
            ends.add(f"#{romanised(tail)}")
    return ends


def query_terms(query: Query) -> tuple[frozenset[str], ...]:
    """Return groups of keys: every text that matches a name or an identifier has a word under one key of each group.

    Raises:
        QueryError: the query cannot be searched for.
    """
    return _name_terms(query) if query.kind == "name" else _identifier_terms(query)


def _name_terms(query: Query) -> tuple[frozenset[str], ...]:
    known = readings(query)
    family = {key for reading in known for key in family_keys(reading.family[0], syllabic=reading.syllabic)}
    given = {key for reading in known for key in _given_keys(reading)}
    if any(reading.given and is_initial(reading.given[0]) for reading in known):
        return (frozenset(family),)  # any name with this initial may be meant
    for sounds in (*pinyin_orders(query.value), *_sounds(known)):
        syllables = {f"%{sounds[:n]}" for n in range(1, SYLLABLE + 1)}
        family |= syllables
        given |= {f"%{romanised(title[0])}" for title in TITLES_BEHIND} | syllables
    for name in hangul_orders(query.value):
        family |= {letter_form(name[0])}
        given |= set(map(letter_form, name[1:]))
    for whole in ([letter_form(letter) for part in parts for letter in part] for parts in all_parts(query.value)):
        if not whole:
            continue
        family |= {whole[0]}
        given |= {*whole[1:], *(letter_form(title[0]) for title in TITLES_BEHIND)}
        # In the other order, the first letter stands last: both groups are the letters of the name.
    return (frozenset(family), frozenset(given)) if given else (frozenset(family),)


def _given_keys(reading: Reading) -> frozenset[str]:
    """Return the keys of what stands beside the family name: the given name, an initial, a title."""
    if not reading.given:
        return name_keys(reading.family[0])
    return given_keys(reading.given[0], syllabic=reading.syllabic) | TITLES | {f"^{initial(reading.given[0])}"}


def _sounds(known: list[Reading]) -> list[str]:
    """Return the parts of the name in Latin letters, of which the first syllable may stand in Kana."""
    return [romanised(part) for reading in known for part in (*reading.family[:1], *reading.given[:1])]


def _identifier_terms(query: Query) -> tuple[frozenset[str], ...]:
    form = identifier_form(query.value)
    if isinstance(form, Number):
        return (frozenset({f"#{form.characters[-NUMBER_END:]}"}),)
    groups = (first_words(form), anchors(form)) if isinstance(form, Email) else (anchors(form),)
    return tuple(sorted(filter(None, groups), key=len))
