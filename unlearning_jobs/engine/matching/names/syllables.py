"""Names of China and Korea in Latin letters: which syllables they have, and how else people write these.

A given name of two syllables is written together, with a hyphen, or apart. The syllables are those of the transliteration
library, in pinyin and in the Revised Romanization of Korean; other spellings follow from Wade and Giles's rules for Chinese,
and from what Koreans write for each sound.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import product
from typing import Final

from anyascii import anyascii

from .asked import latin_orders

LONGEST: Final = 6
"""Letters of a syllable."""
HAN: Final = range(0x4E00, 0xA000)
HANGUL: Final = range(0xAC00, 0xD7A4)
FINALS_OF_HANGUL: Final = 28
SPOKEN: Final = frozenset({0, 1, 4, 7, 8, 16, 17, 21})
"""Numbers of the finals of Hangul that are spoken as they are written; names have few others."""
CHINESE_FAMILIES: Final = tuple(
    line.split()
    for line in """
    wang wong|li lee|zhang chang cheung|liu lau|chen chan|yang yeung|huang wong hwang|zhao chao chiu|wu ng|zhou chou chow
    xu hsu|sun suen|ma|zhu chu|hu woo|guo kuo kwok|he ho|lin lam|gao kao ko|luo lo law|zheng cheng|liang leung|xie hsieh tse
    song sung|tang|deng teng|han hon|feng fung|cao tsao|peng pang|zeng tseng tsang|xiao hsiao siu|tian tien|dong tung
    pan poon|yuan yuen|cai tsai choi|jiang chiang|yu|du tu|ye yeh yip|cheng ching|wei|su so|lu lo luk|ding ting|shen shum
    ren jen yam|yao yiu|fang fong|shi shih|cui tsui|tan|liao liu|fan|jin chin kam|xia hsia|qiu chiu yau|hou|zou tsou
    xiong hsiung hung|meng|qin chin|bai pai|yan yen|xue hsueh|yin|duan|lei|tao|hao|mao|kong kung|gong kung|shao|gu ku|lai
    qian chien|xi hsi|dai tai|mo|ouyang|sima szuma|zhuge chuko
    """.replace("\n", "|").split("|")
    if line.strip()
)
KOREAN_FAMILIES: Final = tuple(
    line.split()
    for line in """
    김 kim gim|이 lee yi rhee ri|박 park pak bak|최 choi choe|정 jung jeong chung cheong|강 kang gang|조 cho jo|윤 yoon yun
    장 jang chang|임 lim im rim|한 han|오 oh o|서 seo suh|신 shin sin|권 kwon gwon|황 hwang|안 ahn an|송 song
    전 jeon jun chun
    홍 hong|유 yoo yu ryu you|고 ko go|문 moon mun|양 yang|손 son sohn|배 bae pae|백 baek paik|허 heo hur huh|남 nam
    심 shim sim|노 roh noh|하 ha|곽 kwak gwak|성 sung seong|차 cha|주 joo ju|우 woo u|구 koo gu ku|나 na ra|민 min
    진 jin chin
    지 ji chi|엄 um eom|채 chae|원 won|천 cheon chun|방 bang|공 kong gong|현 hyun hyeon|함 ham|변 byun byeon|추 choo chu
    도 do|석 seok suk|선 sun seon|설 seol sul|길 gil kil|표 pyo|명 myung myeong|기 ki gi|반 ban|왕 wang|옥 ok|맹 maeng
    """.replace("\n", "|").split("|")
    if line.strip()
)
"""Family names, each with the ways in which people write it. We collected them."""
OTHERS: Final = {"de": "teh"}
"""Spellings that are neither pinyin nor Wade and Giles's, as people wrote them."""
WADE: Final = {"zhi": "chih", "chi": "chih", "shi": "shih", "ri": "jih", "zi": "tzu", "ci": "tzu", "si": "ssu", "yan": "yen"}
INITIALS: Final = {"zh": "ch", "x": "hs", "q": "ch", "j": "ch", "z": "ts", "c": "ts", "b": "p", "d": "t", "g": "k", "r": "j"}
"""Pinyin, and what Wade and Giles write without their apostrophes."""
KEPT: Final = ("ch", "sh", "k", "h")
UO: Final = frozenset({"g", "k", "h", "sh"})
"""Initials before which Wade and Giles write uo, too."""
FINALS: Final = {"ong": "ung", "ian": "ien", "ie": "ieh", "ue": "ueh", "uo": "o", "e": "o"}
KOREAN_INITIALS: Final = {"g": "g k", "d": "d t", "b": "b p", "r": "r l", "j": "j ch", "ch": "ch", "s": "s sh", "k": "k g"}
KOREAN_VOWELS: Final = {
    "eo": "eo u o uh",
    "u": "u oo",
    "i": "i ee",
    "yeo": "yeo you yu yo yuh",
    "yu": "yu yoo you",
    "ae": "ae ai",
    "eu": "eu u",
    "ui": "ui eui ee",
    "wo": "wo weo",
    "oe": "oe oi",
    "a": "a ah",
    "o": "o oh",
}
KOREAN_FINALS: Final = {"k": "k g ck", "g": "g k", "l": "l r", "p": "p b", "t": "t d"}
KOREAN: Final = re.compile("([^aeiouwy]*)([aeiouwy]+)(.*)")


