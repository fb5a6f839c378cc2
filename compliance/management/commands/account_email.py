"""`account_email USERNAME`: sets the e-mail address of an account."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from compliance.accounts.models import Account
from compliance.accounts.services import account_email_set
from compliance.record.services import SYSTEM


class Command(BaseCommand):
    help = "Sets the address to which links go that let a new browser sign in: NEW_EMAIL in the environment, or typed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *_args: Any, **options: Any) -> None:
        email = os.environ.get("NEW_EMAIL") or input("E-mail address: ")
        try:
            account_email_set(username=options["username"], email=email, actor=SYSTEM)
        except Account.DoesNotExist as error:
            message = f"There is no account {options['username']}."
            raise CommandError(message) from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"The address of {options['username']} is set.")
