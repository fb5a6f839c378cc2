"""What every part of an index can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Protocol

from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.matching.query import Query

Callback = Callable[[int, int], None]
"""Called with the number of examples that are done, and of all."""


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

    def answers(self, query: Query) -> bool:
        """Return whether the part can name the examples that the query may match."""
        ...

    def candidates(self, snapshot: Snapshot, folder: Path, queries: Sequence[Query]) -> Iterator[tuple[str, str]]:
        """Yield the id of a query, and the id of an example that has to be read for it."""
        ...
