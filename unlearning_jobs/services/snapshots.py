"""Opens registered snapshots, proven to be what was registered, and checks them in full from time to time."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.models import CorpusSnapshot
from unlearning_jobs.stamps import Stamp, is_settled, stamp_of

logger = logging.getLogger(__name__)
CHECKED_FOR = timedelta(days=1)
"""After so long, every byte is checked again."""
CHANGED = "The files of the snapshot were changed while they were read; restore them from a backup."


@dataclass(frozen=True)
class Proven:
    """The files of a snapshot, and what the file system said of them when they were proven."""

    files: Snapshot
    stamp: Stamp

    def require_unchanged(self) -> None:
        """Raise CorpusError if somebody has written to the files since; read all again where the file system cannot say."""
        if _stamp(self.files.folder) != self.stamp:
            raise CorpusError(CHANGED)
        if not self.stamp:
            Snapshot.open(self.files.folder, digest=self.files.info.digest)


def snapshot_open(*, snapshot: CorpusSnapshot, fully: bool = False) -> Proven:
    """Open the files of a snapshot, proven to have its digest.

    Every byte is checked if that was never done, if the file system says that anything was written since (`stamps`), or with
    `fully`. Then the row keeps what the file system says, and the next call is cheap.

    Raises:
        CorpusError: the snapshot is gone, damaged, or not the one that was registered.
    """
    folder = settings.ARTEFACTS / snapshot.path
    row = CorpusSnapshot.objects.filter(pk=snapshot.pk)
    stamp = _stamp(folder)
    if not fully and stamp and stamp == row.values_list("stamp", flat=True).get():
        files = Snapshot.open(folder)
        if files.info.digest == snapshot.digest:
            return Proven(files, stamp)
    # Forgotten first: a check that fails, or is killed, leaves nothing that anybody would rely on.
    row.exclude(stamp={}).update(stamp={})
    files = Snapshot.open(folder, digest=snapshot.digest)
    if _stamp(folder) != stamp:
        raise CorpusError(CHANGED)
    row.update(stamp=stamp if is_settled(stamp) else {}, checked_at=timezone.now())
    return Proven(files, stamp)


def snapshots_check() -> list[str]:
    """Check every byte of the snapshots that were not checked for a day; return what is wrong, in sentences.

    What is wrong is found before the next search or training as well: this finds it earlier.
    """
    problems = []
    due = CorpusSnapshot.objects.filter(Q(checked_at=None) | Q(checked_at__lt=timezone.now() - CHECKED_FOR))
    for snapshot in due.select_related("corpus").order_by("checked_at"):
        try:
            snapshot_open(snapshot=snapshot, fully=True)
        except CorpusError as error:
            problems.append(f"{snapshot}: {error}")
    return problems


def _stamp(folder: Path) -> Stamp:
    try:
        return stamp_of(folder)
    except OSError:
        return {}  # a file went while the folder was read; opening the snapshot says what is wrong
