"""`lineage_export MODEL --out FILE`: write where a model comes from and where it went, as a CycloneDX ML-BOM."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.record.errors import StaleStateError
from unlearning_jobs.engine.printing import readable_json
from unlearning_jobs.lineage import lineage_document


class Command(BaseCommand):
    help = "Writes the lineage of a model, its copies and what was withdrawn from it, as CycloneDX 1.6 (JSON)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model", help="name of the model")
        parser.add_argument("--out", type=Path, required=True, help="file to write")

    def handle(self, *_args: Any, **options: Any) -> None:
        out = options["out"]
        try:
            document = lineage_document(options["model"])
            out.write_text(readable_json(document, indent=2) + "\n", encoding="utf-8")
        except StaleStateError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            message = f"{out} cannot be written ({error.strerror})."
            raise CommandError(message) from None
        self.stdout.write(f"Wrote {out}: {len(document['components']) + 1} components, {document['serialNumber']}")
