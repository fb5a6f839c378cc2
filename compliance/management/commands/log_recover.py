"""`log_recover --reason TEXT`: lets the signing process go on after an alarm. Run it in that process's environment."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.formats.errors import EvidenceError
from compliance.record.errors import LogInconsistentError, StaleStateError
from compliance.record.recovery import log_recover


class Command(BaseCommand):
    help = (
        "Clears the signing process's alarm: records that the log goes on from what the database contains now. Needs "
        "SIGNING_KEYS_DIR. Run it only when you know why the record is another one, such as after restoring a backup."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", required=True, help="goes into the record for good; name nobody in it")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            entry = log_recover(reason=options["reason"])
        except (EvidenceError, LogInconsistentError, StaleStateError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"The alarm is cleared. Record entry: {entry.subject} {entry.number} ({entry.kind}).")
