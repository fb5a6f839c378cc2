"""`account_create USERNAME --role ROLE`: creates an account for a member of staff."""

from __future__ import annotations

import getpass
import os
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from compliance.accounts.roles import Role
from compliance.accounts.services import account_create
from compliance.record.services import SYSTEM


class Command(BaseCommand):
    help = "Creates an account. The password is no argument: set NEW_PASSWORD in the environment, or type it when asked."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--email", default="", help="where links go that let a new browser sign in")

    def handle(self, *_args: Any, **options: Any) -> None:
        password = os.environ.get("NEW_PASSWORD") or getpass.getpass("Password: ")
        try:
            account = account_create(
                username=options["username"], password=password, role=options["role"], email=options["email"], actor=SYSTEM
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"Created {account.username} ({account.get_role_display()}).")
