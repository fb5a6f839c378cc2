"""What every reader yields: a row's number and its columns, or why the row cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unlearning_jobs.engine.corpora.options import ReadOptions
from unlearning_jobs.engine.errors import CorpusError

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
    name: str
    """Below what was given: how provenance and messages name the file."""
    kind: str
    """Its ending: which reader it needs."""
    split: str = ""
    """The set that a folder or the name of a shard puts it into."""
    label: str = ""
    """The class that a folder puts a picture into."""
    about: Fields | None = None
    """Further columns that a table beside a picture has about it."""
    alone: bool = True
    """Whether the file itself was given, not a folder around it."""


Row = tuple[int, Fields | Broken]
Reader = Callable[[SourceFile, ReadOptions], Iterator[Row]]


def unreadable(file: SourceFile, reason: str) -> CorpusError:
    """Return the error for a file that cannot be read at all, or not to its end."""
    return CorpusError(f"{file.name}: {reason}")
