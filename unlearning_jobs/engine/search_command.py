"""The command `search`: prints a line of JSON for each match in a snapshot, without the text."""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .printing import readable_json

if TYPE_CHECKING:
    from .corpora import Snapshot
    from .matching import Query

SAMPLE = 300
KINDS: tuple[Literal["exact", "name", "identifier"], ...] = ("exact", "name", "identifier")


def add_to(commands: Any) -> None:
    """Add the command to those of the engine."""
    search = commands.add_parser("search", help="find where a snapshot names a person or holds a text")
    search.add_argument("snapshot", type=Path, help="the snapshot's folder")
    search.add_argument("--index", type=Path, help="folder of its index; without one, all examples are read")
    for kind in KINDS:
        search.add_argument(f"--{kind}", action="append", default=[], help="may be given several times")
    search.add_argument("--self-test", action="store_true", help="print first what is found of edited copies of the queries")
    search.add_argument(
        "--estimate",
        action="store_true",
        help="then print, for each name, examples to look at: a sample of what was not found",
    )
    search.add_argument("--sample", type=int, default=SAMPLE, help=f"how many of each of two groups (default: {SAMPLE})")
    search.add_argument("--seed", type=int, default=0, help="of the sample; the same gives the same")
    search.add_argument(
        "--missed",
        action="append",
        default=[],
        metavar="ID",
        help="an example of the sample that is about the person; repeatable",
    )
    search.set_defaults(command=_search)


def _search(options: argparse.Namespace) -> int:
    from .corpora import Snapshot
    from .matching import Query, find_matches
    from .matching.index import SnapshotIndex
    from .matching.self_test import self_test

    queries = [
        Query(f"{kind} {number}", kind, value)
        for kind in KINDS
        for number, value in enumerate(getattr(options, kind), start=1)
    ]
    for query in queries if options.self_test else ():
        for recall in self_test(query):
            _print({"query": query.id, **asdict(recall)})
    snapshot = Snapshot.open(options.snapshot)
    index = SnapshotIndex.open(options.index, snapshot) if options.index else None
    found: defaultdict[str, set[str]] = defaultdict(set)
    for match in find_matches(snapshot, queries, index=index, on_unsearched=_say_unsearched):
        _print(asdict(match))
        found[match.query].add(match.example_id)
    for query in queries if options.estimate else ():
        if query.kind == "name":
            _estimate(snapshot, query, found[query.id], options)
    return 0


def _estimate(snapshot: Snapshot, query: Query, found: set[str], options: argparse.Namespace) -> None:
    """Print which examples somebody has to look at, and what follows if those of `--missed` are about the person."""
    from .matching.missed import draw_samples, missed_estimate

    samples = draw_samples(snapshot, [query], found, size=options.sample, seed=options.seed)
    estimate = missed_estimate(samples, options.missed)
    _print(
        {"query": query.id, "seed": options.seed, "samples": list(map(asdict, samples)), "if_looked_at": asdict(estimate)}
    )


def _say_unsearched(example_id: str, queries: set[str]) -> None:
    _print({"unsearched": example_id, "queries": sorted(queries), "why": "took_too_long"})


def _print(line: Mapping[str, Any]) -> None:
    sys.stdout.write(f"{readable_json(line)}\n")
