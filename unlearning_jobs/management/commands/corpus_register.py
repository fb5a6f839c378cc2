"""`corpus_register NAME PATH`: digest and index a corpus."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from compliance.record.errors import StaleStateError
from compliance.record.services import SYSTEM
from unlearning_jobs.engine.errors import EngineError
from unlearning_jobs.services.corpora import corpus_register


class Command(BaseCommand):
    help = "Digests and stores a corpus (JSON lines, CSV, Parquet or NPZ) as an immutable snapshot."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="short name of the corpus: letters, digits, hyphens")
        parser.add_argument(
            "path", type=Path, help="file of examples: rows of question and answer, of text, or of text and label; or arrays"
        )
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="NAME=PATH",
            help="a further file of examples that no model is trained on, such as real_authors=FILE; repeatable",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        sets = {}
        for pair in options["set"]:
            name, separator, path = pair.partition("=")
            if not separator:
                message = f"--set takes NAME=PATH, not {pair!r}."
                raise CommandError(message)
            sets[name] = Path(path)
        try:
            snapshot = corpus_register(name=options["name"], source=options["path"], actor=SYSTEM, sets=sets)
        except (EngineError, StaleStateError, ValidationError) as error:
            raise CommandError(error.messages[0] if isinstance(error, ValidationError) else str(error)) from error
        counts = ", ".join(f"{count} {name}" for name, count in sorted(snapshot.counts.items()))
        self.stdout.write(f"Registered {snapshot.corpus.name}: {counts}; snapshot {snapshot.digest}")
        if erased := snapshot.erased_ids:
            self.stdout.write(f"{len(erased)} of the training examples have been erased before: trainings leave them out.")
        if measured := snapshot.erased_examples.filter(in_training=False).values("example_id").distinct().count():
            self.stderr.write(
                f"{measured} of the other examples have been erased before, and nothing leaves them out: remove them from"
                " the source, and register the corpus again."
            )
