"""Reads a register of opt-outs: a CSV file with a person or a work on each line, in the clear or as keyed digests."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, get_args

from unlearning_jobs.engine.matching import Query, query_obstacle
from unlearning_jobs.engine.matching.words import words

from .asked import Asked, AskedError
from .hashed import Hashed, HashedKind
from .hashed_forms import region_codes

PLAIN: Final = ("email", "phone", "name", "account", "url", "isbn", "title", "author")
HASHED: Final[tuple[HashedKind, ...]] = get_args(HashedKind)
DIGEST: Final = re.compile("[0-9a-f]{64}")
SURE: Final = 5
"""Words of a title that no other text has by chance; with fewer, its author must stand in the same row."""
SHORTEST_KEY: Final = 16


def read_register(path: Path, *, key: bytes = b"", regions: Sequence[str] = ()) -> Asked:
    """Return what a register asks for. Its ids are the lines of the file and the columns: line-2/email.

    Raises:
        AskedError: the file is no register, a country is unknown, or nothing in it can be looked for.
    """
    for region in regions:
        try:
            region_codes(region)
        except ValueError:
            message = f"There is no country {region[:10]!r}; write two letters, such as DE."
            raise AskedError(message) from None
    queries: list[Query] = []
    digests: dict[HashedKind, defaultdict[str, list[str]]] = {kind: defaultdict(list) for kind in HASHED}
    obstacles: dict[str, str] = {}
    authors: dict[str, str] = {}
    for line, cells in _lines(path):
        own = list(_queries(line, cells, obstacles))
        queries += own
        authors.update({f"{line}/title": query.id for query in own if query.id == f"{line}/author"})
        for kind in HASHED:
            if value := cells.get(kind, "").lower():
                if DIGEST.fullmatch(value):
                    digests[kind][value].append(f"{line}/{kind}")
                else:
                    obstacles[f"{line}/{kind}"] = "not_a_digest"
        if not any(cells.values()):
            obstacles[line] = "nothing_to_search_for"
    entries = {kind: {digest: tuple(ids) for digest, ids in by.items()} for kind, by in digests.items() if by}
    return Asked.of(queries, obstacles=obstacles, authors=authors, hashed=Hashed(entries, key, tuple(regions)))


def read_key(path: Path) -> bytes:
    """Read the key of a register, in hex.

    Raises:
        AskedError: the file holds no key of at least 16 bytes.
    """
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        key = b""
    if len(key) < SHORTEST_KEY:
        message = f"{path.name} holds no key: at least {SHORTEST_KEY} bytes in hex."
        raise AskedError(message)
    return key


def _lines(path: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield each line's id and its cells by column. Other columns are left alone."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = file.readline()
            delimiter = max(",;\t", key=header.count)
            columns = [name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter), [])]
            if not {*PLAIN, *HASHED} & set(columns):
                message = f"{path.name} has none of the columns {', '.join((*PLAIN, *HASHED))}."
                raise AskedError(message)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            for number, cells in enumerate(reader, start=1):
                if reader.line_num > number:
                    message = f"{path.name}, line {number + 1}: a quote takes more than one line into a cell; close it."
                    raise AskedError(message)
                known = zip(columns, map(str.strip, cells), strict=False)
                yield f"line-{reader.line_num + 1}", {name: cell for name, cell in known if name in {*PLAIN, *HASHED}}
    except (OSError, UnicodeDecodeError, csv.Error):
        message = f"{path.name} cannot be read as a table in UTF-8; check its path, and export it again."
        raise AskedError(message) from None


def _queries(line: str, cells: Mapping[str, str], obstacles: dict[str, str]) -> Iterator[Query]:
    for column in ("email", "phone", "account", "url"):
        if value := cells.get(column):
            yield Query(f"{line}/{column}", "identifier", value)
    if account := cells.get("account"):
        yield Query(f"{line}/account/column", "key", f"account={account}")
    if name := cells.get("name"):
        yield Query(f"{line}/name", "name", name)
    if isbn := cells.get("isbn"):
        both = isbns(isbn)
        obstacles.update({} if both else {f"{line}/isbn": "not_an_isbn"})
        yield from (Query(f"{line}/isbn-{len(one)}", "identifier", one) for one in both)
    yield from _work(line, cells, obstacles)


def _work(line: str, cells: Mapping[str, str], obstacles: dict[str, str]) -> Iterator[Query]:
    title, author = cells.get("title", ""), cells.get("author", "")
    if not title:
        if author:
            obstacles[f"{line}/author"] = "author_without_title"
        return
    if len(words(title)) >= SURE:
        yield Query(f"{line}/title", "exact", title)
        return
    wanted = Query(f"{line}/author", "name", author)
    if query_obstacle(wanted):
        obstacles[f"{line}/title"] = "short_title_without_author"
        return
    yield Query(f"{line}/title", "exact", title)
    yield wanted


def isbns(value: str) -> tuple[str, ...]:
    """Return an ISBN with thirteen digits and, if there is one, with ten; nothing if its check digit is wrong."""
    bare = re.sub(r"[\s–-]|^isbn(-1[03])?:?", "", value, flags=re.IGNORECASE).upper()
    if re.fullmatch(r"\d{9}[\dX]", bare) and bare[-1] == _check_ten(bare):
        thirteen = f"978{bare[:-1]}"
        return (thirteen + _check_thirteen(thirteen), bare)
    if re.fullmatch(r"97[89]\d{10}", bare) and bare[-1] == _check_thirteen(bare):
        ten = bare[3:-1]
        return (bare, ten + _check_ten(ten)) if bare.startswith("978") else (bare,)
    return ()


def _check_ten(digits: str) -> str:
    check = -sum((10 - place) * int(digit) for place, digit in enumerate(digits[:9])) % 11
    return "X" if check == 10 else str(check)  # noqa: PLR2004  # the digit ten


def _check_thirteen(digits: str) -> str:
    return str(-sum((1, 3)[place % 2] * int(digit) for place, digit in enumerate(digits[:12])) % 10)
