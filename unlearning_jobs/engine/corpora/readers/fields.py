"""What every reader yields: a row's number and its columns, or why the row cannot be read."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from unlearning_jobs.engine.corpora.object_store import object_state, open_object
from unlearning_jobs.engine.corpora.options import ReadOptions
from unlearning_jobs.engine.errors import CorpusError

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

BLOCK: Final = 1 << 18

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Broken:
    """A row that cannot be read. The reason never quotes the row, because it may be about a person."""

    reason: str


@dataclass(frozen=True)
class Picture:
    """An encoded image, as it lies in a file."""

    content: bytes
    name: str = ""


@dataclass(frozen=True)
class SourceFile:
    """One file to read."""

    path: Path
    """Where it lies; in an object store, its bucket and key."""
    name: str
    """Below what was given: how provenance and messages name the file."""
    kind: str
    """Its ending: which reader it needs."""
    split: str = ""
    """What a folder or the name of a shard calls its set; empty if it says nothing of one."""
    named: str = ""
    """The folders and the name of the shards that it is one of, below what was given."""
    label: str = ""
    """The class that a folder puts a picture into."""
    about: Fields | None = None
    """Further columns that a table beside a picture has about it."""
    alone: bool = True
    """Whether the file itself was given, not a folder around it."""
    store: FileSystem | None = None
    """The object store that it lies in; None for a file of this machine."""
    listed: int = 0
    """The size of an object when the store listed it."""

    @property
    def size(self) -> int:
        """Return its size in bytes."""
        return self.path.stat().st_size if self.store is None else self.listed

    def open(self) -> io.BufferedReader:
        """Open it for reading, from anywhere in it."""
        if self.store is None:
            return io.BufferedReader(self.path.open("rb", 0), BLOCK)
        return io.BufferedReader(open_object(self.store, PurePosixPath(self.path), self.name), BLOCK)

    def state(self) -> str:
        """Return what changes when somebody writes to it, or puts another in its place.

        Of a file of this machine: its size, time of modification, which programs can set, and time of change and inode,
        which they cannot.

        Raises:
            OSError: it cannot be read.
        """
        about: tuple[object, ...]
        if self.store is None:
            stat = self.path.stat()
            about = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
        else:
            about = tuple(object_state(self.store, PurePosixPath(self.path)))
        return hashlib.sha256(repr(about).encode()).hexdigest()


Row = tuple[int, Fields | Broken]
Reader = Callable[[SourceFile, ReadOptions], Iterator[Row]]


def unreadable(file: SourceFile, reason: str) -> CorpusError:
    """Return the error for a file that cannot be read at all, or not to its end."""
    return CorpusError(f"{file.name}: {reason}")
