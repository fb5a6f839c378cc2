"""Says which words of a text can be parts of a name, so that few texts have to be read for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from unlearning_jobs.engine.matching.candidates import INITIALS
from unlearning_jobs.engine.matching.query import Query
from unlearning_jobs.engine.matching.words import is_unspaced

from .asked import TITLES_BEHIND
from .columns import FARTHEST
from .lists import TITLES
from .place import STEPS
from .query import Reading, readings
from .sounds import HAN, HANGUL, initial, romanised
from .syllables import hangul_orders, pinyin_orders
from .unspaced import KANA, all_parts, letter_form, letter_keys
from .words import family_likeness, given_likeness, likeness


class NameWords:
    """The words of a name, and what may stand for each. It agrees to whatever `NameMatcher` needs of a match."""

    def __init__(self, query: Query) -> None:
        known = readings(query)
        letters = [letter_form(letter) for parts in all_parts(query.value) for part in parts for letter in part]
        self._letters = frozenset(map(letter_form, (*letters, *"".join(TITLES_BEHIND)))) if letters else frozenset[str]()
        self._letters |= {letter_form(letter) for name in hangul_orders(query.value) for letter in name}
        self._orders = () if letters else tuple(pinyin_orders(query.value))
        self._families = _firsts((reading.family, reading.syllabic) for reading in known if not reading.whole)
        self._wholes = tuple({reading.family[0] for reading in known if reading.whole})
        """Names without a space, as Korean writes them."""
        self._givens = _firsts((reading.given, reading.syllabic) for reading in known if reading.given)
        self._initials = {initial(given) for given, _ in self._givens}
        self._is_single = any(not reading.given and not reading.whole for reading in known)
        self.near = len(letters) + max(STEPS, FARTHEST) + max(map(_length, known), default=0)
        """Largest number of words from where the family name begins to what stands beside it."""

    def agrees(self, group: int, word: str) -> bool:
        """Return whether the word can begin the family name (group 0), or stand beside it (1)."""
        if is_unspaced(word):
            return KANA.match(word) is not None or letter_form(word) in self._letters or self._sounds_alike(group, word)
        if HANGUL.match(word) and (
            not self._letters.isdisjoint(letter_keys(word)) or any(likeness(name, word) for name in self._wholes)
        ):
            return True
        if group == 0:
            return self._is_family(word)
        if word in TITLES or (len(word) <= INITIALS and initial(word) in self._initials):
            return True
        is_given = any(given_likeness(name, word, syllabic=syllabic) for name, syllabic in self._givens)
        return is_given or (self._is_single and self._is_family(word))

    def _is_family(self, word: str) -> bool:
        alike = (family_likeness(name, word, syllabic=syllabic) for name, syllabic in self._families)
        return may_be_family(word) and any(alike)

    def _sounds_alike(self, group: int, word: str) -> bool:
        """Return whether a letter of Chinese may be the first of the name (group 0), or another, by its sound."""
        sound = romanised(letter_form(word))
        return HAN.match(word) is not None and any(
            order.startswith(sound) if group == 0 else sound in order[1:] for order in self._orders
        )


def may_be_family(word: str) -> bool:
    """Return whether a folded word can begin a family name: no initial, number, or letter of a script without spaces."""
    if HANGUL.match(word) or KANA.match(word):
        return True
    return len(word) > 1 and not word.isdigit() and not is_unspaced(word)


def _firsts(parts: Iterable[tuple[Sequence[str], bool]]) -> tuple[tuple[str, bool], ...]:
    """Return the first words, each with whether it is of syllables."""
    return tuple(dict.fromkeys((words[0], syllabic) for words, syllabic in parts))


def _length(reading: Reading) -> int:
    return len(reading.given) + len(reading.family)
