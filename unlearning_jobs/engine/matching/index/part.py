"""What every part of an index can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Protocol

from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.matching.query import ExampleMatch, Query

Callback = Callable[[int, int], None]
"""Called with the number of examples that are done, and of all."""


State = tuple[tuple[str, int, int, int], ...]
"""Of a folder and each file in it: path, size, time of change in nanoseconds, inode."""


def folder_state(folder: Path) -> State:
    """Return what tells the folder and its files from others that were put in their place, or written to."""
    found = ((path, path.stat()) for path in (folder, *sorted(folder.rglob("*"))))
    return tuple((str(path), about.st_size, about.st_ctime_ns, about.st_ino) for path, about in found)


class IndexPart(Protocol):
    """Names the examples that have to be read for queries of some kind. It may name too many, and never too few."""

    name: ClassVar[str]
    version: ClassVar[str]
    """Raise it with every change after which an index that was built before would answer differently."""

    def build(self, snapshot: Snapshot, folder: Path, *, previous: Path | None, on_progress: Callback) -> None:
        """Write the part into the empty folder.

        `previous` is the folder of the same part of an earlier snapshot, whose examples are the first ones of this snapshot.
        """
        ...

    def narrows(self, query: Query) -> bool:
        """Return whether the part can name the examples that the query may match."""
        ...

    def candidates(self, snapshot: Snapshot, folder: Path, queries: Sequence[Query]) -> Iterator[tuple[str, str]]:
        """Yield the id of a query, and the id of an example that has to be read for it."""
        ...


@dataclass(frozen=True)
class Answer:
    """What a part found for one query, and what a reader must know about it."""

    query: str
    matches: tuple[ExampleMatch, ...]
    """The best first; a bounded number."""
    compared: int
    """Windows of texts, or images, that the answer is about."""
    floor: float
    """The score that a match needed."""
    notes: tuple[str, ...]
    """Codes of `NOTES`."""


NOTES: Final[Mapping[str, str]] = {
    "not_exhaustive": "This search finds what is close, and may miss some of it. It never shows that nothing is there.",
    "query_shortened": "The text is long; parts from all over it were searched for.",
    "more_above_floor": "More is close than is shown.",
    "not_all_compared": "The corpus is large; the closest places were looked for without comparing all of them.",
    "no_background": "The corpus is too small to say how close is close; the closest places are shown.",
    "images_alike": "The images of this corpus are so much alike that only nearly equal pixels count as the same image.",
}
"""What must be said with an answer, by code."""


class AnsweringPart(Protocol):
    """Answers queries itself, where no matcher could verify a candidate on the document."""

    name: ClassVar[str]
    version: ClassVar[str]
    kind: ClassVar[str]
    """The kind of queries that it answers; it leaves out others."""

    def build(self, snapshot: Snapshot, folder: Path, *, previous: Path | None, on_progress: Callback) -> None:
        """Write the part for the snapshot into the folder; take from `previous`, an older part, what is still true."""
        ...

    def obstacle(self, query: Query) -> str:
        """Return the code of why a query of this kind cannot be searched for; empty if it can."""
        ...

    def check(self, snapshot: Snapshot, folder: Path, *, verify: bool = True) -> None:
        """Raise PartError unless the part is of this snapshot and can be searched. With `verify`, every file is read."""
        ...

    def answers(
        self, snapshot: Snapshot, folder: Path, queries: Sequence[Query], *, verify: bool = True
    ) -> Iterator[Answer]:
        """Yield one answer for each query of the part's kind; without `verify`, the caller has proven the files.

        Raises:
            PartError: the part is damaged, or of something else.
            QueryError: one of them cannot be searched for; it is raised before the first answer.
        """
        ...
