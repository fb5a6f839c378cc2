"""`corpus_sweep FOLDER... --requests waiting|REFERENCE --out FOLDER`: where files that nobody registered name claimants.

What is found is no match of a request, and nothing is stored or recorded: there is no snapshot that a decision could be
about, and no model in use was trained on these files by us. Officers get tables of places. `docs/sweeping.md` says more.
"""

from __future__ import annotations

import csv
import json
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from compliance.ui.lists import safe_cell
from requests_app.models import ErasureRequest
from requests_app.search_wording import OBSTACLES
from requests_app.services.queries import request_queries
from requests_app.states import RequestState
from unlearning_jobs.engine.corpora.flags import add_reading_flags, read_options
from unlearning_jobs.engine.corpora.object_store import given_place
from unlearning_jobs.engine.errors import EngineError
from unlearning_jobs.engine.sweep_command import say_cost, say_done, say_estimate
from unlearning_jobs.engine.sweeping import Asked, Shards, find_shards, require_outside, sweep
from unlearning_jobs.engine.sweeping.journal import goes_on, is_output_of, private
from unlearning_jobs.index_parts import ANSWERED_BY

WAITING: Final = "waiting"
COLUMNS: Final = ("query", "file", "row", "source_id", "set", "start", "end", "score", "method", "because", "copied")


class Command(BaseCommand):
    help = (
        "Looks for what requests ask for in files that stay where they are, and writes a table of places for each request to"
        " a private folder. Nothing is registered, stored or recorded."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "folder", nargs="+", help="file, folder of files of one kind, or address such as s3://bucket/folder"
        )
        parser.add_argument(
            "--requests", required=True, help="waiting: every confirmed request that is not closed; or one reference"
        )
        parser.add_argument("--out", type=Path, help="folder for the tables; a sweep that was killed goes on there")
        parser.add_argument("--estimate", action="store_true", help="say what it would cost, by a sample, and do no more")
        add_reading_flags(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        requests = _requests(options["requests"])
        try:
            asked = _asked(requests)
            swept = list(map(given_place, options["folder"]))
            if options["out"]:
                require_outside(options["out"], swept)
            shards = find_shards(swept, read_options(options))
            if options["estimate"] or options["out"] is None:
                say_estimate(shards, asked, self.stdout.write, OBSTACLES)
                return
            self._sweep(shards, asked, options["out"])
        except EngineError as error:
            raise CommandError(str(error)) from error
        counts = _write_tables(options["out"], [request.reference for request in requests])
        for reference, count in counts.items():
            self.stdout.write(f"{reference}: {count} places")
        self.stdout.write(
            "These are places, not matches: nothing was stored. To decide about them, register the files (corpus_register),"
            " have the models that learned from them registered too, and search again."
        )

    def _sweep(self, shards: Shards, asked: Asked, folder: Path) -> None:
        if _places(folder).exists() and not goes_on(_places(folder)):
            if not is_output_of(_places(folder), asked, shards):
                message = (
                    f"{folder.name} holds the tables of another sweep: of other requests, files, flags or matchers. Name"
                    " another folder."
                )
                raise CommandError(message)
            self.stdout.write(
                "This sweep has ended already; its tables are written again. Files that changed since are not read again."
            )
            return
        say_cost(shards, asked, self.stdout.write)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        say_done(sweep(shards, asked, _places(folder)), _places(folder), self.stdout.write, OBSTACLES)


def _asked(requests: Sequence[ErasureRequest]) -> Asked:
    """Return what the requests ask for; what a search of theirs would not look for is not swept for either."""
    queries = {
        replace(query, id=f"{request.reference}/{query.id}"): "" if query.kind in ANSWERED_BY else obstacle
        for request in requests
        for query, obstacle in request_queries(request).items()
    }
    able = [query for query, obstacle in queries.items() if not obstacle]
    return Asked.of(able, obstacles={query.id: obstacle for query, obstacle in queries.items() if obstacle})


def _requests(chosen: str) -> list[ErasureRequest]:
    open_states = set(RequestState) - {RequestState.AWAITING_CONFIRMATION, RequestState.CLOSED}
    requests = ErasureRequest.objects.filter(state__in=open_states).order_by("pk")
    found = list(requests if chosen == WAITING else requests.filter(reference=chosen))
    if not found:
        message = "No such request is confirmed and not closed." if chosen != WAITING else "No request is waiting."
        raise CommandError(message)
    return found


def _places(folder: Path) -> Path:
    return folder / "places.jsonl"


def _write_tables(folder: Path, references: Sequence[str]) -> Mapping[str, int]:
    """Write a table for each request, also for one about which nothing was found."""
    rows: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    with _places(folder).open(encoding="utf-8") as file:
        for line in file:
            match = json.loads(line)
            reference, _, query = match["query"].partition("/")
            rows[reference].append(match | match["source"] | {"query": query, "because": " ".join(match["because"])})
    for reference in references:
        with private(folder / f"{reference}.csv") as raw, TextIOWrapper(raw, encoding="utf-8", newline="") as table:
            writer = csv.writer(table)
            writer.writerow(COLUMNS)
            writer.writerows([safe_cell(row[column]) for column in COLUMNS] for row in rows[reference])
    return {reference: len(rows[reference]) for reference in references}
