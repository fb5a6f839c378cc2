"""What a sweep looks for: the queries of any number of requests."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from unlearning_jobs.engine.errors import EngineError
from unlearning_jobs.engine.matching import VERSION, Query, query_obstacle
from unlearning_jobs.engine.matching.kinds import MATCHERS

from .hashed import Hashed

ID: Final = re.compile(r"(?=.*[0-9/])[A-Za-z0-9][A-Za-z0-9./#:-]{0,99}")
"""Ids stand in the output and the journal. One with a digit or a slash in it is no name, and one without an @ no address."""
NEEDS_AN_INDEX: Final = "needs_an_index"
"""The obstacle of what no pass over texts can find: other words of the same meaning, and copies of a picture."""
WHY_NOT: Final[Mapping[str, str]] = {
    "nothing_to_search_for": "there is nothing in it to search for",
    "single_word": "it is a single short word, as which no name can be searched for",
    "not_an_identifier": "it is neither an e-mail address, nor an account name, a web address or a number",
    "not_an_image": "it is no picture that can be read",
    "image_too_large": "the picture is too large",
    NEEDS_AN_INDEX: "only an index can find it, and no pass over texts",
    "not_a_digest": "it is no digest: 64 digits in hex",
    "not_an_isbn": "it is no ISBN, or has a wrong check digit",
    "short_title_without_author": "so short a title needs an author who can be searched for",
    "author_without_title": "the line has no title",
}
"""Why something is not searched for, by the code of the obstacle, in words."""
NONE: Final[Mapping[str, str]] = {}
SLOWLY: Final = {"n": 1 << 14, "r": 8, "p": 1, "maxmem": 64 << 20}


class AskedError(EngineError):
    """What to sweep for cannot be read. Messages name the line, and never quote it."""

    code = "bad_query"


@dataclass(frozen=True)
class Asked:
    """Queries that can be searched for, and those that cannot, by id, with the obstacle."""

    queries: tuple[Query, ...]
    obstacles: dict[str, str] = field(default_factory=dict)
    authors: Mapping[str, str] = field(default_factory=dict)
    """By the id of a query for a title: that for its author, who must stand in the same row, and is no match alone."""
    hashed: Hashed = field(default_factory=Hashed)

    @classmethod
    def of(
        cls,
        queries: Iterable[Query],
        *,
        obstacles: Mapping[str, str] = NONE,
        authors: Mapping[str, str] = NONE,
        hashed: Hashed | None = None,
    ) -> Asked:
        """Sort queries by whether they can be searched for.

        Raises:
            AskedError: two have the same id, an id could say who asks, or nothing is left to search for.
        """
        by_id: dict[str, Query] = {}
        for query in queries:
            if not ID.fullmatch(query.id) or query.id in by_id:
                message = (
                    f"Query {len(by_id) + 1} has the id of another, or one that is not made of letters, digits and ./#:-,"
                    " with a digit or a slash in it."
                )
                raise AskedError(message)
            by_id[query.id] = query
        found = {query.id: obstacle for query in by_id.values() if (obstacle := _obstacle(query))}
        able = tuple(query for query in by_id.values() if query.id not in found)
        asked = cls(able, {**obstacles, **found}, authors, hashed or Hashed())
        if not asked.queries and not asked.hashed.entries:
            message = "There is nothing to search for: no query can be looked for."
            raise AskedError(message)
        return asked

    @property
    def count(self) -> int:
        """Return how many queries and digests are looked for."""
        return len(self.queries) + sum(map(len, self.hashed.entries.values()))

    def digest(self, salt: bytes) -> str:
        """Return what tells these queries from others, and takes long to compute: names are quickly guessed."""
        described = {
            "matcher": VERSION,
            "queries": [asdict(query) | {"image": None} for query in self.queries],
            "hashed": asdict(self.hashed) | {"key": self.hashed.key.hex()},
        }
        content = json.dumps(described, sort_keys=True).encode()
        return hashlib.scrypt(content, salt=salt, **SLOWLY).hex()


def _obstacle(query: Query) -> str:
    return query_obstacle(query) if query.kind in MATCHERS else NEEDS_AN_INDEX


def read_queries(path: Path) -> list[Query]:
    """Read queries from JSON lines with `id`, `kind` and `value`.

    Raises:
        AskedError: the file cannot be read, or a line is no query.
    """
    queries = []
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if line.strip():
                queries.append(_query(number, line))
    except (OSError, UnicodeDecodeError):
        message = f"{path.name} cannot be read as text; check its path and permissions."
        raise AskedError(message) from None
    return queries


def _query(number: int, line: str) -> Query:
    try:
        data = json.loads(line)
        query = Query(data["id"], data["kind"], data["value"])
    except (ValueError, KeyError, TypeError):
        query = None
    if query is None or query.kind not in MATCHERS or not (isinstance(query.id, str) and isinstance(query.value, str)):
        message = f"Line {number} of the queries is no object with id, value, and a kind of {', '.join(MATCHERS)}."
        raise AskedError(message)
    return query
