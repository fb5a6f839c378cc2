"""Finds every e-mail address and telephone number of a text, and brings them into their normal forms.

Each is looked for within a bounded distance of a sign or a digit, so that the time grows with the text and no faster.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import phonenumbers
import re2

from unlearning_jobs.engine.matching.identifier_address import DOT_WORD, LETTER, LOCAL, LOCAL_LENGTH, STRAIGHT
from unlearning_jobs.engine.matching.identifier_form import (
    AT,
    DASHES,
    HOST_DOT,
    PHONE_DIGITS,
    PROVIDERS,
    host_form,
    with_digits,
)
from unlearning_jobs.engine.matching.identifier_text import small

HOST_LENGTH: Final = 260
FLAGS: Final = re.IGNORECASE
LAST_LABEL: Final = re.compile(rf"(?:{HOST_DOT})([^\s.]+)$", FLAGS)
HOST: Final = re2.compile(rf"(?i)^{LETTER}[\pL\pN\pM_-]*(?:{HOST_DOT}[\pL\pN\pM_-]+)+")
SIGN: Final = re.compile(AT, re.IGNORECASE)
GROUP: Final = re.compile(r"\d+")
GAP: Final = re.compile(rf"[\s()./{DASHES}_]+")
WHOLE_NUMBER: Final = range(10, PHONE_DIGITS.stop)
"""Digits of a number that may begin with a country code without its plus."""
WIDEST_GAP: Final = 4
BEFORE: Final = 4
"""Characters before a number in which its plus and brackets stand."""


class Candidate(NamedTuple):
    """Characters `start` to `end` of a text in a normal form, and by which rules it is one."""

    normal: str
    start: int
    end: int
    because: tuple[str, ...] = ()


def emails(text: str) -> Iterator[Candidate]:
    """Yield every e-mail address, as it is written and without what its provider does not look at."""
    for sign in SIGN.finditer(text):
        hit = HOST.match(text[sign.end() : sign.end() + HOST_LENGTH])
        local = LOCAL.search(text[max(0, sign.start() - LOCAL_LENGTH) : sign.end()]) if hit else None
        if hit is None or local is None:
            continue
        start = max(0, sign.start() - LOCAL_LENGTH) + local.start()
        mailbox = small(DOT_WORD.sub(".", local.group(1)))
        spelt = () if sign.group().strip() == "@" and not DOT_WORD.search(hit.group()) else ("obfuscated",)
        for host, length in _hosts(hit.group()):
            cut = ("sentence_behind",) if length < len(hit.group()) else ()
            for name, because in _mailboxes(mailbox, host).items():
                yield Candidate(name, start, sign.end() + length, (*because, *spelt, *cut))


def _hosts(written: str) -> Iterator[tuple[str, int]]:
    """Yield the host, and a shorter one where the last words may begin the next sentence, which has no space before it.

    These begin otherwise than the host: with a capital behind a small letter, or in letters that have no capitals. Without
    that, the shorter host would be somebody else's.
    """
    if host := host_form(DOT_WORD.sub(".", written)):
        yield host, len(written)
    rest = written
    while (dot := LAST_LABEL.search(rest)) and not dot[1][0].islower() and re.search(HOST_DOT, rest[: dot.start()], FLAGS):
        rest = rest[: dot.start()]
    last = LAST_LABEL.search(rest)
    if rest != written and last and last[1][0].islower() and (host := host_form(DOT_WORD.sub(".", rest))):
        yield host, len(rest)


def _mailboxes(local: str, host: str) -> Mapping[str, tuple[str, ...]]:
    """Return the addresses of the same mailbox that somebody may have given, each with the rules."""
    found: dict[str, tuple[str, ...]] = {f"{local}@{host}": ()}
    found.setdefault(f"{local.translate(STRAIGHT)}@{host}", ("other_form",))
    bare = local.partition("+")[0]
    found.setdefault(f"{bare}@{host}", ("plus_tag",))
    for other in PROVIDERS.get(host, ()):
        found.setdefault(f"{bare}@{other}", ("same_provider",))
        found.setdefault(f"{bare.replace('.', '')}@{other}", ("mailbox_dots",))
    return found


def phones(text: str, regions: Sequence[str]) -> Iterator[Candidate]:
    """Yield every row of groups of digits that may be a telephone number, in international form."""
    groups = list(GROUP.finditer(text))
    for first, begin in enumerate(groups):
        digits = ""
        for last in range(first, len(groups)):
            if last > first and not _is_gap(text, groups[last - 1].end(), groups[last].start()):
                break
            group = with_digits(groups[last].group())
            # A zero in brackets belongs to calls from within the country.
            digits += "" if digits and group == "0" and text[groups[last].start() - 1] == "(" else group
            if len(digits) > PHONE_DIGITS.stop + 1:
                break
            start = begin.start() - _signs(text, begin.start())
            for normal, because in _international(digits, text[start : begin.start()], regions):
                yield Candidate(normal, start, groups[last].end(), because)


def _is_gap(text: str, start: int, end: int) -> bool:
    return end - start <= WIDEST_GAP and GAP.fullmatch(text, start, end) is not None


def _signs(text: str, place: int) -> int:
    before = text[max(0, place - BEFORE) : place]
    hit = re.search(r"\+[ (]{0,2}$|\($", before)
    return len(hit.group()) if hit else 0


def _international(digits: str, signs: str, regions: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    if "+" in signs:
        if len(digits) in PHONE_DIGITS:
            yield f"+{digits}", ()
        return
    if digits.startswith("00"):
        if len(digits) - 2 in PHONE_DIGITS:
            yield f"+{digits[2:]}", ()
        return
    if digits[0] != "0" and len(digits) in WHOLE_NUMBER:
        yield f"+{digits}", ("country_code",)
    for region in regions:
        code, prefix = region_codes(region)
        national = digits.removeprefix(prefix) if prefix else digits
        if len(code + national) in PHONE_DIGITS and len(digits) >= PHONE_DIGITS.start:
            yield f"+{code}{national}", ("country_code",)


@lru_cache(maxsize=512)
def region_codes(region: str) -> tuple[str, str]:
    """Return the calling code of a country, and what calls within it put before a number.

    Raises:
        ValueError: there is no such country.
    """
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region.upper(), None)
    if metadata is None:
        raise ValueError(region)
    return str(metadata.country_code), metadata.national_prefix or ""
