"""Selects rows by an exact value of a metadata column: an account, a repository, an address, a domain, an id."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

from .identifier_address import host_words
from .identifier_form import WEB, host_form, rest_form
from .needs import Needs, all_of
from .plain import is_plain
from .query import EVERY, Query, QueryError, Span
from .words import words

COLUMNS: Final[Mapping[str, frozenset[str]]] = {
    "account": frozenset({"account", "author", "user", "username", "user_name", "owner", "login", "handle", "screen_name"}),
    "repository": frozenset({"repository", "repo", "repo_name", "repository_name", "max_stars_repo_name"}),
    "url": frozenset({"url", "link", "uri", "source_url", "page_url", "permalink", "href"}),
    "domain": frozenset({"domain", "host", "site", "hostname"}),
    "id": frozenset({"id", "uuid", "doc_id", "source_id", "row_id"}),
    "email": frozenset({"email", "e-mail", "mail", "author_email"}),
}
"""Names that people give to columns of the same meaning. A query for one finds all of them."""
HOSTS: Final = frozenset({"url", "domain"})
LINE: Final = re.compile(r"^((?:[^\n:]|:(?! )){1,200}): ([^\n]*)$", re.MULTILINE)
"""A column may have colons in its name, as in dc:creator."""
BEFORE_HOST: Final = re.compile(r"^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//(?:[^/?#@]*@)?")
"""What stands before the host of an address: any scheme, and whoever signs in there."""
SPELLINGS: Final = ("{0}", "<{0}>", "</{0}>", '"{0}"', "'{0}'")
"""How a column may hold a value that counts as the same."""
HOSTING: Final = re.compile(
    r"^(?:https?://)?(?:www\.)?(?:github\.com|gitlab\.com|bitbucket\.org|huggingface\.co)/", re.IGNORECASE
)


class KeyMatcher:
    """Finds rows of which a column has exactly the value of a query "column=value", after both are normalised.

    Account names lose their @, addresses their scheme and www., repositories their host and .git. Case does not matter,
    except in the path of an address. A domain finds the addresses of its pages and of its subdomains.
    """

    def __init__(self, queries: Sequence[Query]) -> None:
        self._wanted: defaultdict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for query in queries:
            name, value = _asked(query)
            if not name or not value:
                message = "Write the column and its value, as in “author=name”."
                raise QueryError(message, code="nothing_to_search_for")
            self._wanted[_meaning(name), value].append((query.id, name))

    @staticmethod
    def needs(query: Query) -> Needs | None:
        """Return the words of the value, or those that begin its host; None if a reader would see other ones."""
        name, value = _asked(query)
        if not is_plain(value) or not _always_shown(value):
            return None
        if _meaning(name) in HOSTS:
            firsts = host_words(re.split("[/?]", value)[0])
            return Needs((firsts,)) if firsts else None
        return all_of(word.text for word in words(value))

    def spans(self, text: str, wanted: Container[str] = EVERY) -> Iterator[Span]:
        """Yield the lines "column: value" of a document whose value is asked for."""
        for line in LINE.finditer(text):
            for query, score, because in self._held(line[1], line[2]):
                if query in wanted:
                    yield Span(query, line.start(), line.end(), score, because)

    def queries_of(self, metadata: Mapping[str, str]) -> frozenset[str]:
        """Return the queries that a row with this metadata matches."""
        return frozenset(query for column, value in metadata.items() for query, _, _ in self._held(column, value))

    def _held(self, column: str, value: str) -> Iterator[tuple[str, float, tuple[str, ...]]]:
        name = column.strip().casefold()
        told = set[str]()
        for one in _values(value):
            for meaning, found in _readings(_meaning(name), one):
                for query, asked in self._wanted.get((meaning, found), ()):
                    if query not in told:
                        told.add(query)
                        yield (query, 1.0, ()) if asked == name else (query, 0.9, ("related_column",))


def normal_value(meaning: str, value: str) -> str:
    """Return a value as it is compared."""
    value = " ".join(value.split()).strip("\"'<> ")
    match meaning:
        case "account":
            return value.removeprefix("@").casefold()
        case "repository":
            return HOSTING.sub("", value).strip("/").removesuffix(".git").casefold()
        case "url":
            hit = WEB.fullmatch(BEFORE_HOST.sub("", value))
            return host_form(hit["host"]).removeprefix("www.") + rest_form(hit["rest"]) if hit else value
        case "domain":
            hit = WEB.fullmatch(BEFORE_HOST.sub("", value))
            return host_form(hit["host"] if hit else value).removeprefix("www.")
    return value.casefold()


def _values(value: str) -> Iterator[str]:
    """Yield the value of a column and, where it is a list or an object in JSON, each text that stands in it as it is.

    One behind escapes of JSON is left out: its words are none of the document's, and an index could not name it.
    """
    yield value
    if value[:1] in {"[", "{"}:
        with suppress(ValueError, RecursionError):
            yield from (leaf for leaf in _leaves(json.loads(value)) if leaf in value)


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _leaves(one)


def _always_shown(value: str) -> bool:
    """Return whether a reader sees the words of a value however a column writes it: in brackets, it may be a tag."""
    asked = {word.text for word in words(value)}
    spelled = [form.format(one) for form in SPELLINGS for one in (value, value.upper(), value.title())]
    return all(asked <= {word.text for word in words(one)} for one in spelled)


def _asked(query: Query) -> tuple[str, str]:
    """Return the column and the normal value that a query asks for; either is empty where it names none."""
    column, _equals, value = query.value.partition("=")
    name = column.strip().casefold()
    return name, normal_value(_meaning(name), value)


def _meaning(column: str) -> str:
    return next((meaning for meaning, names in COLUMNS.items() if column in names), column)


def _readings(meaning: str, value: str) -> Iterator[tuple[str, str]]:
    """Yield the keys under which a value is found: its own, and for an address or a host also each domain above it."""
    yield meaning, normal_value(meaning, value)
    if meaning in HOSTS:
        labels = normal_value("domain", value).split(".")
        for i in range(0 if meaning == "url" else 1, len(labels) - 1):
            yield "domain", ".".join(labels[i:])
