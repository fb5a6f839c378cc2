"""Looks at what stands around and between the words of a name: gaps, initials, list markers, capitals, labels of columns."""

from __future__ import annotations

import html
import re
from functools import lru_cache
from typing import Final

from .name_given import is_given
from .words import Word

FARTHEST: Final = 300
"""Largest number of characters between two parts of a name: tags may stand there."""
TAG: Final = re.compile(r"<[^<>]{0,250}>")
JOIN: Final = re.compile(
    r"""[ \t\u00a0\u2000-\u200f\u3000]{0,3}(?:\r?\n[ \t>#*]{0,8})?["'“”‘’„«»()*_~`\-‐–·・•⸱=＝.]{0,3}[\s\u00a0\u2000-\u200f\u3000]{0,3}["'“”‘’„«»()*_~`]{0,3}"""
)
COMMA: Final = re.compile(r"""["'”]?\s{0,2}[,،，、]\s{0,3}["'“]?""")
CELL: Final = re.compile(r"""["'”]?\s{0,9}(?:[|;\t]|[,:=](?=["'])|["'],)[\s"'“:=|;,]{0,9}""")
FIELD: Final = re.compile(r"""["'”]?\s{0,3}(?:[:=]\s{0,3}["'“]?|[,;]?\s{0,3}\n[\s\-*"'“{]{0,12}|[,;]\s{0,3}["'“]|[,;]\s)""")
LABELS: Final = frozenset(
    [
        "name",
        "names",
        "given",
        "first",
        "last",
        "family",
        "sur",
        "surname",
        "forename",
        "fore",
        "firstname",
        "lastname",
        "familyname",
        "givenname",
        "nachname",
        "vorname",
        "familienname",
        "nom",
        "prenom",
        "nombre",
        "apellido",
        "apellidos",
        "cognome",
        "nome",
        "author",
        "value",
        "fname",
        "lname",
        "middle",
        "имя",
        "фамилия",
    ]
)
ONE_LETTER_WORDS: Final = frozenset("aioeyuаивкосуяй")
NO_INITIALS: Final = frozenset(
    [
        "am",
        "pm",
        "tv",
        "us",
        "uk",
        "eu",
        "un",
        "it",
        "id",
        "ok",
        "cv",
        "pc",
        "mp",
        "ma",
        "ba",
        "bs",
        "ms",
        "md",
        "jr",
        "sr",
        "ii",
        "iii",
        "iv",
        "vi",
        "ai",
        "ip",
        "hr",
        "pr",
        "qc",
        "kc",
        "ceo",
        "cfo",
        "cto",
        "cto",
        "esq",
        "phd",
        "dds",
        "rn",
        "usa",
        "uae",
        "nyc",
        "la",
        "dc",
        "ny",
        "bbc",
        "cnn",
        "nbc",
        "ltd",
        "inc",
        "llc",
        "plc",
        "gmbh",
        "ag",
        "se",
        "sa",
        "ave",
        "st",
        "rd",
        "in",
        "on",
        "at",
        "to",
        "of",
        "by",
        "no",
        "so",
        "if",
        "or",
        "we",
        "he",
        "me",
        "my",
        "do",
        "go",
        "is",
        "be",
        "an",
        "as",
        "the",
        "and",
        "der",
        "die",
        "das",
        "von",
        "und",
        "le",
        "de",
        "et",
        "el",
        "y",
    ]
)
STOP: Final = frozenset(
    [
        "and",
        "or",
        "the",
        "of",
        "in",
        "on",
        "at",
        "to",
        "by",
        "for",
        "with",
        "from",
        "met",
        "said",
        "saw",
        "is",
        "was",
        "as",
        "than",
        "und",
        "oder",
        "mit",
        "bei",
        "von",
        "der",
        "die",
        "das",
        "et",
        "ou",
        "avec",
        "y",
        "con",
        "e",
        "o",
        "vs",
        "versus",
        "against",
        "und",
        "traf",
        "sagte",
        "i",
        "но",
        "и",
        "с",
        "about",
        "but",
        "not",
        "both",
        "his",
        "her",
        "their",
        "aunt",
        "uncle",
        "brother",
        "sister",
    ]
)
COMMON: Final = frozenset(
    [
        "will",
        "mark",
        "may",
        "grace",
        "hope",
        "rose",
        "bill",
        "grant",
        "young",
        "long",
        "white",
        "brown",
        "green",
        "black",
        "king",
        "wood",
        "stone",
        "field",
        "hill",
        "day",
        "price",
        "power",
        "rich",
        "frank",
        "faith",
        "joy",
        "iris",
        "lily",
        "ruby",
        "daisy",
        "amber",
        "summer",
        "april",
        "june",
        "august",
        "art",
        "drew",
        "chase",
        "hunter",
        "mason",
        "miller",
        "baker",
        "cook",
        "fisher",
        "smith",
        "carpenter",
        "taylor",
        "page",
        "sun",
        "moon",
        "star",
        "west",
        "north",
        "best",
        "gray",
        "grey",
        "law",
        "pope",
        "bishop",
        "knight",
        "noble",
        "church",
        "park",
        "banks",
        "brook",
        "rivers",
        "lake",
        "fields",
        "bush",
        "rob",
        "bob",
        "jack",
        "pat",
        "sue",
        "dick",
        "rusty",
        "dusty",
        "sandy",
        "tiffany",
        "crystal",
        "jewel",
        "pearl",
        "melody",
        "harmony",
        "trust",
        "case",
        "bond",
        "cash",
        "love",
        "ford",
        "carter",
        "potter",
        "walker",
        "parker",
        "cooper",
        "turner",
        "weaver",
        "singer",
        "major",
        "sergeant",
        "prince",
        "duke",
        "dean",
        "wise",
        "strong",
        "swift",
        "sharp",
        "keen",
        "bright",
        "fair",
        "good",
        "goodman",
        "little",
        "small",
        "short",
        "head",
        "hand",
        "bell",
        "ball",
        "car",
        "van",
        "marsh",
        "moss",
        "heath",
        "cliff",
        "dale",
        "glen",
    ]
)
"""Words that are names as well. In lower case they are words."""


