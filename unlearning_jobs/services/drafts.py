"""Folders that appear as a whole beside others: written as a draft, and moved to their place with their row.

A draft names that place before it moves there. So whoever comes next can remove what a killed process has left, the moved
folder included if its row was never committed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from compliance.record.errors import StaleStateError

DRAFT = ".draft-"
PLACE = "place"
"""The file of a draft that names the folder to which its content moves."""
IsStored = Callable[[Path], bool]
"""Says whether a row names a folder."""


@contextmanager
def draft_alone(parent: Path, is_stored: IsStored, busy: str) -> Iterator[Path]:
    """Yield an empty draft in a folder, with nobody else at work there; remove it, and leftovers, whatever happens.

    The lock ends with the process, however that ends.

    Raises:
        StaleStateError: somebody else is at work there; `busy` says so.
    """
    parent.mkdir(parents=True, exist_ok=True)
    with (parent / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StaleStateError(busy) from None
        for leftover in parent.glob(f"{DRAFT}*"):  # of a process that was killed
            _remove(leftover, is_stored)
        draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=parent))  # a rename must stay within one file system
        try:
            yield draft
        finally:
            _remove(draft, is_stored)


def draft_place(draft: Path, content: Path, place: Path) -> None:
    """Move the content of a draft to its place: last in the transaction of its row, since it cannot be rolled back."""
    (draft / PLACE).write_text(place.name, encoding="utf-8")
    content.rename(place)
    folder_keep(place.parent)


def folder_keep(folder: Path) -> None:
    """Have the disk keep which files are in a folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(draft: Path, is_stored: IsStored) -> None:
    """Remove a draft, and the folder that its content moved to if the row was never committed."""
    place = draft / PLACE
    folder = draft.parent / place.read_text(encoding="utf-8") if place.is_file() else draft
    if folder.is_dir() and not is_stored(folder):
        shutil.rmtree(folder)
    shutil.rmtree(draft, ignore_errors=True)
