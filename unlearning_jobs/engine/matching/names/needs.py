"""Says which words of a text can be parts of a name, so that few texts have to be read for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from unlearning_jobs.engine.matching.candidates import INITIALS
from unlearning_jobs.engine.matching.query import Query
from unlearning_jobs.engine.matching.words import is_unspaced

from .lists import TITLES
from .place import STEPS
from .query import Reading, readings
from .sounds import HANGUL, romanised
from .unspaced import HAN, KANA, letter_form, letter_keys, pinyin_orders, unspaced_parts
from .unspaced import TITLES as UNSPACED_TITLES
from .words import likeness


class NameWords:
    """The words of a name, and what may stand for each. It agrees to whatever `NameMatcher` needs of a match."""

    def __init__(self, query: Query) -> None:
        known = readings(query)
        letters = [letter_form(letter) for part in unspaced_parts(query.value) for letter in part]
        self._letters = frozenset(map(letter_form, (*letters, *"".join(UNSPACED_TITLES)))) if letters else frozenset[str]()
        self._orders = () if letters else tuple(pinyin_orders(query.value))
        self._families = _firsts(reading.family for reading in known if not reading.whole)
        self._wholes = _firsts(reading.family for reading in known if reading.whole)
        """Names without a space, as Korean writes them."""
        self._givens = _firsts(reading.given for reading in known if reading.given)
        self._initials = {given[0] for given in self._givens}
        self._is_single = any(not reading.given and not reading.whole for reading in known)
        self.near = len(letters) + STEPS + max(map(_length, known), default=0)
        """Largest number of words from where the family name begins to what stands beside it."""

    def agrees(self, group: int, word: str) -> bool:
        """Return whether the word can begin the family name (group 0), or stand beside it (1)."""
        if is_unspaced(word):
            return KANA.match(word) is not None or letter_form(word) in self._letters or self._sounds_alike(group, word)
        if HANGUL.match(word) and (not self._letters.isdisjoint(letter_keys(word)) or _is_any(self._wholes, word)):
            return True
        if group == 0:
            return self._is_family(word)
        if word in TITLES or (len(word) <= INITIALS and word[0] in self._initials):
            return True
        return _is_any(self._givens, word, given=True) or (self._is_single and self._is_family(word))

    def _is_family(self, word: str) -> bool:
        return len(word) > 1 and not word.isdigit() and _is_any(self._families, word)

    def _sounds_alike(self, group: int, word: str) -> bool:
        """Return whether a letter of Chinese may be the first of the name (group 0), or another, by its sound."""
        sound = romanised(letter_form(word))
        return HAN.match(word) is not None and any(
            order.startswith(sound) if group == 0 else sound in order[1:] for order in self._orders
        )


def _firsts(parts: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part[0] for part in parts))


def _length(reading: Reading) -> int:
    return len(reading.given) + len(reading.family)


def _is_any(names: Sequence[str], word: str, *, given: bool = False) -> bool:
    return any(likeness(name, word, given=given) for name in names)
