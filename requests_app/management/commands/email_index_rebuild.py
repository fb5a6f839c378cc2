"""`email_index_rebuild`: makes the look-up index of e-mail addresses again, after INDEX_KEY has changed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.encryption import DecryptionError
from requests_app.services.index import email_index_rebuild


class Command(BaseCommand):
    help = "Makes the look-up index of e-mail addresses again. Run it once whenever INDEX_KEY has changed."

    def handle(self, *_args: Any, **_options: Any) -> None:
        try:
            changed = email_index_rebuild()
        except DecryptionError as error:
            message = f"Nothing was changed. {error}"
            raise CommandError(message) from error
        self.stdout.write(f"The index of {changed} requests was made again; the others were right.")
