"""Writes words of every script in Latin letters, and brings different romanisations of the same sounds into one form."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from anyascii import anyascii
from rapidfuzz.distance import OSA

from unlearning_jobs.engine.matching.words import LETTERS_WITHOUT_MARKS

ABJAD: Final = re.compile("[\u0590-\u07bf\u08a0-\u08ff\ufb1d-\ufdcf\ufe70-\ufefc]")
"""Letters of scripts that write consonants and long vowels only: Hebrew, Arabic, Syriac."""
INDIC: Final = re.compile("[\u0900-\u0dff]")
HANGUL: Final = re.compile("[\uac00-\ud7a3]")
HAN: Final = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
ARTICLE: Final = re.compile("^ال(?=\\w{3})")
KOREAN: Final = {
    "이": "lee",
    "박": "park",
    "최": "choi",
    "임": "lim",
    "유": "yoo",
    "노": "roh",
    "우": "woo",
    "오": "oh",
    "김": "kim",
}
"""Family names whose usual romanisation is not that of the sounds."""
SKELETON: Final = 3
"""Number of consonants that must agree before a vowel may differ."""
SOUNDS: Final = [
    (re.compile(pattern), form)
    for pattern, form in (
        ("shch|szcz|sch|sz|sh", "S"),
        ("tzsch|tsch|tS|tch|cz|ch", "C"),
        ("dzh|dsch|dS|dj|zh", "j"),
        ("kh|ck|q|c", "k"),
        ("ph", "f"),
        ("x", "ks"),
        ("(?<=[tdbg])h", ""),
        ("w|^u(?=[aeio])", "v"),
        ("^y(?=[aeiou])", "j"),
        ("[iy]+", "i"),
        ("ou|oo|uo|oi(?=[^aeiou]|$)", "u"),
        ("ie|ee", "i"),
        (r"(.)\1+", r"\1"),
    )
]


@lru_cache(maxsize=65_536)
def romanised(word: str) -> str:
    """Return a folded word in the letters a to z, and digits."""
    if word.isascii():
        return word
    word = re.sub("(?<=[αε])υ(?=[αβγδεζηιλμνορω])", "β", ARTICLE.sub("", word))  # Greek av, ev
    if HANGUL.match(word):
        word = KOREAN.get(word[0], word[0]) + word[1:]
    letters = anyascii(unicodedata.normalize("NFC", word)).lower().translate(LETTERS_WITHOUT_MARKS)
    return "".join(letter for letter in letters if letter.isalnum())


def initial(word: str) -> str:
    """Return the letter that stands for a folded word as its initial, in Latin letters."""
    return romanised(word)[:1] or word[:1]


@lru_cache(maxsize=65_536)
def spelt(word: str) -> str:
    """Return the word in Latin letters, with ue, oe and ae as u, o and a: Müller, Mueller and Muller are spelt alike."""
    return re.sub("(?<=[aou])e(?!$)", "", romanised(word)).replace("aa", "a")


@lru_cache(maxsize=65_536)
def sound(word: str) -> str:
    """Return one form for all common romanisations of the same sounds: Tchaikovsky, Chaykovskiy."""
    form = letters_of_sound(word)
    for pattern, replacement in SOUNDS:
        form = pattern.sub(replacement, form)
    return form


def letters_of_sound(word: str) -> str:
    """Return the word in Latin letters, changed where its script says its sounds differently."""
    form = romanised(word)
    if ABJAD.match(word):
        form = re.sub("^y", "j", form)
    elif INDIC.match(word):
        form = re.sub("c(?!h)", "ch", form)
    elif HANGUL.match(word):
        form = form.replace("eo", "u").replace("l", "r")
    return form


@lru_cache(maxsize=65_536)
def skeletons(word: str) -> frozenset[str]:
    """Return the consonants of its sound: what a word keeps in a script that writes no vowels.

    Such scripts write long vowels with w and y, so a word in one of them has a second skeleton, without these.
    """
    form = sound(word).replace("S", "s").removesuffix("h")
    forms = [form, form[:1] + form[1:].replace("v", "")] if ABJAD.search(word) else [form]
    return frozenset(re.sub(r"(.)\1+", r"\1", re.sub("[aeiou]", "", form)) for form in forms)


def same_sound(name: str, word: str) -> bool:
    """Return whether two folded words, of which at least one is not Latin, may be the same name."""
    if ABJAD.search(name) or ABJAD.search(word):
        return bool(skeletons(name) & skeletons(word) - {""})
    return bool(loose_skeletons(name) & loose_skeletons(word)) and _close(sound(name), sound(word), share=3)


def same_romanised(name: str, word: str) -> bool:
    """Return whether two Latin words are romanisations of the same sounds, as Yusuf and Youssef are."""
    a, b = sound(name), sound(word)
    if a == b:
        return True
    shared = max(map(len, skeletons(name) & skeletons(word)), default=0)
    return a[:1] == b[:1] and shared >= SKELETON and _close(a, b, share=5 if shared == SKELETON else 3)


def loose_skeletons(word: str) -> frozenset[str]:
    """Return the skeletons without h, which Russian and Greek leave out, and with r for l, which Korean writes alike."""
    return frozenset(skeleton.replace("h", "").replace("l", "r") for skeleton in skeletons(word))


def _close(a: str, b: str, *, share: int) -> bool:
    """Return whether the sounds differ in at most one of `share` letters."""
    most = max(len(a), len(b)) // share
    return OSA.distance(a.replace("S", "s"), b.replace("S", "s"), score_cutoff=most) <= most
