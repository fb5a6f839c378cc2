"""Selects rows by an exact value of a metadata column: an account, a repository, an address, a domain, an id."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from math import prod
from typing import Final, NamedTuple

from unlearning_jobs.engine.corpora.document import Document

from .identifier_address import host_words
from .identifier_escapes import unescaped
from .identifier_form import WEB, host_form, rest_form
from .identifier_text import in_one_form, small
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
BEFORE_HOST: Final = re.compile(r"^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//(?:[^/?#@]*@)?")
"""What stands before the host of an address: any scheme, and whoever signs in there."""
MOST_SIGNS: Final = 8
"""Signs = at which a query is parted into column and value."""
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
        self._wanted: defaultdict[tuple[str, str], list[_Asked]] = defaultdict(list)
        for query in queries:
            asked = list(_asked(query))
            if not asked:
                message = "Write the column and its value, as in “author=name”."
                raise QueryError(message, code="nothing_to_search_for")
            for one in asked:
                self._wanted[_meaning(one.column), one.value.casefold()].append(one)

    @staticmethod
    def needs(query: Query) -> Needs | None:
        """Return the words of the value, or those that begin its host; None if a reader would see other ones.

        Where a value has the sign =, a column may have a part of it in its name, in which its words stand then.
        """
        asked = list(_asked(query))
        if len(list(_forms(query.value))) > 1 or not all(_always_shown(one.value) for one in asked):
            return None
        _, name, value = asked[0]
        if _meaning(name) in HOSTS:
            firsts = host_words(re.split("[/?]", value)[0])
            return Needs((firsts,), escapes=True) if firsts else None
        needs = all_of(word.text for word in words(value))
        return replace(needs, escapes=True) if needs else None

    def spans(self, text: str, wanted: Container[str] = EVERY) -> Iterator[Span]:
        """Yield the columns of a document whose value is asked for; a text without columns has none."""
        for column in text.columns() if isinstance(text, Document) else ():
            for query, score, because in self._held(column.name, column.value):
                if query in wanted:
                    yield Span(query, column.start, column.end, score, because)

    def queries_of(self, metadata: Mapping[str, str]) -> frozenset[str]:
        """Return the queries that a row with this metadata matches."""
        return frozenset(query for column, value in metadata.items() for query, _, _ in self._held(column, value))

    def _held(self, column: str, value: str) -> Iterator[tuple[str, float, tuple[str, ...]]]:
        """Yield the queries that the column matches, each with its score and rules, the best first."""
        name = _column(column)
        held: dict[str, dict[str, float]] = {}
        for one, escaped in (form for leaf in _values(value) for form in _forms(leaf, blanks=_meaning(name) not in HOSTS)):
            for meaning, found in _readings(_meaning(name), one):
                for asked in self._wanted.get((meaning, found.casefold()), ()):
                    alike = asked.value == found
                    if alike or meaning not in HOSTS:
                        rules = {} if asked.column == name else {"related_column": 0.9}
                        rules |= {} if alike else {"spelling": 0.95}
                        rules |= {"escaped": 0.95} if escaped else {}
                        held[asked.query] = min(rules, held.get(asked.query, rules), key=len)
        for query, rules in held.items():
            yield query, round(prod(rules.values()), 4), tuple(rules)


def normal_value(meaning: str, value: str) -> str:
    """Return a value as it is compared."""
    value = " ".join(in_one_form(value).text.split()).strip("\"'<> ")
    match meaning:
        case "account":
            return small(value.removeprefix("@"))
        case "repository":
            return small(HOSTING.sub("", value).strip("/").removesuffix(".git"))
        case "url":
            hit = WEB.fullmatch(BEFORE_HOST.sub("", value))
            return host_form(hit["host"]).removeprefix("www.") + rest_form(hit["rest"]) if hit else value
        case "domain":
            hit = WEB.fullmatch(BEFORE_HOST.sub("", value))
            return host_form(hit["host"] if hit else value).removeprefix("www.")
    return small(value)


def _forms(value: str, *, blanks: bool = True) -> Iterator[tuple[str, bool]]:
    """Yield a value as it stands and as readers see it, which is the same of most, each with whether escapes were undone.

    With `blanks`, those of blanks are undone too, which would make of a web address another one.
    """
    yield value, False
    if not is_plain(value) or "%" in value:
        seen = unescaped(value, blanks=blanks).text
        if seen != in_one_form(value).text:
            yield seen, "%" in value or "&" in value


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


class _Asked(NamedTuple):
    """A column and the normal value that a query asks for."""

    query: str
    column: str
    value: str


def _asked(query: Query) -> Iterator[_Asked]:
    """Yield what a query asks for: a column may have the sign = in its name, and a value in itself."""
    parts = query.value.split("=")
    for count in range(1, min(len(parts), MOST_SIGNS + 1)):
        name = _column("=".join(parts[:count]))
        values = (normal_value(_meaning(name), form) for form, _ in _forms("=".join(parts[count:])))
        yield from (_Asked(query.id, name, value) for value in values if name and value)


def _column(name: str) -> str:
    """Return the name of a column as it is compared."""
    return in_one_form(name).text.strip().casefold()


def _meaning(column: str) -> str:
    return next((meaning for meaning, names in COLUMNS.items() if column in names), column)


def _readings(meaning: str, value: str) -> Iterator[tuple[str, str]]:
    """Yield the keys under which a value is found: its own, and for an address or a host also each domain above it."""
    yield meaning, normal_value(meaning, value)
    if meaning in HOSTS:
        labels = normal_value("domain", value).split(".")
        for i in range(0 if meaning == "url" else 1, len(labels) - 1):
            yield "domain", ".".join(labels[i:])
