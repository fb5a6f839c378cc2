"""What a part of an index must do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Protocol

from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.matching.query import ExampleMatch, Query


class IndexPart(Protocol):
    """Builds one folder of an index, and finds candidates with it."""

    name: ClassVar[str]
    version: ClassVar[str]

    def build(
        self, snapshot: Snapshot, folder: Path, *, previous: Path | None, on_progress: Callable[[int, int], None]
    ) -> None:
        """Write the part for the snapshot into the folder; take from `previous`, an older part, what is still true."""
        ...

    def candidates(self, snapshot: Snapshot, folder: Path, queries: Sequence[Query]) -> Iterator[tuple[str, str]]:
        """Yield pairs of query id and example id."""
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


class AnsweringPart(IndexPart, Protocol):
    """Answers queries itself, where no matcher could verify a candidate on the document."""

    kind: ClassVar[str]
    """The kind of queries that it answers; it leaves out others."""

    def obstacle(self, query: Query) -> str:
        """Return the code of why a query of this kind cannot be searched for; empty if it can."""
        ...

    def answers(self, snapshot: Snapshot, folder: Path, queries: Sequence[Query]) -> Iterator[Answer]:
        """Yield one answer for each query of the part's kind.

        Raises:
            QueryError: one of them cannot be searched for; it is raised before the first answer.
        """
        ...
