"""`corpus_index [NAME]`: build the indexes that corpora lack, or that have failed or were built by another version."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.index_progress import indexes_build
from unlearning_jobs.models import CorpusSnapshot
from unlearning_jobs.services.indexes import index_begin_again


class Command(BaseCommand):
    help = "Builds the indexes of corpora, so that searches need not read them in full. Safe to stop: it goes on next time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", default="", help="of the corpus; all corpora without it")
        parser.add_argument("--again", action="store_true", help="build also those that are there")

    def handle(self, *_args: Any, **options: Any) -> None:
        chosen = {"corpus__name": options["name"]} if options["name"] else {}
        snapshots = CorpusSnapshot.objects.filter(**chosen).select_related("corpus")
        if not snapshots:
            message = f"There is no corpus {options['name']!r}." if options["name"] else "No corpus is registered."
            raise CommandError(message)
        for snapshot in snapshots:
            for index in snapshot.indexes.all():
                if options["again"] or index.state == "failed":
                    index_begin_again(index_id=index.pk)
            self.stdout.write(f"{snapshot}:")
            try:
                indexes_build(snapshot, self.stdout.write)
            except CorpusError as error:
                self.stderr.write(f"  {error}")