@cache
def _pinyin() -> dict[str, frozenset[str]]:
    """Return how each syllable of Chinese is written."""
    plain = {anyascii(chr(code)).strip().lower() for code in HAN}
    return {one: frozenset({one, _wade(one), OTHERS.get(one, one)}) for one in plain if one.isalpha()}


def _wade(syllable: str) -> str:
    if syllable in WADE:
        return WADE[syllable]
    initial = next((one for one in (*KEPT, *INITIALS) if syllable.startswith(one)), "")
    final = syllable[len(initial) :]
    for ending, other in FINALS.items():
        if final.endswith(ending) and (len(ending) > 1 or (final == ending and initial in {"g", "k", "h"})):
            final = final if final == "uo" and initial in UO else final.removesuffix(ending) + other
            break
    return INITIALS.get(initial, initial) + final


@cache
def _korean() -> dict[str, frozenset[str]]:
    """Return how each syllable of Korean is written."""
    plain = {anyascii(chr(code)).lower() for code in HANGUL if (code - HANGUL[0]) % FINALS_OF_HANGUL in SPOKEN}
    return {syllable: frozenset(_koreans_write(syllable)) for syllable in plain}


def _koreans_write(syllable: str) -> Iterator[str]:
    yield syllable
    if hit := KOREAN.fullmatch(syllable):
        tables = (KOREAN_INITIALS, KOREAN_VOWELS, KOREAN_FINALS)
        for parts in product(
            *(table.get(part, part).split() or [""] for table, part in zip(tables, hit.groups(), strict=True))
        ):
            yield "".join(parts)


@cache
def _read() -> tuple[dict[str, frozenset[str]], ...]:
    """Return, for Chinese and for Korean, the syllables that each way to write one may mean."""
    languages = []
    for table in (_pinyin(), _korean()):
        meant: dict[str, set[str]] = {}
        for syllable, ways in table.items():
            for way in ways:
                meant.setdefault(way, set()).add(syllable)
        languages.append({way: frozenset(syllables) for way, syllables in meant.items()})
    return tuple(languages)


@cache
def _families() -> tuple[dict[str, frozenset[str]], ...]:
    """Return, for Chinese and for Korean, all ways to write a family name, by each of them."""
    languages = []
    for names in (CHINESE_FAMILIES, KOREAN_FAMILIES):
        ways: dict[str, set[str]] = {}
        for name in names:
            for way in name:
                ways.setdefault(way, set()).update(name)
        languages.append({way: frozenset(others) for way, others in ways.items()})
    return tuple(languages)


