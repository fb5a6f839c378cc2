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

    @property
    def complete(self) -> bool:
        """Whether every query was looked for in every row, in all contents, and in every file of what was given."""
        left_out = self.total.skipped or self.total.unreadable or self.total.unsearched
        return not (left_out or self.not_searchable or self.total.texts_only or self.aside or self.missing)

    def to_json(self) -> dict[str, object]:
        return {
            "matcher": VERSION,
            "shards": self.shards,
            **vars(self.total),
            "not_searchable": self.not_searchable,
            "aside": len(self.aside),
            "aside_first": list(self.aside[:MOST_PLACES]),
            "missing": list(self.missing[:MOST_PLACES]),
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

    The output is the same however often the sweep was killed, and whatever ran the shards.

    Raises:
        SweepError: the output exists, or its journal is of another sweep or of another process.
    """
    whole = sum(shard.size for shard in shards)
    with journal_opened(out, asked, shards) as journal:
        done = {shard.number: summary for shard in shards if (summary := journal.done(shard))}
        swept = sum(shard.size for shard in shards if shard.number in done)

        def told(within: int) -> None:
            on_progress(Progress(STAGE, min(swept + within, whole), whole))

        told(0)
        left = [shard for shard in shards if shard.number not in done]
        for summary in (runner or run_here)(left, asked, journal, told) if left else ():
            swept += summary.bytes
            told(0)
        total = ShardSummary()
        for shard in shards:
            total.add(journal.kept(shard))
        result = SweepSummary(len(shards), total, asked.obstacles, shards.aside, shards.missing)
        journal.finish(shards, result.to_json())
    return result


def run_here(
    shards: Sequence[Shard], asked: Asked, journal: Journal, on_text: Callable[[int], None]
) -> Iterator[ShardSummary]:
    """Sweep the shards one after the other in this process."""
    sweeper = Sweeper(asked)
    for shard in shards:
        with journal.part(shard, shard.state()) as (file, end):
            summary = sweeper.sweep(shard, file.write, partial(_told, on_text, shard.size))
            end(summary)
        yield summary


def _told(on_text: Callable[[int], None], most: int, swept: int) -> None:
    on_text(min(swept, most))
