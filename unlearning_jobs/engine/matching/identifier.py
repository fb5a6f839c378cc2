"""Searches for e-mail addresses, handles and web addresses by their normal forms."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from urllib.parse import parse_qsl, urlencode, urlsplit

from .needs import Needs, all_of
from .query import Query, QueryError, Span
from .words import folded_words

HOST = r"[\w-]+(?:\.[\w-]+)+"
AT, DOT = r"(?:\s*@\s*|\s*[\[({]\s*at\s*[\])}]\s*|\s+at\s+)", r"(?:\.|\s*[\[({]\s*dot\s*[\])}]\s*|\s+dot\s+)"
EMAIL = re.compile(
    rf"(?<![\w.@])(?P<local>\w[\w+%'-]*(?:{DOT}[\w+%'-]+)*){AT}(?P<host>[\w-]+(?:{DOT}[\w-]+)+)", re.IGNORECASE
)
"""Includes spellings meant to mislead robots: name [at] host [dot] org, name at host dot org."""
WEB = re.compile(
    rf"(?<![\w@.])(?:https?://)?(?:www\.)?{HOST}(?::\d+)?(?:/[^\s<>\"'“”]*)?(?:[?#][^\s<>\"'“”]*)?", re.IGNORECASE
)
HANDLE = re.compile(r"(?<![\w@./])@?(\w[\w.-]*\w|\w)")
TRACKING = re.compile(r"utm_\w+|fbclid|gclid|ref|mc_[ce]id", re.IGNORECASE)
OBFUSCATED_DOT = re.compile(r"\s*[\[({]\s*dot\s*[\])}]\s*|\s+dot\s+", re.IGNORECASE)
TRAILING = ".,;:!?)]}'-"


class IdentifierMatcher:
    """Finds identifiers with the same normal form. It allows no typing errors: one letter more is another person."""

    def __init__(self, queries: Sequence[Query]) -> None:
        self._queries: defaultdict[str, list[str]] = defaultdict(list)
        for query in queries:
            form = normal_form(query.value)
            self._queries[form].append(query.id)

    @staticmethod
    def needs(query: Query) -> Needs | None:
        """Return what every text with a match holds: the words of the address or account, without those of a path."""
        kind, form = normal_form(query.value).split(":", 1)
        named = re.split(r"[/?#]", form)[0] if kind == "web" else form
        # A host may be written in letters or in Punycode, so its words are not needed.
        return all_of([word for part in named.split(".") if "xn--" not in part for word in folded_words(part)])

    def spans(self, text: str) -> Iterator[Span]:
        """Yield the places of the identifiers in the text."""
        for pattern, form in ((EMAIL, _email), (WEB, _web), (HANDLE, _handle)):
            for hit in pattern.finditer(text):
                raw = hit.group().rstrip(TRAILING)
                for query in self._queries.get(form(raw), ()):
                    yield Span(query, hit.start(), hit.start() + len(raw), 1.0)


def normal_form(value: str) -> str:
    """Return the normal form of an identifier.

    Raises:
        QueryError: the value is neither an e-mail address, nor a handle, nor a web address.
    """
    value = value.strip()
    if EMAIL.fullmatch(value):
        return _email(value)
    if WEB.fullmatch(value):
        return _web(value)
    if HANDLE.fullmatch(value):
        return _handle(value)
    message = "An identifier must be an e-mail address, a handle, or a web address."
    raise QueryError(message, code="not_an_identifier")


def _email(raw: str) -> str:
    hit = EMAIL.match(raw)
    if hit is None:
        return ""
    local, host = (OBFUSCATED_DOT.sub(".", part).casefold() for part in (hit["local"], hit["host"]))
    return f"email:{local}@{host}"


def _web(raw: str) -> str:
    """Normalise: lower-case host without www, no final slash, no tracking parameters, no fragment."""
    parts = urlsplit(raw if "://" in raw else f"//{raw}")
    query = urlencode([(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not TRACKING.fullmatch(k)])
    try:
        host = (parts.hostname or "").encode("idna").decode()
    except UnicodeError:  # not a valid host name
        return ""
    return f"web:{host.removeprefix('www.')}{parts.path.rstrip('/')}{'?' + query if query else ''}"


def _handle(raw: str) -> str:
    return f"handle:{raw.lstrip('@').casefold()}"
