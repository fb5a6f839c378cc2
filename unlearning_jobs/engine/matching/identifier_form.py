"""Reads an identifier that somebody asks for: an e-mail address, a web address, an account name, or a number."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, urlencode

import idna
import phonenumbers

from .identifier_escapes import unescaped
from .identifier_text import small
from .query import QueryError
from .words import MARKS, words

LONGEST: Final = 2000
"""Largest number of characters of an identifier."""
SPELT: Final = r"\s{0,3}[\[({]\s{0,3}(?:dot|\.)\s{0,3}[\])}]\s{0,3}|\s{1,3}dot\s{1,3}"
DOT: Final = rf"(?:\.|{SPELT})"
HOST_DOT: Final = rf"(?:[.。]|{SPELT})"
AT: Final = r"(?:\s{0,3}@\s{0,3}|\s{0,3}[\[({]\s{0,3}(?:at|@)\s{0,3}[\])}]\s{0,3}|\s{1,3}at\s{1,3})"
"""Includes spellings meant to mislead robots: name [at] host [dot] org, name at host dot org, name[@]host[.]org."""
SPELT_DOT: Final = re.compile(SPELT, re.IGNORECASE)
EMAIL: Final = re.compile(
    rf"(?P<local>\w[\w{MARKS}+%'’-]*(?:{DOT}[\w{MARKS}+%'’-]+)*+){AT}(?P<host>[\w{MARKS}-]+(?:{HOST_DOT}[\w{MARKS}-]+)+)",
    re.IGNORECASE,
)
WEB: Final = re.compile(
    rf"(?:https?://)?(?P<host>[\w{MARKS}-]+(?:[.。][\w{MARKS}-]+)+)\.?(?::\d+)?(?P<rest>(?:[/?#]\S*)?)", re.IGNORECASE
)
HANDLE: Final = re.compile(rf"@?(\w[\w{MARKS}.-]*[\w{MARKS}]|\w)")
DASHES: Final = "\\-–‒―−"
"""For a class of a pattern. Hyphens that are none of ASCII are one in the text that is searched (`identifier_text.py`)."""
NUMBER: Final = re.compile(rf"[\s+()\[\]./{DASHES}:#\w]+")
PHONE: Final = re.compile(rf"\+?[\s()\[\]./{DASHES}_\d]+")
HINT: Final = re.compile(
    r"^(?P<front>[A-Z]{2}):?\s+(?=[\d(])|\s*\((?P<back>[A-Z]{2})\)$|;phone-context=\+(?P<code>\d{1,3})$"
)
IBAN: Final = re.compile("[a-z]{2}[0-9]{2}[a-z0-9]{11,30}")
TRACKING: Final = re.compile(r"utm_\w+|fbclid|gclid|ref|mc_[ce]id", re.IGNORECASE)
PROVIDERS: Final = {"gmail.com": ("gmail.com", "googlemail.com"), "googlemail.com": ("googlemail.com", "gmail.com")}
"""Mail providers that ignore dots before the @, each with the domains that it answers to."""
PHONE_DIGITS: Final = range(7, 16)
SHORTEST_NUMBER: Final = 5


@dataclass(frozen=True)
class Email:
    local: str
    host: str


@dataclass(frozen=True)
class Web:
    host: str
    rest: str
    """Path and query; empty for a whole domain."""


@dataclass(frozen=True)
class Handle:
    name: str


@dataclass(frozen=True)
class Number:
    """Letters and digits without separators; for a telephone number, the national digits without what stands before them."""

    characters: str
    phone: bool = False
    country: str = ""
    """The calling code of a telephone number, if it is known."""


Form = Email | Web | Handle | Number


def identifier_form(value: str) -> Form:
    """Return the normal form of an identifier.

    Raises:
        QueryError: the value is neither an e-mail address, a handle, a web address, nor a number.
    """
    value = unescaped(value.strip()).text.strip() if len(value) <= LONGEST else ""
    value = re.sub(r"^(?:mailto|tel|sms|callto|acct):", "", value, flags=re.IGNORECASE)
    if (hit := EMAIL.fullmatch(value.removeprefix("@"))) and (host := host_form(SPELT_DOT.sub(".", hit["host"]))):
        return Email(small(SPELT_DOT.sub(".", hit["local"])), host)
    if number := _number(value):
        return number
    if (hit := WEB.fullmatch(value)) and (host := host_form(hit["host"])):
        return Web(host.removeprefix("www."), rest_form(hit["rest"]))
    if (hit := HANDLE.fullmatch(value)) and words(hit[1]) and not hit[1].isdecimal():
        return Handle(small(hit[1]))
    message = "Write an e-mail address, an account name, a web address, or a number with at least five digits or letters."
    raise QueryError(message, code="not_an_identifier")


@lru_cache(maxsize=4_096)
def host_form(host: str) -> str:
    """Return a host in the form of the domain name system (IDNA); empty if it can be none."""
    try:
        return idna.encode(host.rstrip("."), uts46=True).decode()
    except idna.IDNAError:
        folded = host.rstrip(".").lower()  # old names with underscores
        return folded if folded.isascii() else ""


def rest_form(rest: str) -> str:
    """Return path and query without a final slash, tracking parameters and fragment."""
    path, _, query = rest.partition("#")[0].partition("?")
    kept = urlencode([(k, v) for k, v in parse_qsl(query, keep_blank_values=True) if not TRACKING.fullmatch(k)])
    return path.rstrip("/") + (f"?{kept}" if kept else "")


def squeezed(text: str) -> str:
    """Return letters and digits alone, folded; all decimal digits as 0 to 9."""
    return "".join(with_digits(word.text) for word in words(text))


def with_digits(word: str) -> str:
    """Return the word with the decimal digits of every script as 0 to 9."""
    if word.isascii():
        return word
    return "".join(str(unicodedata.decimal(character)) if character.isdecimal() else character for character in word)


def _number(value: str) -> Number | None:
    hint = HINT.search(value)
    body = HINT.sub("", value)
    digits = sum(character.isdigit() for character in body)
    if PHONE.fullmatch(body) and digits in PHONE_DIGITS:
        return _phone(body, hint)
    characters = squeezed(value) if NUMBER.fullmatch(value) and "_" not in value else ""
    letters = len(characters) - digits
    if len(characters) < SHORTEST_NUMBER or not digits:
        return None
    if IBAN.fullmatch(characters) and _is_iban(characters):
        return Number(characters)
    parted = re.search(r"[\s./\-–:#]", value)
    # A name with a year is an account. Numbers have hardly any letters, or no fewer digits and several groups.
    return Number(characters) if letters <= 2 or (parted and letters <= digits) else None  # noqa: PLR2004  # a country, as in a tax number


def _is_iban(characters: str) -> bool:
    moved = characters[4:] + characters[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def _phone(value: str, hint: re.Match[str] | None) -> Number:
    """Return the national digits of a telephone number, by its region where it says one."""
    value = re.sub(r"^\s*00", "+", value.replace("(0)", "") if "+" in value or value.strip().startswith("00") else value)
    region = (hint["front"] or hint["back"]) if hint else None
    if hint and hint["code"]:
        region = phonenumbers.region_code_for_country_code(int(hint["code"]))
    try:
        parsed = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        digits = squeezed(value)
        return Number(digits.removeprefix("0") or digits, phone=True)
    return Number(phonenumbers.national_significant_number(parsed), phone=True, country=str(parsed.country_code))
