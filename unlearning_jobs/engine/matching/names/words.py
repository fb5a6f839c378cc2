"""Compares a word of a name with a word of a text, and files words under keys by which an index finds all that are alike."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import combinations, product
from typing import Final, NamedTuple

from anyascii import anyascii
from rapidfuzz.distance import OSA

from .endings import SHORTEST, bare, is_inflected, stems
from .given import short_forms
from .sounds import HAN, HANGUL, loose_skeletons, romanised, same_romanised, same_sound, sound, spelt
from .syllables import LONGEST, other_families, pairs, same_syllables, spellings

ONE_ERROR: Final = 5
"""Words with at least this many letters may have one typing error."""
TWO_ERRORS: Final = 9
"""Words with at least this many letters may have two, none of them in the first letter."""
SAME_SOUND: Final = 4
"""Shorter Latin words must be equal: Lee is not Li."""


class Likeness(NamedTuple):
    """How well a word of a text agrees with a word of a name, and the codes of the rules by which it does."""

    score: float
    because: tuple[str, ...] = ()


EXACT: Final = Likeness(1.0)
ROMANISED: Final = Likeness(0.75, ("romanised",))
TRANSLITERATED: Final = Likeness(0.75, ("transliterated",))


def together(likenesses: Iterable[Likeness]) -> Likeness:
    """Return how well the parts of a name agree together. A rule that holds for several of them lowers the score once."""
    score, because = 1.0, dict[str, float]()
    for like in likenesses:
        again = max((because.get(code, 0.0) for code in like.because), default=0.0)
        score *= min(1.0, like.score / again) if again else like.score
        because |= {code: min(like.score, because.get(code, 1.0)) for code in like.because}
    return Likeness(round(score, 4), tuple(because))


@lru_cache(maxsize=262_144)
def likeness(name: str, word: str, *, given: bool = False) -> Likeness | None:
    """Return how well two folded words agree; None if they are different names."""
    if name == word:
        return EXACT
    return _written_alike(name, word) or (_short_form(name, word) if given else None)


def family_likeness(name: str, word: str, *, syllabic: bool) -> Likeness | None:
    """Return how well a folded word agrees with a family name, also as others write it if it is Chinese or Korean."""
    like = likeness(name, word)
    if like or not syllabic or word not in other_families(name):
        return like
    return ROMANISED if word.isascii() else TRANSLITERATED


def given_likeness(name: str, word: str, *, syllabic: bool) -> Likeness | None:
    """Return how well a folded word agrees with a given name, or with one syllable of it."""
    if syllabic and word.isascii():
        if name == word:
            return EXACT
        if same_syllables(name, word):
            return ROMANISED
        return likeness(name, word) if len(name) > LONGEST else None
    if syllabic and HANGUL.match(word) and same_syllables(name, anyascii(word).lower()):
        return TRANSLITERATED
    return likeness(name, word, given=True)


def _written_alike(name: str, word: str) -> Likeness | None:
    if name.isascii() != word.isascii():
        return _transliterated(name, word)
    a, b = spelt(name), spelt(word)
    if a == b:
        return Likeness(0.95, ("spelling",))
    if is_inflected(name, word):
        return Likeness(0.9, ("inflected",))
    if min(len(a), len(b)) >= SAME_SOUND and sound(name) == sound(word):
        return Likeness(0.9, ("romanised",))
    return _mistyped(name, word)


def _mistyped(name: str, word: str) -> Likeness | None:
    errors = _errors(spelt(name), spelt(word))
    if errors == 1 or _is_doubled(spelt(name), spelt(word)):
        return Likeness(0.8, ("typing_error",))
    if min(len(spelt(name)), len(spelt(word))) >= SAME_SOUND and same_romanised(name, word):
        return Likeness(0.75, ("romanised",))
    return Likeness(0.6, ("two_typing_errors",)) if errors else None


def _is_doubled(name: str, word: str) -> bool:
    """Return whether one of two words, however short, has a letter twice within that the other has once: Ada, Adda."""
    short, long = sorted((name, word), key=len)
    if len(short) < SHORTEST or len(long) != len(short) + 1:
        return False
    return any(long == short[:i] + short[i - 1] + short[i:] for i in range(2, len(short)))


def _errors(name: str, word: str) -> int:
    """Return the number of typing errors, if the name is long enough for so many; else 0."""
    most = (len(name) >= ONE_ERROR) + (len(name) >= TWO_ERRORS and name[:1] == word[:1])
    if not most or len(word) < ONE_ERROR - 1:
        return 0
    errors = OSA.distance(name, word, score_cutoff=most)
    return errors if errors <= most else 0


def _transliterated(name: str, word: str) -> Likeness | None:
    if HAN.match(name) or HAN.match(word):  # a letter of Han has one sound and no endings
        return TRANSLITERATED if romanised(name) == romanised(word) else None
    if same_sound(name, word):
        return TRANSLITERATED
    if any(same_sound(name, left if HANGUL.match(word) else _again(left, word)) for left, _ in stems(word)):
        return Likeness(0.7, ("transliterated", "inflected"))
    return None


def _again(stem: str, word: str) -> str:
    """Return a stem of a word as written in the word's script, as far as the letters correspond one to one."""
    return word[: len(stem)] if len(spelt(word)) == len(word) else stem


