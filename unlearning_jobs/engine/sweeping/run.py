"""Runs a sweep: shard by shard, in this process or by whatever runs shards elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from unlearning_jobs.engine.contracts import Progress, ProgressCallback
from unlearning_jobs.engine.matching import VERSION

from .asked import Asked
from .journal import Journal, journal_opened
from .shard_sweep import ShardSummary, Sweeper
from .shards import MOST_PLACES, Shard, Shards

STAGE = "sweep"
ATTEMPTS = 3
"""How often a file is read that changes each time."""


@dataclass(frozen=True)
class SweepSummary:
    """What was swept, and what could not be."""

    shards: int
    total: ShardSummary
    not_searchable: dict[str, str] = field(default_factory=dict)
    """Queries that could not be searched for, by id, with the obstacle."""
    aside: tuple[str, ...] = ()
    """Names of files that were not read: they describe data, are hidden, or `only` does not name them."""
    missing: tuple[str, ...] = ()
    """Files that should be there, by the names of other files or by what they say, and are not."""
    changed: tuple[str, ...] = ()
    """Files that somebody wrote to since they were read, or put others in their place, each time that they were."""

    @property
    def goes_on(self) -> bool:
        """Whether the same command would read some files again, and only these."""
        return bool(self.changed or self.total.unreadable)

    @property
    def complete(self) -> bool:
        """Whether every query was looked for in every row, in all contents, and in every file of what was given."""
        left_out = self.total.skipped or self.total.unreadable or self.total.unsearched
        not_given = self.aside or self.missing or self.changed
        return not (left_out or self.not_searchable or self.total.texts_only or not_given)

    def to_json(self) -> dict[str, object]:
        return {
            "matcher": VERSION,
            "shards": self.shards,
            **vars(self.total),
            "not_searchable": self.not_searchable,
            "aside": len(self.aside),
            "aside_first": list(self.aside[:MOST_PLACES]),
            "missing": list(self.missing[:MOST_PLACES]),
            "changed": list(self.changed[:MOST_PLACES]),
            "complete": self.complete,
        }


Runner = Callable[[Sequence[Shard], Asked, Journal, Callable[[int], None]], Iterator[ShardSummary]]
"""Sweeps shards in any order, keeps each part in the journal, and yields what was done; told bytes of the running shard."""


def sweep(
    shards: Shards,
    asked: Asked,
    out: Path,
    *,
    on_progress: ProgressCallback = lambda _: None,
    runner: Runner | None = None,
) -> SweepSummary:
    """Sweep all shards, and write the matches to `out`; what an earlier run has done is not done again.

    The output is the same however often the sweep was killed, and whatever ran the shards. At the end each file must be as
    it was when it was read; one that is not is read again, and named if it goes on changing.

    Raises:
        SweepError: the output exists, or its journal is of another sweep or of another process.
    """
    whole = sum(shard.size for shard in shards)
    with journal_opened(out, asked, shards) as journal:
        shards = journal.grouped(shards)
        left = [shard for shard in shards if not journal.done(shard)]
        swept = whole - sum(shard.size for shard in left)

        def told(within: int) -> None:
            on_progress(Progress(STAGE, min(swept + within, whole), whole))

        told(0)
        for _ in range(ATTEMPTS):
            for summary in (runner or run_here)(left, asked, journal, told) if left else ():
                swept += summary.bytes
                told(0)
            left = [shard for shard in shards if journal.changed(shard)]
        total = ShardSummary()
        for shard in shards:
            total.add(journal.kept(shard))
        changed = tuple(name for shard in left for name in journal.changed(shard))
        result = SweepSummary(len(shards), total, asked.obstacles, shards.aside, shards.missing, changed)
        journal.finish(shards, result.to_json(), goes_on=result.goes_on)
    return result


def run_here(
    shards: Sequence[Shard], asked: Asked, journal: Journal, on_text: Callable[[int], None]
) -> Iterator[ShardSummary]:
    """Sweep the shards one after the other in this process."""
    sweeper = Sweeper(asked)
    for shard in shards:
        with journal.part(shard, shard.states()) as (file, end):
            summary = sweeper.sweep(shard, file.write, partial(_told, on_text, shard.size))
            end(summary)
        yield summary


def _told(on_text: Callable[[int], None], most: int, swept: int) -> None:
    on_text(min(swept, most))
