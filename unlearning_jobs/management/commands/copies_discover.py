"""`copies_discover`: look for copies of models on this machine, and register them."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from unlearning_jobs.services.discovery import copies_discover, hub_cache


class Command(BaseCommand):
    help = "Looks for weights of models in COPIES_FOLDERS and the Hugging Face cache, and registers what it finds as copies."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--folder", type=Path, action="append", default=[], help="look here as well")
        parser.add_argument("--no-cache", action="store_true", help="do not look into the Hugging Face cache")

    def handle(self, *_args: Any, **options: Any) -> None:
        cache = None if options["no_cache"] or not hub_cache().is_dir() else hub_cache()
        found = copies_discover(folders=[*map(Path, settings.COPIES_FOLDERS), *options["folder"]], cache=cache)
        for copy in found.registered:
            self.stdout.write(f"Registered {copy}: {copy.kind} of {copy.version}, {copy.place}")
        for folder in found.looked_at:
            self.stdout.write(f"Looked at {folder} and all below it.")
        for sentence in found.unreadable:
            self.stdout.write(f"Not read: {sentence}")
        self.stdout.write(
            f"{found.weights} folders with weights: {len(found.registered)} copies registered, {found.known} known before."
        )
        if not found.looked_at:
            self.stdout.write("Nothing was looked at: name folders in COPIES_FOLDERS, or with --folder.")
