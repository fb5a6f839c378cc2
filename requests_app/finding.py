"""Look for examples in one snapshot while an officer waits: the same matchers as a search, with a bound on the time.

The words are the officer's; they are kept nowhere.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

from django.utils.translation import gettext as _

from unlearning_jobs.engine.corpora import Example, Snapshot
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.engine.matching import find_matches, query_obstacle
from unlearning_jobs.engine.matching.index import SnapshotIndex
from unlearning_jobs.index_parts import Kind
from unlearning_jobs.index_search import NoIndexError, index_open
from unlearning_jobs.models import CorpusSnapshot
from unlearning_jobs.selectors import examples_by_id, snapshot_files

from .search_wording import OBSTACLES
from .services.queries import typed_queries

MOST_FOUND: Final = 50
SECONDS: Final = 10.0


class _TimeIsUpError(Exception):
    """The officer has waited long enough."""


@dataclass
class FoundExample:
    """An example, and where something was found in it."""

    example: Example
    method: str
    spans: list[list[int]] = field(default_factory=list)
    because: list[str] = field(default_factory=list)


@dataclass
class Finding:
    """What was found, and how much of the snapshot was read for it."""

    examples: list[FoundExample] = field(default_factory=list)
    read: int = 0
    all: int = 0
    more: bool = False
    """Whether more than MOST_FOUND were found."""
    obstacle: str = ""
    """Why nothing could be looked for, in words."""
    left_out: str = ""
    """Why it was not looked for in one of the ways in which the words could be read, in words; empty if in all."""


def examples_find(row: CorpusSnapshot, words: str) -> Finding:
    """Return the first examples in which the words are found, as whatever kind they are."""
    finding, ends = Finding(all=sum(row.counts.values())), time.monotonic() + SECONDS
    obstacles = {query: query_obstacle(query) for query in typed_queries(words)}
    queries = [query for query, obstacle in obstacles.items() if not obstacle]
    code = next(filter(None, obstacles.values()), "")
    finding.left_out = str(OBSTACLES.get(code, code))
    if not queries:
        finding.obstacle, finding.left_out = finding.left_out, ""
        return finding

    def read(done: int, _all: int) -> None:
        finding.read = done
        if time.monotonic() > ends:
            raise _TimeIsUpError

    def stop(_example: str, _queries: set[str]) -> None:  # its limit is longer than the officer's
        raise _TimeIsUpError

    found: dict[str, FoundExample] = {}
    try:
        files = snapshot_files(row)
        for match in find_matches(files, queries, index=_index(row, files), on_progress=read, on_unsearched=stop):
            if match.example_id not in found and len(found) == MOST_FOUND:
                finding.more = True
                break
            if match.example_id not in found:
                example = examples_by_id(row, [match.example_id])[match.example_id]
                found[match.example_id] = FoundExample(example, match.method)
            found[match.example_id].spans.append([match.start, match.end])
            found[match.example_id].because += [
                code for code in match.because if code not in found[match.example_id].because
            ]
    except CorpusError:
        finding.obstacle = _("the snapshot cannot be read")
    except _TimeIsUpError:
        pass
    finding.examples = list(found.values())
    return finding


def _index(row: CorpusSnapshot, files: Snapshot) -> SnapshotIndex | None:
    """Return the index of the snapshot if it is known to be whole: reading all of it would keep the officer waiting."""
    try:
        return index_open(row, files, Kind.TEXTS, only_stamped=True).texts
    except NoIndexError:
        return None
