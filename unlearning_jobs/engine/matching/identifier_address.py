"""Finds e-mail addresses, web addresses and account names at a place of a text where one of their words stands.

Whatever is looked at lies within a bounded distance of that word, so that the search is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Final, NamedTuple

import idna
import re2

from .identifier_form import AT, DOT, HOST_DOT, PROVIDERS, SPELT, Email, Handle, Web, host_form, rest_form
from .identifier_text import small
from .words import APOSTROPHES, MARKS, words

LOCAL_LENGTH: Final = 120
"""Largest number of characters before the host of an e-mail address that are looked at."""
LETTER: Final = r"[\pL\pN\pM_]"
LOCAL: Final = re2.compile(rf"(?i)({LETTER}(?:[\pL\pN\pM_+%'’-]|{DOT})*)({AT})$")
HOST_BEFORE: Final = re2.compile(r"[\pL\pN\pM_.-]*$")
LABEL: Final = re.compile(rf"\w[\w{MARKS}-]{{0,62}}")
DOT_HERE: Final = re.compile(HOST_DOT, re.IGNORECASE)
DOT_WORD: Final = re.compile(SPELT, re.IGNORECASE)
REST: Final = re.compile(r"(?::\d{1,5}+)?(?:[/?#][^\s<>\"'“”]{0,2000}+)?")
TRAILING: Final = ".,;:!?)]}'-"
STRAIGHT: Final = str.maketrans(dict.fromkeys(APOSTROPHES, "'"))
SURE: Final = 8
"""Letters of an account name that is no common word."""


class Place(NamedTuple):
    """Characters `start` to `end` of a text, how well they agree, and by which rules."""

    start: int
    end: int
    score: float = 1.0
    because: tuple[str, ...] = ()


def anchors(form: Email | Web | Handle) -> frozenset[str]:
    """Return the folded words of which one begins the identifier's host, or its account name."""
    if isinstance(form, Handle):
        return frozenset({words(form.name)[0].text})
    hosts = PROVIDERS.get(form.host, (form.host,)) if isinstance(form, Email) else (form.host,)
    return frozenset[str]().union(*map(host_words, hosts))


def first_words(form: Email) -> frozenset[str]:
    """Return the folded words of which one begins the name before the host of an e-mail address; none if it has no word."""
    local = form.local.split("+")[0]
    if form.host in PROVIDERS:  # a dot may follow any letter
        local = local.replace(".", "")
    starts = range(1, len(local) + 1) if form.host in PROVIDERS else (len(local),)
    return frozenset(found[0].text for end in starts if (found := words(local[:end])))


def place_of(form: Email | Web | Handle, text: str, start: int) -> Place | None:
    """Return the place of the identifier whose first word of host or name starts here."""
    match form:
        case Email():
            return _email(form, text, start)
        case Web():
            return _web(form, text, start)
        case Handle():
            return _handle(form, text, start)


def _email(form: Email, text: str, start: int) -> Place | None:
    hosts = PROVIDERS.get(form.host, (form.host,))
    end, host = next(((end, host) for host in hosts if (end := _host_end(host, text, start))), (0, ""))
    window = text[max(0, start - LOCAL_LENGTH) : start]
    hit = LOCAL.search(window) if end else None
    if hit is None:
        return None
    before = window[max(0, hit.start() - 2) : hit.start()]
    if before[-1:] in {".", "_"} or (before[-1:] == "@" and before[:1].isalnum()) or (not before and start > LOCAL_LENGTH):
        return None
    rules = _mailbox_rules(form, small(DOT_WORD.sub(".", hit.group(1))))
    if rules is None:
        return None
    if host != form.host:
        rules = (*rules, "same_provider")
    if hit.group(2).strip() != "@" or DOT_WORD.search(hit.group(1)) or DOT_WORD.search(text[start:end]):
        rules = (*rules, "obfuscated")
    return Place(start - len(window) + hit.start(), end, 0.95 ** len(rules), rules)


def _mailbox_rules(form: Email, local: str) -> tuple[str, ...] | None:
    """Return the rules by which both names before the @ belong to one mailbox; None if they do not."""
    if local == form.local:
        return ()
    (wanted, *_), (found, *_) = form.local.split("+"), local.split("+")
    rules = ("plus_tag",) if "+" in local + form.local else ()
    alike = _forms(wanted, found)
    if alike is None and form.host in PROVIDERS:
        rules, alike = (*rules, "mailbox_dots"), _forms(wanted.replace(".", ""), found.replace(".", ""))
    return None if alike is None or not found else (*rules, *alike)


def _forms(wanted: str, found: str) -> tuple[str, ...] | None:
    """Return the rules by which the letters of two names are the same ones; None if they are not."""
    straight, other = wanted.translate(STRAIGHT), found.translate(STRAIGHT)
    if straight.casefold() != other.casefold():
        return None
    forms = ("other_form",) if wanted.casefold() != found.casefold() else ()
    return (*forms, "spelling") if straight != other else forms


