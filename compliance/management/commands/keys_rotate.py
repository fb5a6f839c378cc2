"""`keys_rotate --role log|attestation [--revoke]`: replaces a signing key on purpose, and records it."""

from __future__ import annotations

from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from compliance.evidence.errors import KeyFileError
from compliance.record.errors import LogInconsistentError
from compliance.record.keys import ROLES, key_rotate
from compliance.record.signing import checkpoint_sign, head_take_over


class Command(BaseCommand):
    help = (
        "Replaces a signing key with a new one, and publishes a trust file in which the old one has ended. Run it with the"
        " SIGNING_KEYS_DIR of the signing process, while that process is stopped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--role", required=True, choices=ROLES, help="whose key to replace")
        parser.add_argument(
            "--revoke",
            action="store_true",
            help="somebody else may have the old key: revoke it. A revoked log key vouches for nothing, so bundles that were"
            " exported under it no longer verify with the new trust file and must be exported again.",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        # 1. After a crash the newest checkpoint is verified with the key that signed it, which is about to end. A key that
        #    cannot be used, or an alarm, is no reason not to replace it.
        with suppress(KeyFileError, LogInconsistentError, ImproperlyConfigured):
            head_take_over()
        # 2. Replace the key.
        try:
            rotation = key_rotate(role=options["role"], revoke=options["revoke"])
        except (KeyFileError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error
        if not rotation.ended:
            self.stdout.write("Finished an interrupted rotation. Its entry in the record says how the old key ended.")
        self.stdout.write(f"The {options['role']} key is now {rotation.key_id}.")
        word = "Revoked" if options["revoke"] else "Ended"
        for ended in rotation.ended:
            self.stdout.write(f"{word}: {ended}.")
        if rotation.put_aside:
            self.stdout.write(f"The old key's file is now {rotation.put_aside}. Nothing needs it any more: destroy it.")
        self.stdout.write("Give auditors the new trust file and its digest: python manage.py trust_export --out trust.json")
        # 3. Sign with it.
        self._sign_checkpoint()

    def _sign_checkpoint(self) -> None:
        """Sign a checkpoint that covers the new trust file, so that bundles contain it from now on."""
        try:
            checkpoint_sign()
        except (KeyFileError, LogInconsistentError) as error:
            message = f"The key was replaced, but no checkpoint could be signed. {error}"
            raise CommandError(message) from error
