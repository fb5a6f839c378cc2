"""`report_export REFERENCE --out DIR`: writes the evidence bundle of a request."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.celery import app
from compliance.formats.errors import EvidenceError
from compliance.record.bundles import CHECKPOINT_TASK, BundleNotReadyError, bundle_ready, bundle_seal, bundle_write
from compliance.record.services import SYSTEM


class Command(BaseCommand):
    help = "Writes the evidence bundle of a request to a new folder, for `python -m compliance.evidence verify`."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reference", help="the request's reference, such as LE-7KQ4-M2XD")
        parser.add_argument("--out", type=Path, required=True, help="new folder to write to")
        parser.add_argument("--wait", type=float, default=60, help="seconds to wait for the signing process")

    def handle(self, *_args: Any, **options: Any) -> None:
        subject = f"request:{options['reference'].strip().upper()}"
        try:
            # The signing process, not this one, signs the checkpoint: this one has no key.
            bundle_seal(subject=subject, actor=SYSTEM)
            self._wait(subject, options["wait"])
            bundle_write(subject, options["out"])
        except (BundleNotReadyError, EvidenceError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Wrote {options['out']}. Verify it with a trust file that you got by another way (manage.py trust_export):\n"
            f"python -m compliance.evidence verify {options['out']} --trust trust.json"
        )

    def _wait(self, subject: str, seconds: float) -> None:
        app.send_task(CHECKPOINT_TASK, queue="signing")
        deadline = time.monotonic() + seconds
        while not bundle_ready(subject):
            if time.monotonic() > deadline:
                message = "The signing process has not signed a checkpoint that covers the seal. Check that it is running."
                raise CommandError(message)
            time.sleep(0.2)