def _web(form: Web, text: str, start: int) -> Place | None:
    end = _host_end(form.host, text, start, plain=True)
    if not end:
        return None
    window = text[max(0, start - LOCAL_LENGTH) : start]
    before = HOST_BEFORE.search(window).group()
    sign = window[-len(before) - 1 : len(window) - len(before)] if len(before) < len(window) else ""
    subdomain = before.lower().removesuffix("www.")
    if before and not before.endswith("."):
        return None
    raw = REST.match(text, end).group().rstrip(TRAILING)  # type: ignore[union-attr]  # it matches the empty text, too
    rest = rest_form(re.sub(r"^:\d+", "", raw))
    first = (
        start - len(before) - next((len(scheme) for scheme in ("https://", "http://") if _ends(window, before, scheme)), 0)
    )
    if form.rest:
        return None if rest != form.rest or subdomain or sign == "@" else Place(first, end + len(raw))
    rules = ("subdomain",) if subdomain else ()
    if sign == "@":
        return Place(start - len(before), end, 0.6, ("address_at_domain", *rules))
    rules = (*rules, "page_of_domain") if rest else rules
    return Place(first, end + len(raw), 0.8 ** len(rules), rules)


def _ends(window: str, before: str, scheme: str) -> bool:
    return window[: len(window) - len(before)].lower().endswith(scheme)


def _handle(form: Handle, text: str, start: int) -> Place | None:
    begin = start - _lead(form.name)
    end = _written_end(form.name, text, begin, small)
    rules = () if end else ("spelling",)
    end = end or _written_end(form.name.casefold(), text, begin, str.casefold)
    if not end:
        return None
    before, behind = text[max(0, begin - 2) : begin], text[end : end + 2]
    if _goes_on(behind) or (behind[:1] == "@" and behind[1:].isalnum() and before[-1:] != "@"):
        return None
    place = _handle_between(form.name, before, begin, end)
    return place and Place(place.start, end, place.score * 0.95 ** len(rules), (*place.because, *rules))


def _handle_between(name: str, before: str, begin: int, end: int) -> Place | None:
    """Return the place of an account name behind these characters."""
    sign = before[-1:] == "@"
    if "/" in {before[-1:], before[:1] if sign else ""}:
        return Place(begin - sign, end, 0.9, ("handle_in_address",))
    if sign:
        return None if before[:1].isalnum() else Place(begin - 1, end)
    if (before and (before[-1].isalnum() or before[-1] in "_.-")) or (name.isalpha() and len(name) < SURE):
        return None
    return Place(begin, end, 0.6, ("handle_without_sign",)) if name.isalpha() else Place(begin, end)


def _written_end(name: str, text: str, begin: int, form: Callable[[str], str]) -> int:
    """Return where a name in this form ends in the text if it begins there; 0 if it does not.

    The form of one letter may have several.
    """
    end, done = begin, 0
    while begin >= 0 and end < len(text) and done < len(name) and name.startswith(letters := form(text[end]), done):
        end, done = end + 1, done + len(letters)
    return end if done == len(name) else 0


@lru_cache(maxsize=4_096)
def _lead(name: str) -> int:
    """Return where the first word of an account name begins."""
    return words(name)[0].start


def _goes_on(behind: str) -> bool:
    """Return whether the name or host goes on with what stands behind it."""
    return behind[:1].isalnum() or behind[:1] == "_" or (behind[:1] in {".", "-"} and behind[1:].isalnum())


def _host_end(host: str, text: str, start: int, *, plain: bool = False) -> int:
    """Return where the host ends if it starts here; 0 if it does not. A `plain` one has no dots that are spelt out."""
    end = start
    for i, label in enumerate(host.split(".")):
        if i:
            dot = DOT_HERE.match(text, end)
            if not dot or (plain and dot.group() not in {".", "。"}):
                return 0
            end = dot.end()
        hit = LABEL.match(text, end)
        if not hit or (host_form(hit.group()) or hit.group().lower()) != label:
            return 0
        end = hit.end()
    return 0 if _goes_on(text[end : end + 2]) else end


def host_words(host: str) -> frozenset[str]:
    """Return the folded words of which one begins the host, as the name system writes it or as people do."""
    return frozenset(word.text for name in _names(host.partition(".")[0]) for word in words(name)[:1])


def _names(label: str) -> Iterator[str]:
    """Yield a part of a host as the name system writes it, and as people do."""
    yield label
    if label.startswith("xn--"):
        with suppress(idna.IDNAError, UnicodeError):  # nothing says that what somebody typed is a name
            yield idna.decode(label)
