"""What a request asks the training data for. Queries hold personal data: they live in a process's memory only."""

from __future__ import annotations

import re
from typing import Literal

from requests_app.models import ErasureRequest
from unlearning_jobs.engine.matching import Query
from unlearning_jobs.selectors import matching_part

Kind = Literal["exact", "name", "identifier"]
IDENTIFIER = re.compile(r"[@/:]|\d{2}")
"""What no name has: the signs of addresses, and numbers."""
LONGEST_NAME = 100
COLUMN = re.compile(r"\s*[\w .-]{1,60}=\s*\S")


def request_queries(request: ErasureRequest) -> list[Query]:
    """Return what to search for."""
    if request.kind == ErasureRequest.Kind.COPYRIGHT:
        return [Query(id="work", kind="exact", value=request.work_text)]
    queries = [Query(id="name", kind="name", value=request.name)]
    if not request.on_behalf:  # else the address is the representative's
        queries.append(Query(id="email", kind="identifier", value=request.email))
    for number, line in enumerate(filter(None, map(str.strip, request.other_names.splitlines())), start=1):
        queries.append(Query(id=f"other-{number}", kind=kind_of(line), value=line))
    return queries


def kind_of(line: str) -> Kind:
    """Return as what another name or account is searched for: the engine says so where it can."""
    if classify := matching_part("classify", "classify"):
        kind: Kind = classify(line)
        return kind
    # A name has blanks and no sign of an address; a telephone number and an IBAN have digits.
    return "name" if " " in line and not IDENTIFIER.search(line) else "identifier"


def typed_queries(words: str) -> list[Query]:
    """Return what an officer may have meant: the value of a column, or a name or identifier, and the words themselves."""
    words = words.strip()
    if COLUMN.match(words):
        column, _sign, value = words.partition("=")
        return [Query(id="key", kind="key", value=f"{column.strip()}={value.strip()}")]  # type: ignore[arg-type]  # a kind of later matchers
    queries = [Query(id="exact", kind="exact", value=words)]
    if len(words) <= LONGEST_NAME:
        queries.append(Query(id="typed", kind=kind_of(words), value=words))
    return queries
