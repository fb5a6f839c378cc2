"""`corpus_register NAME PATH...`: digest and store a corpus; `docs/corpora.md` says what is read how."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from compliance.record.errors import StaleStateError
from compliance.record.services import SYSTEM
from unlearning_jobs.engine.corpora import SourceInfo, snapshot_survey
from unlearning_jobs.engine.corpora.cells import SKIPPED
from unlearning_jobs.engine.corpora.flags import add_reading_flags, pairs, read_options
from unlearning_jobs.engine.corpora.object_store import given_place
from unlearning_jobs.engine.corpora.roles import shown
from unlearning_jobs.engine.errors import EngineError
from unlearning_jobs.index_progress import indexes_build
from unlearning_jobs.models import CorpusSnapshot
from unlearning_jobs.services.corpora import corpus_register

MOST_COLUMNS = 40


class Command(BaseCommand):
    help = "Digests and stores a corpus as an immutable snapshot, and says which column is read as what."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="short name of the corpus: letters, digits, hyphens")
        parser.add_argument(
            "path", nargs="+", help="file, folder of files of one kind, or address such as s3://bucket/folder"
        )
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="NAME=PATH",
            help="a further file of examples that no model is trained on, such as real_authors=FILE; repeatable",
        )
        parser.add_argument("--dry-run", action="store_true", help="say how everything would be read, and store nothing")
        parser.add_argument("--index-later", action="store_true", help="leave the indexes to the worker of jobs")
        add_reading_flags(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            sets = {name: given_place(path) for name, path in pairs("--set", options["set"])}
            sources = list(map(given_place, options["path"]))
            reading = read_options(options)
            if options["dry_run"]:
                survey = snapshot_survey(sources, sets=sets, options=reading, on_plan=self._say_roles)
                self._say_rows(survey.sources)
                self.stdout.write(f"Would register {options['name']}: {_counted(survey.counts)}. Nothing was stored.")
                return
            snapshot = corpus_register(
                name=options["name"],
                sources=sources,
                actor=SYSTEM,
                sets=sets,
                options=reading,
                on_plan=self._say_roles,
                on_read=self._say_rows,
            )
        except (EngineError, StaleStateError, ValidationError) as error:
            raise CommandError(error.messages[0] if isinstance(error, ValidationError) else str(error)) from error
        self._say_stored(snapshot)
        if not options["index_later"]:
            indexes_build(snapshot, self.stdout.write)

    def _say_roles(self, sources: Sequence[SourceInfo]) -> None:
        for source in sources:
            self.stdout.write(f"{source.name}: {source.kind}, {source.files} files, read as {source.shape}")
            for role, columns in source.roles.items():
                self.stdout.write(f"  {role:<20} {' + '.join(columns)}")
            for title, names in (("metadata", source.metadata), ("left out", source.ignored)):
                if names:
                    more = f" and {len(names) - MOST_COLUMNS} more" if len(names) > MOST_COLUMNS else ""
                    self.stdout.write(f"  {title:<20} {', '.join(names[:MOST_COLUMNS])}{more}")
            for name, files in sorted(source.placed.items()):
                self.stdout.write(f"  {f'set {name}':<20} {_listed(files)}")
            if source.aside:
                self.stdout.write(
                    f"  {source.aside} files were left aside: they describe data, are hidden, or --only does not name them."
                )

    def _say_rows(self, sources: Sequence[SourceInfo]) -> None:
        for source in sources:
            self.stdout.write(f"{source.name}: {source.rows} rows, {source.examples} examples")
            for found, counts in source.sets.items():
                if found and set(counts) != {found}:
                    self.stdout.write(f"  what the source calls {found} became {_counted(counts)}")
            for skipped in source.skipped:
                places = "; ".join(skipped.places) + ("; ..." if skipped.count > len(skipped.places) else "")
                self.stdout.write(f"  {skipped.count} skipped, {SKIPPED[skipped.reason]}: {places}")

    def _say_stored(self, snapshot: CorpusSnapshot) -> None:
        self.stdout.write(f"Registered {snapshot.corpus.name}: {_counted(snapshot.counts)}; snapshot {snapshot.digest}")
        if erased := snapshot.erased_ids:
            self.stdout.write(f"{len(erased)} of the training examples have been erased before: trainings leave them out.")
        if measured := snapshot.erased_examples.filter(in_training=False).values("example_id").distinct().count():
            self.stderr.write(
                f"{measured} of the other examples have been erased before, and nothing leaves them out: remove them from"
                " the source, and register the corpus again."
            )


def _listed(files: Mapping[str, int]) -> str:
    """Return folders and shards with their files, a few of them."""
    names = [f"{shown(name)} ({count})" for name, count in sorted(files.items())]
    return ", ".join(names[:MOST_COLUMNS]) + (f" and {len(names) - MOST_COLUMNS} more" if names[MOST_COLUMNS:] else "")


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
