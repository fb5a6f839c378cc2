"""`trust_export [--out FILE]`: writes the newest published trust file, for whoever verifies evidence."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.record.selectors import trust_published


class Command(BaseCommand):
    help = "Writes the newest published trust file, which says whose keys count, and prints its SHA-256 digest."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--out", type=Path, help="file to write to; without it the file goes to the standard output")

    def handle(self, *_args: Any, **options: Any) -> None:
        published = trust_published()
        if published is None:
            message = "No keys have been published yet. The signing process publishes them when it first signs; start it."
            raise CommandError(message)
        content = bytes(published.body)
        if options["out"] is None:
            # The digest goes to the other stream, so that `trust_export > trust.json` writes the exact bytes.
            self.stdout.write(content.decode(), ending="")
            self.stderr.write(f"SHA-256 {published.sha256}")
            return
        try:
            options["out"].write_bytes(content)
        except OSError as error:
            message = f"{options['out']} cannot be written: {error.strerror}. Choose another file."
            raise CommandError(message) from error
        self.stdout.write(f"Wrote {options['out']}. SHA-256 {published.sha256}")