def _short_form(name: str, word: str) -> Likeness | None:
    letters, latin = romanised(word), word.isascii()
    other = ("transliterated",) if name.isascii() != word.isascii() else ()
    for form in short_forms(romanised(name)):
        if form == letters or (len(form) >= SAME_SOUND and sound(form) == sound(word)):
            return Likeness(0.8, ("nickname", *other))
        if is_inflected(form, letters) and not (latin and not letters.startswith(spelt(form))):
            return Likeness(0.7, ("nickname", "inflected", *other))
    return None


@lru_cache(maxsize=65_536)
def word_keys(word: str) -> frozenset[str]:
    """Return the keys under which an index files a word: words that are alike share one (see `name_keys`)."""
    letters = spelt(word)
    keys = {f"={letters}"} if len(letters) < ONE_ERROR else set()
    keys |= letter_keys(letters, two=len(letters) >= TWO_ERRORS - 2)
    keys |= {f"~{form}" for form in loose_skeletons(word)}
    for left, _ in stems(word):
        keys |= {f"={left}"} if len(left) < ONE_ERROR else set()
        keys |= {f"~{form}" for form in loose_skeletons(left) | loose_skeletons(_again(left, word))}
    return frozenset(keys)


def name_keys(name: str, *, given: bool = False) -> frozenset[str]:
    """Return the keys of a word of a name: every word that is alike is filed under one of them."""
    keys = _keys_of_form(name)
    for form in short_forms(romanised(name)) if given else ():
        keys |= _keys_of_form(form)
    return keys


def family_keys(name: str, *, syllabic: bool) -> frozenset[str]:
    """Return the keys of a family name."""
    return name_keys(name) | (other_families(name) if syllabic else frozenset())


def given_keys(name: str, *, syllabic: bool) -> frozenset[str]:
    """Return the keys of a given name, or of a syllable of one, which stands under itself."""
    keys = name_keys(name, given=not syllabic)
    if not syllabic or not name.isascii():
        return keys
    written = {a + b for pair in pairs(name) for a, b in product(*map(spellings, pair))}
    return keys | spellings(name) | {f"~{form}" for word in written for form in loose_skeletons(word)}


def _keys_of_form(name: str) -> frozenset[str]:
    letters = spelt(name)
    keys = {f"~{form}" for form in loose_skeletons(name)}
    if len(letters) < ONE_ERROR:
        keys |= {f"={letters}", f"={bare(name)}"}
    return frozenset(keys | letter_keys(letters, two=len(letters) >= TWO_ERRORS))


def letter_keys(letters: str, *, two: bool) -> set[str]:
    """Return four letters of the first few, in order: an error among them leaves one such selection as it was."""
    if len(letters) < ONE_ERROR - 1:
        return set()
    keys = set(map("".join, combinations(letters[:5], 4)))
    if two:
        first = letters[0]
        keys.update([first + a + b + c for a, b, c in combinations(letters[1:6], 3)])
    return {f".{key}" for key in keys}
