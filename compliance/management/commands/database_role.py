"""`database_role NAME [--password-file FILE]`: lets the application connect as a role that owns nothing."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.record.database_role import database_role_grant
from compliance.record.errors import DatabaseRoleError


class Command(BaseCommand):
    help = (
        "Creates the database role that the application connects as, unless it exists, and lets it do only what the "
        "application does. Run it as the owner of the tables, after every `migrate`."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="of the role; not the one that this command connects as")
        parser.add_argument("--password-file", type=Path, help="file with its password; without it, the password stays")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            password = options["password_file"].read_text(encoding="utf-8").strip() if options["password_file"] else ""
            append_only = database_role_grant(name=options["name"], password=password)
        except OSError as error:
            message = f"{options['password_file']} cannot be read: {error.strerror}."
            raise CommandError(message) from error
        except DatabaseRoleError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{options['name']} may add to {', '.join(append_only)}, and change rows in other tables.")