@lru_cache(maxsize=65_536)
def divisions(family: str, given: str) -> tuple[tuple[str, str], ...]:
    """Return how a folded given name beside this family name divides into two syllables of the family's language."""
    if not other_families(family):
        return ()
    return tuple(
        dict.fromkeys(
            (given[:at], given[at:])
            for language, families in zip(_read(), _families(), strict=True)
            if family in families
            for at in range(1, len(given))
            if given[:at] in language and given[at:] in language
        )
    )


@lru_cache(maxsize=65_536)
def same_syllables(given: str, word: str) -> bool:
    """Return whether two folded words of the same number of syllables, one or two, are said alike in one language."""
    if not (given.isascii() and word.isascii() and given.isalpha() and word.isalpha()):
        return False
    return any(
        all(language[a] & language[b] for a, b in zip(one, other, strict=True))
        for language in _read()
        for one in _readings(language, given)
        for other in _readings(language, word)
        if len(one) == len(other)
    )


def _readings(language: dict[str, frozenset[str]], word: str) -> Iterator[tuple[str, ...]]:
    if word in language:
        yield (word,)
    for at in range(1, min(len(word), LONGEST + 1)):
        if word[:at] in language and word[at:] in language:
            yield word[:at], word[at:]


def pairs(word: str) -> frozenset[tuple[str, ...]]:
    """Return how a folded word divides into two syllables of one language."""
    return frozenset(one for language in _read() for one in _readings(language, word) if len(one) > 1)


def other_families(family: str) -> frozenset[str]:
    """Return the ways, this one among them, to write a family name of China or Korea; empty for others."""
    return frozenset[str]().union(*(families.get(family, frozenset()) for families in _families()))


@lru_cache(maxsize=65_536)
def spellings(syllable: str) -> frozenset[str]:
    """Return all ways to write what a syllable in Latin letters may mean."""
    found = set[str]()
    for language, table in zip(_read(), (_pinyin(), _korean()), strict=True):
        found.update(way for meant in language.get(syllable, ()) for way in table[meant])
    return frozenset(found)


def _in_pinyin(family: str, given: Sequence[str]) -> Iterator[str]:
    """Yield a Chinese name, family name first, in pinyin without spaces, if it may be spelt by Wade and Giles."""
    language = _read()[0]
    names = other_families(family) | language.get(family, frozenset())
    syllables = pairs("".join(given)) | frozenset({tuple(given)})
    for parts in syllables:
        if names and all(part in language for part in parts):
            for chosen in product(names, *(language[part] for part in parts)):
                yield "".join(chosen)


@cache
def _hangul() -> dict[str, frozenset[str]]:
    """Return the syllables of Hangul of each syllable of Korean in Latin letters."""
    found: dict[str, set[str]] = {}
    for letter in (chr(code) for code in HANGUL if (code - HANGUL[0]) % FINALS_OF_HANGUL in SPOKEN):
        found.setdefault(anyascii(letter).lower(), set()).add(letter)
    return {syllable: frozenset(letters) for syllable, letters in found.items()}


def _in_hangul(family: str, given: Sequence[str]) -> Iterator[str]:
    """Yield a Korean name of three syllables in Hangul, in each way that its Latin letters may be meant."""
    language = _read()[1]
    families = [name[0] for name in KOREAN_FAMILIES if family in name]
    for pair in {tuple(given)} if len(given) > 1 else pairs("".join(given)):
        if families and len(pair) == 2 and all(part in language for part in pair):  # noqa: PLR2004  # syllables
            ways = [sorted({letter for one in language[part] for letter in _hangul().get(one, ())}) for part in pair]
            yield from map("".join, product(families, *ways))


def pinyin_orders(value: str) -> Iterator[str]:
    """Yield a Latin name as Chinese would write its sounds: "Wang Xiaoming" and "Xiaoming Wang" as wangxiaoming."""
    for family, given in latin_orders(value):
        yield family + "".join(given)
        yield from _in_pinyin(family, given)


def hangul_orders(value: str) -> Iterator[str]:
    """Yield a Latin name in Hangul, in each way that its syllables may be meant, if it can be Korean."""
    for family, given in latin_orders(value):
        yield from _in_hangul(family, given)
