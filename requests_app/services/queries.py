"""What a request asks the training data for. Queries hold personal data: they live in a process's memory only."""

from __future__ import annotations

import re

from requests_app.models import ErasureRequest
from unlearning_jobs.engine.matching import Query, classify

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
        queries.append(Query(id=f"other-{number}", kind=classify(line), value=line))
    return queries


def typed_queries(words: str) -> list[Query]:
    """Return what an officer may have meant: the value of a column, or a name or identifier, and the words themselves."""
    words = words.strip()
    if COLUMN.match(words):
        column, _sign, value = words.partition("=")
        return [Query(id="key", kind="key", value=f"{column.strip()}={value.strip()}")]
    queries = [Query(id="exact", kind="exact", value=words)]
    if len(words) <= LONGEST_NAME:
        queries.append(Query(id="typed", kind=classify(words), value=words))
    return queries
