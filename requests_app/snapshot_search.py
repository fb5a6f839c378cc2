"""Search one snapshot for the queries of all requests of a pass: from its indexes where they can be asked, else in full."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from unlearning_jobs.contents import ContentsUnknownError
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.engine.matching import ExampleMatch, Query, find_matches
from unlearning_jobs.engine.matching.encoder import EncoderError
from unlearning_jobs.engine.matching.index.part import Answer
from unlearning_jobs.engine.matching.index.sealed import PartError
from unlearning_jobs.index_parts import ANSWERED_BY, Kind
from unlearning_jobs.index_search import NoIndexError, OpenIndex, index_open
from unlearning_jobs.models import CorpusSnapshot
from unlearning_jobs.services.contents import contents_note
from unlearning_jobs.services.indexes import index_begin_again
from unlearning_jobs.services.snapshots import snapshot_open

from .models import Search
from .services.searches import SnapshotSearch

Progress = Callable[[int, int], None]


def snapshot_search(snapshot: CorpusSnapshot, queries: Sequence[Query], on_progress: Progress) -> SnapshotSearch:
    """Return what was found in the snapshot, and how. What cannot be read to its end does not count as searched."""
    try:
        proven = snapshot_open(snapshot=snapshot)
        with suppress(ContentsUnknownError):  # then no case ends, and it says why; what is asked for is found all the same
            contents_note(snapshot=snapshot)  # an earlier version that registered it did not
        files = proven.files
        found = SnapshotSearch(Search.Target.TEXTS_ONLY if files.info.features else Search.Target.SEARCHED)
        _search_texts(snapshot, files, [query for query in queries if query.kind not in ANSWERED_BY], found, on_progress)
        for kind, answering in ANSWERED_BY.items():
            _ask(snapshot, files, answering, [query for query in queries if query.kind == kind], found)
        proven.require_unchanged()
    except CorpusError:
        return SnapshotSearch(Search.Target.UNREADABLE)
    return found


def _search_texts(
    snapshot: CorpusSnapshot, files: Snapshot, queries: Sequence[Query], found: SnapshotSearch, on_progress: Progress
) -> None:
    """Search from the index; read the snapshot in full if there is none, or if it turns out to be damaged."""
    try:
        index = index_open(snapshot, files, Kind.TEXTS)
    except NoIndexError as error:
        found.read = {"by": "sweep", "why": error.code}
    else:
        try:
            matches = list(_from_index(files, queries, index, found, on_progress))
        except (CorpusError, OSError, ValueError, IndexError):
            index_begin_again(index_id=index.index_id)
            why = "index_damaged"
        else:
            if index.is_unchanged:
                found.read = {"by": "index", **index.facts()}
                found.swept = {query.id for query in queries if index.texts and not index.texts.narrows(query)}
                _add(found, matches)
                return
            why = "index_changed"
        found.read = {"by": "sweep", "why": why}
        found.unsearched.clear()
    _add(found, find_matches(files, queries, on_progress=on_progress, on_unsearched=found.leave_out))


def _from_index(
    files: Snapshot, queries: Sequence[Query], index: OpenIndex, found: SnapshotSearch, on_progress: Progress
) -> Iterator[ExampleMatch]:
    return find_matches(files, queries, index=index.texts, on_progress=on_progress, on_unsearched=found.leave_out)


def _ask(snapshot: CorpusSnapshot, files: Snapshot, kind: Kind, queries: Sequence[Query], found: SnapshotSearch) -> None:
    """Have an index answer what no pass over texts can; keep what must be known of each answer, or why there is none."""
    if not queries:
        return
    try:
        index = index_open(snapshot, files, kind)
        answers = _answers(files, queries, index)
    except NoIndexError as error:
        found.answers += [{"query": query.id, "why": error.code} for query in queries]
        return
    for answer in answers:
        facts: dict[str, Any] = {"compared": answer.compared, "floor": answer.floor, "notes": list(answer.notes)}
        found.answers.append({"query": answer.query, **index.facts(), **facts, "found": len(answer.matches)})
        _add(found, answer.matches)


def _answers(files: Snapshot, queries: Sequence[Query], index: OpenIndex) -> list[Answer]:
    """Return the answers of an index that is the same before and after.

    Raises:
        NoIndexError: it is not, it turned out to be damaged, or there is no encoder to ask it with.
        CorpusError: the snapshot itself cannot be read.
    """
    try:
        answers = list(index.answers(files, queries))
    except EncoderError as error:
        raise NoIndexError(code=error.code) from None
    except (PartError, OSError, ValueError):
        index_begin_again(index_id=index.index_id)
        raise NoIndexError(code="index_damaged") from None
    if not index.is_unchanged:
        raise NoIndexError(code="index_changed")
    return answers


def _add(found: SnapshotSearch, matches: Iterable[ExampleMatch]) -> None:
    for match in matches:
        found.add(match)
