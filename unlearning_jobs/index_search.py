"""Opens the indexes of a snapshot for a search, each proven to be the one that was built, or says why it cannot be asked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from .engine.corpora import Snapshot
from .engine.errors import EngineError
from .engine.matching import Query
from .engine.matching.index import SnapshotIndex
from .engine.matching.index.container import FORMAT
from .engine.matching.index.part import Answer, AnsweringPart
from .engine.matching.index.sealed import SEAL
from .index_parts import Kind, answering_part, nothing_for
from .models import CorpusIndex, CorpusSnapshot
from .services.indexes import index_begin_again, index_stamp
from .stamps import Stamp, is_settled, stamp_of
from .states import JobState

NOTHING_OF_THE_KIND: Final = ("not_text", "not_images")
"""Reasons that are no gap in a search: there is nothing to search."""
REASONS: Final = (
    *("no_index", "index_waits", "index_failed", "index_gone", "index_damaged", "index_changed"),
    *("index_of_another_snapshot", "index_of_another_version", "no_encoder", "bad_encoder"),
    *NOTHING_OF_THE_KIND,
)
"""Why an index was not asked."""
BEGUN_AGAIN: Final = ("index_gone", "index_damaged", "index_of_another_snapshot", "index_of_another_version")


class NoIndexError(Exception):
    """There is no index that can be asked; `code` is one of `REASONS`."""

    def __init__(self, *, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class OpenIndex:
    """An index of a snapshot, proven and open."""

    index_id: int
    digest: str
    version: str
    folder: Path
    stamp: Stamp
    texts: SnapshotIndex | None = None
    part: AnsweringPart | None = None

    @property
    def is_unchanged(self) -> bool:
        """Whether nobody has written to its files since it was proven; not where the file system cannot say."""
        return bool(self.stamp) and _stamp(self.folder) == self.stamp

    def answers(self, files: Snapshot, queries: Sequence[Query]) -> Iterator[Answer]:
        """Yield what an index by meaning, or of images, answers."""
        if self.part is not None:
            yield from self.part.answers(files, self.folder, queries, verify=False)

    def facts(self) -> dict[str, Any]:
        """Return what a search keeps of the index that answered it."""
        return {"index_sha256": self.digest, "version": self.version}


def index_open(snapshot: CorpusSnapshot, files: Snapshot, kind: Kind, *, only_stamped: bool = False) -> OpenIndex:
    """Open the index of this kind. All of it is read and checked unless the file system says that it is as it was then.

    One that is damaged or outdated is built again. With `only_stamped`, nothing is read in full: whoever asks is waiting.

    Raises:
        NoIndexError: it cannot be asked.
    """
    row = snapshot.indexes.filter(kind=kind).first()
    if row is None:
        raise NoIndexError(code=nothing_for(kind, files.info) or "no_index")
    if row.state != JobState.COMPLETED:
        raise NoIndexError(code="index_failed" if row.state == JobState.FAILED else "index_waits")
    folder = settings.ARTEFACTS / snapshot.path
    folder = folder.with_name(f"{folder.name}.{kind}")
    stamp = _stamp(folder)
    proven = bool(stamp) and stamp == row.stamp
    if only_stamped and not proven:
        raise NoIndexError(code="index_waits")
    try:
        opened = _opened(row, folder, files, stamp, verify=not proven)
    except EngineError as error:
        code = error.code if error.code in {*REASONS} - {"no_index"} else "index_damaged"  # it was built
        code = code if folder.exists() else "index_gone"
        if code in BEGUN_AGAIN:
            index_begin_again(index_id=row.pk)
        raise NoIndexError(code=code) from None
    if not proven and is_settled(stamp) and opened.is_unchanged:
        index_stamp(index_id=row.pk, digest=row.digest, stamp=stamp)
    return opened


def _opened(row: CorpusIndex, folder: Path, files: Snapshot, stamp: Stamp, *, verify: bool) -> OpenIndex:
    if row.kind == Kind.TEXTS:
        texts = SnapshotIndex.open(folder, files, verify=verify)
        _require_digest(row, texts.digest)
        return OpenIndex(row.pk, row.digest, FORMAT, folder, stamp, texts=texts)
    part = answering_part(row.kind)
    if part is None:
        raise NoIndexError(code="no_encoder")
    part.check(files, folder, verify=verify)
    _require_digest(row, hashlib.sha256((folder / SEAL).read_bytes()).hexdigest())
    return OpenIndex(row.pk, row.digest, f"{part.name}/{part.version}", folder, stamp, part=part)


def _require_digest(row: CorpusIndex, digest: str) -> None:
    """Raise EngineError unless the index is the one that was built, and not another one of the same snapshot."""
    if digest != row.digest:
        message = "The index is not the one that was built."
        raise EngineError(message, code="index_damaged")


def _stamp(folder: Path) -> Stamp:
    try:
        return stamp_of(folder)
    except OSError:
        return {}
