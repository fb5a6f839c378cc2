"""What a request asks the training data for. Queries hold personal data: they live in a process's memory only."""

from __future__ import annotations

from requests_app.models import ErasureRequest
from unlearning_jobs.engine.matching import Query


def request_queries(request: ErasureRequest) -> list[Query]:
    """Return what to search for."""
    if request.kind == ErasureRequest.Kind.COPYRIGHT:
        return [Query(id="work", kind="exact", value=request.work_text)]
    queries = [Query(id="name", kind="name", value=request.name)]
    if not request.on_behalf:  # else the address is the representative's
        queries.append(Query(id="email", kind="identifier", value=request.email))
    for number, line in enumerate(filter(None, map(str.strip, request.other_names.splitlines())), start=1):
        queries.append(Query(id=f"other-{number}", kind="name" if " " in line else "identifier", value=line))
    return queries
