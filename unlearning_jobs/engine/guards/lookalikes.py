"""Letters of other scripts that look like Latin ones, so that a name in disguise is still read as that name.

One letter stands for one letter, so that places stay the same. The table is ours and short: the letters of Cyrillic, Greek
and Armenian, and of phonetic alphabets, that common fonts draw alike. Capitals of Unicode's mathematical and full-width
alphabets need no line, because words are folded anyway.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

PAIRS: Final = (
    "аa еe оo рp сc уy хx іi јj ѕs ԁd ԛq ԝw һh ӏl ьb кk мm нh тt вb гr ѵv "  # Cyrillic
    "АA ЕE ОO РP СC УY ХX ІI ЈJ ЅS ԚQ ԜW ҺH ӀI КK МM НH ТT ВB ѴV "
    "αa οo ρp νv υu ιi κk τt χx γy ηn εe ωw "  # Greek
    "ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX "
    "օo սu ոn հh ցg զq "  # Armenian
    "ɑa ɡg ɩi ʏy ʀr ɴn ʜh ᴏo ᴄc ᴠv ᴡw ᴢz"  # phonetic alphabets
)
ALIKE: Final = str.maketrans({pair[0]: pair[1] for pair in PAIRS.split()})
DISGUISED: Final = re.compile(r"[^\W\d_]+")


def undisguised(text: str) -> str:
    """Return the text, letter for letter, with words that mix scripts in the Latin letters that they look like."""
    return text if text.isascii() else DISGUISED.sub(lambda hit: _undisguised(hit.group()), text)


@lru_cache(maxsize=65_536)
def skeleton(word: str) -> str:
    """Return what a folded word looks like: two words that look alike have the same."""
    return word if word.isascii() else word.translate(ALIKE)


@lru_cache(maxsize=65_536)
def _undisguised(word: str) -> str:
    if word.isascii() or not any(unicodedata.name(letter, "").startswith("LATIN") for letter in word):
        return word
    seen = word.translate(ALIKE)
    return seen if all(unicodedata.name(letter, "").startswith("LATIN") for letter in seen) else word
