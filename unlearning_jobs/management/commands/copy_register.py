"""`copy_register NAME --kind KIND (--model | --corpus | --copy) --place PLACE`: register a copy of a model or a corpus."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from compliance.record.errors import StaleStateError
from unlearning_jobs.models import Copy, CorpusSnapshot, ModelVersion
from unlearning_jobs.services.copies import Origin, copy_register


class Command(BaseCommand):
    help = "Registers a copy or descendant of a model version, of a corpus or of another copy."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="name of the copy: letters, digits, hyphens, underscores")
        parser.add_argument("--kind", required=True, choices=Copy.Kind.values)
        origin = parser.add_mutually_exclusive_group(required=True)
        origin.add_argument("--model", help="name of the model that it is a copy of, or NAME:NUMBER (default: its newest)")
        origin.add_argument("--corpus", help="name of the corpus, or NAME:BEGINNING of a digest (default: its newest)")
        origin.add_argument("--copy", help="name of the copy that it was made from")
        parser.add_argument("--place", required=True, help="where it is, for staff")
        parser.add_argument("--sha256", default="", help="digest of its file, if it is known")

    def handle(self, *_args: Any, **options: Any) -> None:
        given = {name: options[name] for name in ("name", "kind", "place", "sha256")}
        try:
            copy = copy_register(**given, of=_origin(options), by=None)
        except ValidationError as error:
            raise CommandError(error.messages[0]) from error
        except StaleStateError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Registered copy {copy.pk}, {copy}: {copy.kind} of {copy.parent or copy.root}")


def _origin(options: dict[str, Any]) -> Origin:
    """Return what the options name, or raise CommandError."""
    found: Origin | None
    if options["copy"]:
        what = options["copy"]
        found = Copy.objects.filter(name=what).first()
    elif options["model"]:
        what = options["model"]
        name, _colon, number = what.partition(":")
        one = {"number": int(number) if number.isdecimal() else 0} if number else {}
        found = ModelVersion.objects.filter(name=name, **one).order_by("number").last()
    else:
        what = options["corpus"]
        name, _colon, digest = what.partition(":")
        found = CorpusSnapshot.objects.filter(corpus__name=name, digest__startswith=digest).order_by("pk").last()
    if found is None:
        message = f"There is no {what} that a copy could be of."
        raise CommandError(message)
    return found