def gap(text: str, end: int, start: int) -> str:
    """Return what stands between two words: join, comma, cell, field or markup; empty if it parts them."""
    return _kind(text[end:start]) if 0 <= start - end <= FARTHEST else ""


@lru_cache(maxsize=65_536)
def _kind(raw: str) -> str:
    seen = html.unescape(TAG.sub(" ", raw))
    if seen != raw and len(seen.strip()) == 0:
        return "markup"
    if JOIN.fullmatch(seen):
        return "join"
    if CELL.fullmatch(seen):
        return "cell"
    if COMMA.fullmatch(seen):
        return "comma"
    return "field" if FIELD.fullmatch(seen) else ""


def is_sentence_end(text: str, word: Word) -> bool:
    """Return whether a full stop behind the word ends a sentence, and not an initial or an abbreviation."""
    return text[word.end : word.end + 1] == "." and word.end - word.start > len("Chr.")


def is_capitalised(text: str, word: Word) -> bool:
    """Return whether the word begins with a capital, or with a letter that has none."""
    return not text[word.start].islower() and text[word.start].isalpha()


def is_shouted(text: str, word: Word) -> bool:
    return text[word.start : word.end].isupper() and word.end - word.start > 1


def is_middle_name(text: str, word: Word, family: Word) -> bool:
    """Return whether an unknown word between given and family name can be a name itself."""
    if word.text in STOP or not word.text.isalpha():
        return False
    if text[word.start].isupper():
        return is_shouted(text, word) == is_shouted(text, family)
    return is_given(word.text) if text[word.start].islower() else len(word.text) > 1


def are_plain_words(text: str, *parts: Word) -> bool:
    """Return whether the words are common ones, in lower case in a text that has capitals."""
    return all(text[word.start].islower() and word.text in COMMON for word in parts) and not is_lower(text)


def is_lower(text: str) -> bool:
    """Return whether the beginning of the text has no capitals: it was folded, or its author writes none."""
    return text[:1000] == text[:1000].lower()


def initials(text: str, word: Word) -> str:
    """Return the folded letters if the word is one initial or up to three without dots; empty if it is a word."""
    raw = text[word.start : word.end]
    if not raw.isalpha() or len(raw) > 3:  # noqa: PLR2004  # Smith JFK
        return ""
    before, behind = text[max(0, word.start - 1) : word.start], text[word.end : word.end + 1]
    if behind in {")", "]"} or before in {"(", "["} or (before in {"'", "’"} and len(raw) == 1):
        return ""
    if len(raw) > 1:
        return word.text if raw.isupper() and word.text not in NO_INITIALS and len(word.text) == len(raw) else ""
    if behind == ".":
        return "" if _is_list_marker(text, word) else word.text
    return word.text if raw.isupper() and not _is_one_letter_word(text, word) else ""


def _is_one_letter_word(text: str, word: Word) -> bool:
    if word.text not in ONE_LETTER_WORDS:
        return False
    before = text[max(0, word.start - 4) : word.start].rstrip(" \t\"'“(")
    return word.text in {"i", "я"} or not before or before[-1] in ".!?:;\n"


def _is_list_marker(text: str, word: Word) -> bool:
    """Return whether "A." at the start of a line counts the items of a list: another line starts with the next letter."""
    line = text.rfind("\n", max(0, word.start - 20), word.start) + 1
    if text[line : word.start].strip() or (line == 0 and word.start > 20):  # noqa: PLR2004  # it is within the line
        return False
    letter = text[word.start]
    if letter.islower():
        return True
    return any(_starts_line(text, chr(ord(letter) + step), word.start) for step in (-1, 1))


def _starts_line(text: str, letter: str, near: int) -> bool:
    part = text[max(0, near - 1000) : near + 1000]
    return f"\n{letter}. " in part or part.startswith(f"{letter}. ")


def starts_row(text: str, start: int) -> bool:
    """Return whether only labels, numbers and markup stand before this place in its line."""
    line = text.rfind("\n", max(0, start - 120), start) + 1
    before = TAG.sub(" ", text[max(line, start - 120) : start]).lower()
    return all(word in LABELS for word in re.findall(r"[^\W\d_]+", before))
