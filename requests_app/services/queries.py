"""What a request asks the training data for. Queries hold personal data: they live in a process's memory only.

Everything that the claimant said about the person, the work, or a model's answer is searched for, or stands here with the
reason why it is not. Names are not guessed from texts: only what was given as a name is searched for as one. Who asks about
a work, and how to reach them, is not what they ask for: neither is searched for.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from requests_app.models import ErasureRequest
from requests_app.pictures import picture_bytes
from unlearning_jobs.engine.matching import Query, QueryError, classify
from unlearning_jobs.engine.matching.exact import is_passage, query_words, weight
from unlearning_jobs.engine.matching.identifier_form import Email, Handle, Number, Web, identifier_form
from unlearning_jobs.index_parts import asked_obstacle

LONGEST_NAME = 100
COLUMN = re.compile(r"\s*[\w .-]{1,60}=\s*\S")
SHORTEST_TITLE: Final = 3
"""Words of a title. A shorter one is in too many texts that have nothing to do with the work."""
MOST_PLACES: Final = 20
"""Addresses and accounts that are taken from where something was seen."""
BETWEEN_PLACES: Final = re.compile(r"[\s,;<>()\[\]{}\"“”„«»]+")
HELPS: Final = re.compile(r"title|prompt|output|location|.*-(?:key-\w+|meaning)|location-.*")
"""Ids of queries that help to find what is asked for, besides those that the request is about."""
COLUMNS: Final = {Email: (), Web: ("url",), Handle: ("account", "id"), Number: ("id", "account")}
"""The columns of a row that hold such an identifier (`engine.matching.keys`). An e-mail address is found in any column."""


def is_needed(query_id: str) -> bool:
    """Return whether a search that could not look for this is not complete."""
    return HELPS.fullmatch(query_id) is None


def request_queries(request: ErasureRequest) -> dict[Query, str]:
    """Return what to search for, each with the code of why it cannot be searched for; empty if it can."""
    asked: dict[Query, str] = {}
    for query, obstacle in _about(request):
        asked.setdefault(query, obstacle or asked_obstacle(query))
    return asked


def _about(request: ErasureRequest) -> Iterator[tuple[Query, str]]:
    """Yield each query with what is known to be in its way."""
    if request.kind == ErasureRequest.Kind.COPYRIGHT:
        yield from _work(request)
    else:
        yield from _person(request)
    yield from _passage("prompt", request.evidence_prompt)
    yield from _passage("output", request.evidence_output)
    yield from _location(request.location)


def _work(request: ErasureRequest) -> Iterator[tuple[Query, str]]:
    if request.work_text:
        work = Query(id="work", kind="exact", value=request.work_text)
        yield work, ""
        yield _by_meaning(work), ""
    if request.work_title:
        title = Query(id="title", kind="exact", value=request.work_title)
        yield title, _too_short(title, SHORTEST_TITLE)
    if request.work_picture:
        content = picture_bytes(request.work_picture)
        yield Query(id="picture", kind="image", value=hashlib.sha256(content).hexdigest(), image=content), ""


def _person(request: ErasureRequest) -> Iterator[tuple[Query, str]]:
    yield Query(id="name", kind="name", value=request.name), ""
    if not request.on_behalf:  # else the address is the representative's
        yield Query(id="email", kind="identifier", value=request.email), ""
    for number, line in enumerate(filter(None, map(str.strip, request.other_names.splitlines())), start=1):
        other = Query(id=f"other-{number}", kind=classify(line), value=line)
        yield other, ""
        if len(line.split()) == 1:
            yield from _keys(other)


def _passage(query_id: str, text: str) -> Iterator[tuple[Query, str]]:
    """Yield a text that the claimant gave, as itself and by its meaning."""
    if text:
        query = Query(id=query_id, kind="exact", value=text)
        short = _too_short(query)
        yield query, short
        yield _by_meaning(query), short


def _by_meaning(query: Query) -> Query:
    return replace(query, id=f"{query.id}-meaning", kind="meaning")


def _too_short(query: Query, fewest: int = 0) -> str:
    """Return the obstacle of a text of few words: fewer than a passage has, or than `fewest`."""
    try:
        asked = query_words(query.value)
    except QueryError as error:
        return error.code
    enough = sum(map(weight, asked)) >= fewest if fewest else is_passage(asked)
    return "" if enough else "too_short"


def _location(location: str) -> Iterator[tuple[Query, str]]:
    """Yield the addresses and accounts in what the claimant wrote about where something was seen."""
    places = list(dict.fromkeys(place for word in BETWEEN_PLACES.split(location) if (place := _place(word))))
    for number, place in enumerate(places, start=1):
        query = Query(id=f"location-{number}", kind="identifier", value=place)
        if number > MOST_PLACES:
            yield query, "too_many"
            break
        yield query, ""
        yield from _keys(query)
    rest = [word for word in BETWEEN_PLACES.split(location) if not _place(word) and re.search(r"\w", word)]
    if rest:
        yield Query(id="location", kind="identifier", value=location), "only_addresses" if places else "no_address"


def _place(word: str) -> str:
    """Return a word if it is an address or, after an @, an account; empty if it is not."""
    word = word.strip(".,:!?'’").removeprefix("https://web.archive.org/web/")
    try:
        form = identifier_form(word)
    except QueryError:
        return ""
    return word if isinstance(form, (Email, Web)) or word.startswith("@") else ""


def _keys(query: Query) -> Iterator[tuple[Query, str]]:
    """Yield queries for rows of which a column holds the identifier."""
    try:
        form = identifier_form(query.value)
    except QueryError:
        return
    if isinstance(form, Number) and form.phone:
        return
    for column in COLUMNS[type(form)]:
        yield Query(id=f"{query.id}-key-{column}", kind="key", value=f"{column}={query.value}"), ""


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
