"""Builds one claimed index, and reports how far it is. What a killed build has left is continued by the next one."""

from __future__ import annotations

import errno
import hashlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from compliance.formats.canonical import canonical_json

from .engine.corpora import Snapshot
from .engine.errors import CorpusError, EngineError
from .engine.matching.index import index_build
from .engine.matching.index.sealed import SEAL
from .heartbeat import Heartbeat
from .index_parts import answering_part
from .leases import ClaimLostError
from .models import CorpusIndex
from .services.indexes import IndexClaim, index_claim, index_complete, index_fail, index_report, index_run_lost
from .services.snapshots import Proven, snapshot_open
from .stamps import is_settled, stamp_of
from .states import JobState

NO_SPACE = "no_space"
Said = Callable[[int, int], None]


class BuildHeartbeat(Heartbeat):
    """Reports a build. Once the claim is lost, the next report of the build itself says so."""

    def __init__(self, claim: IndexClaim, said: Said) -> None:
        super().__init__()
        self._claim, self._said, self.lost = claim, said, False

    def write(self, progress: Mapping[str, float]) -> None:
        self.reported = time.monotonic()
        try:
            index_report(claim=self._claim, **progress)
        except ClaimLostError:
            self.lost = True

    def progress(self, done: int, total: int) -> None:
        """Report how many examples are done, counted once for each part.

        Raises:
            ClaimLostError: somebody else builds the index now.
        """
        self.report(done=done, total=total)
        self._said(done, total)
        if self.lost:
            message = "The build of the index was taken over."
            raise ClaimLostError(message)


def index_execute(*, index_id: int, said: Said = lambda _done, _total: None) -> CorpusIndex:
    """Build the index, unless it is built; return its row as it is then. A full disk leaves the row failed, and no files.

    Raises:
        NothingToClaimError: it does not wait to be built.
        ClaimLostError: somebody else builds it now.
    """
    claim = index_claim(index_id=index_id)
    row = CorpusIndex.objects.select_related("snapshot__corpus").get(pk=claim.pk)
    folder = settings.ARTEFACTS / row.path
    with BuildHeartbeat(claim, said) as heartbeat:
        try:
            proven = snapshot_open(snapshot=row.snapshot, fully=True)
            with _built_from(proven, folder):
                about = _build(row, proven.files, folder, heartbeat.progress)
            stamp = stamp_of(folder)
            digest = hashlib.sha256(about.read_bytes()).hexdigest()
            index_complete(claim=claim, digest=digest, stamp=stamp if is_settled(stamp) else {})
        except ClaimLostError:
            raise
        except EngineError as error:
            index_fail(claim=claim, code=error.code)
        except Exception as error:
            if not _is_full(error):
                index_run_lost(claim=claim)
                raise
            _remove(folder)
            index_fail(claim=claim, code=NO_SPACE)
    row.refresh_from_db()
    return row


def _build(row: CorpusIndex, files: Snapshot, folder: Path, on_progress: Said) -> Path:
    """Build what the row is for, and return the file in which it describes itself."""
    if row.kind == CorpusIndex.Kind.TEXTS:
        index_build(files, folder, previous=_previous(row), on_progress=on_progress)
        return folder / "index.json"
    part = answering_part(row.kind)
    if part is None:
        message = "There is no encoder to build an index by meaning with."
        raise CorpusError(message, code="no_encoder")
    part.build(files, folder, previous=_previous(row), on_progress=on_progress)
    return folder / SEAL


@contextmanager
def _built_from(proven: Proven, folder: Path) -> Iterator[None]:
    """Let an index be built from files that are proven before and unchanged afterwards; else remove what was built.

    A note beside the index says from which files. What an earlier run has left is continued only if these are the same.

    Raises:
        CorpusError: somebody has written to the files meanwhile.
    """
    note = folder.with_name(f"{folder.name}.from.json")
    known = canonical_json({"files": proven.stamp}) if is_settled(proven.stamp) else b""
    if not known or not note.exists() or note.read_bytes() != known:
        _remove(folder)
        note.unlink(missing_ok=True)
    if known:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_bytes(known)
    yield
    try:
        proven.require_unchanged()
    except CorpusError:
        _remove(folder)
        raise
    finally:
        note.unlink(missing_ok=True)


def _remove(folder: Path) -> None:
    for leftover in (folder, folder.with_name(f"{folder.name}.building")):
        shutil.rmtree(leftover, ignore_errors=True)


def _previous(row: CorpusIndex) -> Path | None:
    """Return the folder of the newest finished index of an earlier snapshot of the same corpus."""
    earlier = CorpusIndex.objects.filter(kind=row.kind, state=JobState.COMPLETED, snapshot__corpus=row.snapshot.corpus)
    last = earlier.filter(snapshot__lt=row.snapshot_id).select_related("snapshot").order_by("snapshot").last()
    return settings.ARTEFACTS / last.path if last else None


def _is_full(error: Exception) -> bool:
    """Return whether the disk, or the quota on it, is full. NumPy and Tantivy say so in words only."""
    full = (errno.ENOSPC, errno.EDQUOT)
    said = ("requested and", *(f"os error {code}" for code in full))
    return (isinstance(error, OSError) and error.errno in full) or any(words in str(error) for words in said)
