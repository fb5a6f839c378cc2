"""`data_keys_rotate`: encrypts everything again under the newest of DATA_KEYS, so that the others can be removed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.encryption import DecryptionError
from compliance.record.errors import DatabaseRoleError
from requests_app.services.data_keys import data_reencrypt


class Command(BaseCommand):
    help = (
        "Encrypts everything again under the newest of DATA_KEYS, in batches, and records it. Put a new key first, restart"
        " all processes, run this, then remove the older keys. Run it again if it was interrupted. It needs the owner of the"
        " tables. Signing keys are replaced with keys_rotate."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        try:
            done = data_reencrypt()
        except DatabaseRoleError as error:
            raise CommandError(str(error)) from error
        except DecryptionError as error:
            message = f"Not everything could be encrypted again; what was done stays. {error}"
            raise CommandError(message) from error
        if not done.values:
            self.stdout.write(f"Everything was encrypted under the key {done.key} already.")
        else:
            self.stdout.write(f"{done.values} values are now encrypted under the key {done.key}; they were under others.")
            self.stdout.write(f"Nothing needs these keys any more: {', '.join(done.retired)}.")
        self.stdout.write("Backups that were made before still need the older keys, and are read with them.")
