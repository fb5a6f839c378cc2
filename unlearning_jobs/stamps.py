"""What the file system says of files: enough to tell, without reading them, that nobody has written to them since.

Size, times and inode of every file. Whoever writes to a file, copies it, restores it or puts another in its place changes
the time of change (ctime), which no program can set: it follows the machine's clock. So a stamp that was taken after a full
check proves the files as long as nobody sets the clock back, writes past the file system to the disk, or changes the row
that keeps the stamp. A disk that loses bits by itself is not noticed either. For those there are the full checks: before an
index is built, before every training, and once a day.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

Stamp = dict[str, list[int]]
"""By file: size, time of modification and of change in nanoseconds, and inode."""

COARSEST: Final = 2_000_000_000
"""Nanoseconds. Two writes within one tick of a file system's clock have the same time; no tick is longer."""
CHANGE: Final = 2


def stamp_of(folder: Path) -> Stamp:
    """Return what the file system says of all files in the folder now; empty if there are none, or if one is a link.

    What a link points to can be anything by the time it is read, so that nothing is said of it.
    """
    stamp = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            return {}
        about = path.lstat()
        if not path.is_dir():
            stamp[path.relative_to(folder).as_posix()] = [about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino]
    return stamp


def is_settled(stamp: Stamp) -> bool:
    """Return whether the last change is so long ago that another one would show."""
    return bool(stamp) and time.time_ns() - max(about[CHANGE] for about in stamp.values()) > COARSEST
