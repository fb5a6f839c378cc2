"""`corpus_register NAME PATH...`: digest and store a corpus; `docs/corpora.md` says what is read how."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from compliance.record.errors import StaleStateError
from compliance.record.services import SYSTEM
from unlearning_jobs.engine.corpora import ReadOptions, SourceInfo, snapshot_survey
from unlearning_jobs.engine.corpora.options import MAX_ROW_BYTES
from unlearning_jobs.engine.corpora.roles import ROLES
from unlearning_jobs.engine.corpora.rows import SKIPPED
from unlearning_jobs.engine.errors import EngineError
from unlearning_jobs.index_progress import indexes_build
from unlearning_jobs.models import CorpusSnapshot
from unlearning_jobs.services.corpora import corpus_register

MOST_COLUMNS = 40


class Command(BaseCommand):
    help = "Digests and stores a corpus as an immutable snapshot, and says which column is read as what."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="short name of the corpus: letters, digits, hyphens")
        parser.add_argument("path", type=Path, nargs="+", help="file of examples, or folder of such files of one kind")
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="NAME=PATH",
            help="a further file of examples that no model is trained on, such as real_authors=FILE; repeatable",
        )
        parser.add_argument("--dry-run", action="store_true", help="say how everything would be read, and store nothing")
        parser.add_argument("--index-later", action="store_true", help="leave the indexes to the worker of jobs")
        _add_columns(parser)
        _add_files(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        sets = {name: Path(path) for name, path in _pairs("--set", options["set"])}
        try:
            reading = _read_options(options)
            if options["dry_run"]:
                survey = snapshot_survey(options["path"], sets=sets, options=reading, on_plan=self._say_roles)
                self._say_rows(survey.sources)
                self.stdout.write(f"Would register {options['name']}: {_counted(survey.counts)}. Nothing was stored.")
                return
            snapshot = corpus_register(
                name=options["name"],
                sources=options["path"],
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
            if source.aside:
                self.stdout.write(
                    f"  {source.aside} files were left aside: they hold no data, or --only does not name them."
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


def _add_columns(parser: ArgumentParser) -> None:
    columns = parser.add_argument_group("columns")
    columns.add_argument(
        "--role",
        action="append",
        default=[],
        metavar="ROLE=COLUMN",
        help=f"what a column is; repeat it to join columns. Roles: {'; '.join(f'{r}: {what}' for r, what in ROLES.items())}",
    )
    columns.add_argument("--split-column", default="", metavar="COLUMN", help="the column that names the set of a row")
    columns.add_argument(
        "--split", action="append", default=[], metavar="VALUE=SET", help="the set that a value of that column means"
    )
    columns.add_argument("--ignore", action="append", default=[], metavar="COLUMN", help="leave a column out; repeatable")
    columns.add_argument("--skip-broken", action="store_true", help="leave rows out that do not fit, and report them")
    columns.add_argument("--row-bytes", type=int, default=MAX_ROW_BYTES, help="the most that a row may have")


def _add_files(parser: ArgumentParser) -> None:
    files = parser.add_argument_group("files")
    files.add_argument("--encoding", default="utf-8", help="of text files, such as latin-1")
    files.add_argument("--delimiter", default="", help="between the columns of tables as text")
    files.add_argument("--text-unit", choices=["file", "paragraph", "line"], help="what is one example in plain text")
    files.add_argument("--image-size", metavar="HEIGHTxWIDTH", help="resize pictures")
    files.add_argument("--greyscale", action="store_true", help="read pictures with one channel instead of three")
    files.add_argument("--only", default="", metavar="ENDING", help="read the files of a folder with this ending alone")
    files.add_argument("--follow-links", action="store_true", help="follow links to files in a folder")


def _read_options(given: Mapping[str, Any]) -> ReadOptions:
    roles: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for role, column in _pairs("--role", given["role"]):
        roles[role] += (column,)
    return ReadOptions(
        roles=dict(roles),
        split_column=given["split_column"],
        splits=dict(_pairs("--split", given["split"])),
        ignored=frozenset(given["ignore"]),
        encoding=given["encoding"],
        delimiter=given["delimiter"].replace("\\t", "\t"),
        row_bytes=given["row_bytes"],
        image_size=_size(given["image_size"]) if given["image_size"] else None,
        greyscale=given["greyscale"],
        text_unit=given["text_unit"],
        only=given["only"],
        follows_links=given["follow_links"],
        skips_broken=given["skip_broken"],
    )


def _size(text: str) -> tuple[int, int]:
    height, separator, width = text.lower().partition("x")
    if not (separator and height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        message = f"--image-size takes HEIGHTxWIDTH, such as 32x32, not {text!r}."
        raise CommandError(message)
    return int(height), int(width)


def _pairs(flag: str, given: Iterable[str]) -> list[tuple[str, str]]:
    pairs = [text.partition("=") for text in given]
    for name, separator, value in pairs:
        if not (name and separator and value):
            message = f"{flag} takes two words with = between them, such as NAME=VALUE."
            raise CommandError(message)
    return [(name, value) for name, _, value in pairs]


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
