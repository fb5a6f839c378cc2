"""The command `sweep`: looks for queries in files that no corpus was registered from, and stay where they are."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .contracts import ProgressCallback
from .corpora.cells import SKIPPED
from .corpora.flags import add_reading_flags, read_options
from .corpora.object_store import given_place
from .printing import printable

if TYPE_CHECKING:
    from .sweeping import Asked, Shards, SweepSummary

MEGABYTE = 1e6
MOST_NAMES = 20
NONE: Mapping[str, object] = {}
AT_ONCE = 2.0
"""Seconds for which the cost is measured when nobody asked for it."""


def add_to(commands: Any, reporter: Callable[[str], ProgressCallback]) -> None:
    """Add the command to those of the engine; `reporter` makes what shows progress."""
    sweep = commands.add_parser("sweep", help="find queries in files that stay where they are, without registering them")
    sweep.add_argument("folder", nargs="+", help="file, folder of files of one kind, or address such as s3://bucket/folder")
    asked = sweep.add_mutually_exclusive_group(required=True)
    asked.add_argument("--queries", type=Path, help="JSON lines with id, kind and value")
    asked.add_argument("--register", type=Path, help="a register of opt-outs: CSV, in the clear or as keyed digests")
    sweep.add_argument(
        "--key", type=Path, help="file with the key of the register's digests, in hex; without, they have none"
    )
    sweep.add_argument(
        "--region", action="append", default=[], help="country of numbers without a code, such as DE; repeatable"
    )
    sweep.add_argument("--out", type=Path, help="file for the matches, JSON lines; a sweep that was killed goes on")
    sweep.add_argument("--estimate", action="store_true", help="say what it would cost, by a sample, and do no more")
    sweep.add_argument(
        "--progress", choices=["auto", "ndjson", "none"], default="auto", help="auto shows a bar on a terminal"
    )
    sweep.add_argument(
        "--ray", nargs="?", const="auto", metavar="ADDRESS", help="sweep on a Ray cluster; local begins one on this machine"
    )
    add_reading_flags(sweep)
    sweep.set_defaults(command=lambda options: _sweep(options, reporter))


def _sweep(options: argparse.Namespace, reporter: Callable[[str], ProgressCallback]) -> int:
    from .sweeping import Asked, find_shards, read_key, read_queries, read_register, require_outside, sweep

    if options.register:
        key = read_key(options.key) if options.key else b""
        asked = read_register(options.register, key=key, regions=options.region)
    else:
        asked = Asked.of(read_queries(options.queries))
    swept = list(map(given_place, options.folder))
    if options.out:
        require_outside(options.out, swept)
    shards = find_shards(swept, read_options(vars(options)))
    if options.estimate or options.out is None:
        say_estimate(shards, asked, _print)
        return 0
    runner = None
    if options.ray:
        from .sweeping.on_ray import run_on_ray

        runner = run_on_ray(options.ray)
    say_cost(shards, asked, _print)
    summary = sweep(shards, asked, options.out, on_progress=reporter(options.progress), runner=runner)
    say_done(summary, options.out, _print)
    return 0


def say_estimate(shards: Shards, asked: Asked, say: Callable[[str], object], words: Mapping[str, object] = NONE) -> None:
    """Say what a sweep would cost and leave out. `words` are those for obstacles that only the caller knows."""
    from .sweeping.estimate import SECONDS

    say_cost(shards, asked, say, seconds=SECONDS)
    _say_aside(shards.aside, say)
    _say_missing(shards.missing, say)
    _say_not_searchable(asked.obstacles, say, words)


def say_cost(shards: Shards, asked: Asked, say: Callable[[str], object], *, seconds: float = AT_ONCE) -> None:
    """Say what a sweep costs, by a sample that takes so many seconds at most: also before every sweep."""
    from .sweeping import estimate

    cost = estimate(shards, asked, seconds=seconds)
    files = sum(len(shard.files) for shard in shards)
    at_least = "at least " if cost.at_least else ""
    say(
        f"{files} files, {cost.bytes / MEGABYTE:.1f} MB; {asked.count} queries at {cost.rate / MEGABYTE:.1f} MB a"
        f" second, measured on {cost.sampled / MEGABYTE:.1f} MB: {at_least}{cost.seconds:.0f} s in one process."
    )


def say_done(summary: SweepSummary, out: Path, say: Callable[[str], object], words: Mapping[str, object] = NONE) -> None:
    """Say what was swept, and what could not be. `words` are those for obstacles that only the caller knows."""
    total = summary.total
    say(f"{out}: {total.matches} matches in {total.rows} rows, {total.bytes / MEGABYTE:.1f} MB")
    if total.texts_only:
        say("Of pictures and arrays, only the texts beside them were searched.")
    for reason, count in total.skipped.items():
        say(f"{count} rows were not searched: {SKIPPED[reason]}")
    for line in (*total.unreadable, *(f"{row}: not searched to its end, it took too long" for row in total.unsearched)):
        say(line)
    _say_aside(summary.aside, say)
    _say_missing(summary.missing, say)
    if summary.changed:
        say(f"Files have changed since they were read: {_listed(summary.changed)}")
    if summary.goes_on:
        say("The same command again reads only the files that changed or could not be read.")
    _say_not_searchable(summary.not_searchable, say, words)


def _say_aside(names: Sequence[str], say: Callable[[str], object]) -> None:
    if names:
        say(
            f"{len(names)} files were left aside: they describe data, are hidden, or --only does not name them:"
            f" {_listed(names)}"
        )


def _say_missing(names: Sequence[str], say: Callable[[str], object]) -> None:
    if names:
        say(f"Files are missing, and were not searched: {_listed(names)}")


def _listed(names: Sequence[str]) -> str:
    return ", ".join([*map(printable, names[:MOST_NAMES]), *(["..."] if len(names) > MOST_NAMES else [])])


def _say_not_searchable(obstacles: Mapping[str, str], say: Callable[[str], object], words: Mapping[str, object]) -> None:
    from .sweeping import WHY_NOT

    for query, obstacle in obstacles.items():
        say(f"{query} could not be searched for: {words.get(obstacle) or WHY_NOT.get(obstacle, obstacle)}")


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
