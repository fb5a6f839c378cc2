"""Which rows of a corpus are canaries, and how many there may be. Imports no torch, so web processes may import it."""

from __future__ import annotations

from typing import Final

from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.corpora.snapshot import CANARY

MARK, MARKED = CANARY
FEWEST: Final = 10
"""With fewer, no result is rarer than one in a hundred, so that nothing could be shown."""
MOST: Final = 1000


def has_canaries(snapshot: Snapshot) -> bool:
    """Return whether a file that the corpus was made from has the column; nothing is read for that."""
    return any(MARK in source.metadata for source in snapshot.info.sources)


def canary_ids(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the ids of the training examples that are canaries, sorted."""
    return tuple(sorted(e.id for e in snapshot.examples("train") if e.metadata.get(MARK) == MARKED))
