"""`store_retire NAME`: note that a data store is gone."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.record.errors import StaleStateError
from unlearning_jobs.models import DataStore
from unlearning_jobs.services.stores import store_retire


class Command(BaseCommand):
    help = "Notes that a data store is gone; nothing more can be erased from it. That cannot be undone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="name of the store")

    def handle(self, *_args: Any, **options: Any) -> None:
        store = DataStore.objects.filter(name=options["name"]).first()
        if store is None:
            message = f"There is no store {options['name']}."
            raise CommandError(message)
        try:
            store_retire(store=store)
        except StaleStateError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Retired store {store}")
