"""The command `search`: prints a line of JSON for each match in a snapshot, without the text."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

KINDS: tuple[Literal["exact", "name", "identifier"], ...] = ("exact", "name", "identifier")


def add_to(commands: Any) -> None:
    """Add the command to those of the engine."""
    search = commands.add_parser("search", help="find where a snapshot names a person or holds a text")
    search.add_argument("snapshot", type=Path, help="the snapshot's folder")
    search.add_argument("--index", type=Path, help="folder of its index; without one, all examples are read")
    for kind in KINDS:
        search.add_argument(f"--{kind}", action="append", default=[], help="may be given several times")
    search.add_argument("--self-test", action="store_true", help="print first what is found of edited copies of the queries")
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
    for match in find_matches(snapshot, queries, index=index, on_unsearched=_say_unsearched):
        _print(asdict(match))
    return 0


def _say_unsearched(example_id: str, queries: set[str]) -> None:
    _print({"unsearched": example_id, "queries": sorted(queries), "why": "took_too_long"})


def _print(line: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
