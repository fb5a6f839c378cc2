"""`model_export NAME --folder DIR`: hand over the version of a model that is in use, as a folder for other programs."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from unlearning_jobs.exports import model_export
from unlearning_jobs.job_commands import in_words


class Command(BaseCommand):
    help = "Copies the version of a model that is in use into a new folder, after its digest was compared with the record."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="name of the model")
        parser.add_argument("--folder", type=Path, required=True, help="folder to make, which does not exist yet")

    def handle(self, *_args: Any, **options: Any) -> None:
        folder = options["folder"].absolute()
        try:
            with in_words():
                version = model_export(name=options["name"], folder=folder)
        except OSError as error:
            why = error.strerror or type(error).__name__
            message = f"{options['name']} could not be copied ({why}); nothing is left of the copy."
            raise CommandError(message) from None
        self.stdout.write(f"{version} is in {folder}, with the digest {version.digest}.")
        self.stdout.write(
            "Lethe does not know this copy. So that requests wait for it: python manage.py copy_register NAME"
            f" --model {version.name}:{version.number} --kind deployment --place WHERE"
        )
