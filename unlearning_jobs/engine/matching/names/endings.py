"""Takes grammatical endings off names: a genitive s, and the cases of Slavic, Finnic, Hungarian and Turkic languages."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from .sounds import HANGUL, spelt

ENDINGS: Final = frozenset(
    # English, German, Scandinavian, Latin
    (  # noqa: SIM905  # a list of that length is read as a text
        "s es ens en i "
        # Slavic and Baltic
        "a u y e ou oi oy oj em om am ami iu ie ia ii ei ey ej ego ogo emu omu ovi evi ova ovy ove ovu ovou ym im yi iem "
        "owi owie owa owej ach "
        # Finnish and Estonian
        "n in an lla lle lta ssa sta ksi ta na ille illa ilta issa ista iksi "
        # Hungarian
        "nak nek val vel ban ben bol rol tol hoz hez nal nel ra re rt ert t ot et at "
        # Turkish and relatives
        "un nin nun yi yu ya ye da de dan den te tan ten la le yla yle nda nde"
    ).split()
)
"""Endings in Latin letters. What follows a name and is not among them makes another name: Smith, Smithson."""
VOWEL_ENDINGS: Final = frozenset(
    [
        "a",
        "y",
        "i",
        "e",
        "o",
        "u",
        "ou",
        "oi",
        "oy",
        "oj",
        "oiu",
        "ei",
        "ey",
        "ej",
        "am",
        "em",
        "om",
        "ym",
        "im",
        "ami",
        "ach",
        "ego",
        "ogo",
        "emu",
        "omu",
        "ii",
        "iu",
        "ia",
        "ya",
        "yu",
        "ie",
    ]
)
"""Endings that replace the last vowel of a name: Anna, Annoi."""
PARTICLES: Final = (
    "에게서",
    "에게",
    "에서",
    "한테",
    "까지",
    "부터",
    "이라",
    "라고",
    "씨",
    "님",
    "은",
    "는",
    "이",
    "가",
    "을",
    "를",
    "의",
    "에",
    "와",
    "과",
    "도",
    "로",
    "만",
    "께",
    "야",
)
"""What Korean puts directly behind a name."""
SHORTEST: Final = 3
"""Number of letters that a stem must keep."""


@lru_cache(maxsize=65_536)
def stems(word: str) -> tuple[tuple[str, str], ...]:
    """Return what is left of a folded word without an ending that it may have, each with that ending."""
    if HANGUL.match(word):
        return tuple((word.removesuffix(p), p) for p in PARTICLES if word.endswith(p) and len(word) > len(p) + 1)
    letters = spelt(word)
    cuts = range(max(SHORTEST, len(letters) - 4), len(letters))
    return tuple((letters[:n], letters[n:]) for n in cuts if letters[n:] in ENDINGS or letters[n:] in VOWEL_ENDINGS)


@lru_cache(maxsize=4_096)
def bare(name: str) -> str:
    """Return what endings leave of a name that ends in a vowel: Ann of Anna, Dostoevsk of Dostoevskii."""
    letters = spelt(name)
    for length in (2, 1):
        if all(letter in "aeiouy" for letter in letters[-length:]) and len(letters) - length >= SHORTEST:
            return letters[:-length]
    return letters


@lru_cache(maxsize=4_096)
def shortened(letters: str) -> str:
    """Return the stem of a name whose last vowel Slavic cases leave out: Pavl of Pavel, Havl of Havel; empty for others."""
    if len(letters) < len("Pavel") or letters[-2] not in "eo" or {letters[-3], letters[-1]} & set("aeiouy"):
        return ""
    return letters[:-2] + letters[-1]


def is_feminine(name: str, word: str) -> bool:
    """Return whether a folded word in Latin letters is the name with an a: a case of it, or another name, as Roberta is."""
    return word in {f"{name}a", f"{shortened(name)}a"}


def is_inflected(name: str, word: str) -> bool:
    """Return whether the word is the name with a grammatical ending."""
    whole, stem = spelt(name), bare(name)
    finnish = whole.removesuffix("nen") + "se" if whole.endswith("nen") and len(whole) >= len("Halonen") else None
    if len(whole) < SHORTEST:
        return False
    if any(left == shortened(whole) and ending in ENDINGS | VOWEL_ENDINGS for left, ending in stems(word)):
        return True
    return any(
        (left == whole and ending in ENDINGS and (len(whole) > SHORTEST or ending in {"s", "es"}))
        or (left == finnish and ending in ENDINGS)
        or (left == stem != whole and ending in VOWEL_ENDINGS and whole[len(stem) :] != ending)
        for left, ending in stems(word)
    )
