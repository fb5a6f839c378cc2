"""`store_register NAME --spec FILE`: register a data store that documents can be erased from (docs/stores.md)."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from compliance.record.errors import StaleStateError
from unlearning_jobs.engine.errors import EngineError
from unlearning_jobs.services.stores import store_register
from unlearning_jobs.stores import documents_in, read_description


class Command(BaseCommand):
    help = "Registers a data store, or describes a registered one anew; opens it first, and changes nothing in it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="name of the store: letters, digits, hyphens, underscores")
        parser.add_argument("--spec", type=Path, required=True, help="JSON file that describes it, without secrets")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            description = read_description(options["spec"])
            count = documents_in(description)
            store = store_register(name=options["name"], description=description)
        except ValidationError as error:
            raise CommandError(error.messages[0]) from error
        except (EngineError, StaleStateError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Registered store {store}: {store.kind}, {count} documents, sha256:{store.digest}")
