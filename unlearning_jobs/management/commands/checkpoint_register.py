"""`checkpoint_register NAME --folder DIR`: check, copy and store a checkpoint that models are to start from."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from compliance.record.errors import StaleStateError
from compliance.record.services import SYSTEM
from unlearning_jobs.engine.contracts import FromCheckpoint
from unlearning_jobs.engine.contracts.families import family_from
from unlearning_jobs.engine.errors import EngineError
from unlearning_jobs.engine.printing import readable_json
from unlearning_jobs.services.checkpoints import checkpoint_register


class Command(BaseCommand):
    help = "Checks, copies and stores a checkpoint that somebody else made, and prints the part of a recipe about it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="short name of the checkpoint: letters, digits, hyphens")
        parser.add_argument(
            "--folder", type=Path, required=True, help="as transformers writes it: safetensors, config, tokenizer"
        )
        parser.add_argument("--max-length", type=int, default=0, help="longest sequence in tokens (default: up to 256)")
        parser.add_argument(
            "--template", default="", help="what stands before an answer, with {prompt}; or chat (of language models)"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        from unlearning_jobs.engine.families.bases import describe_base  # it loads torch

        described: list[FromCheckpoint] = []

        def describe(folder: Path) -> FromCheckpoint:
            described.append(describe_base(folder, max_length=options["max_length"], template=options["template"]))
            return described[-1]

        try:
            checkpoint = checkpoint_register(
                name=options["name"], folder=options["folder"].absolute(), describe=describe, actor=SYSTEM
            )
        except ValidationError as error:
            raise CommandError(error.messages[0]) from error
        except (EngineError, StaleStateError) as error:
            raise CommandError(str(error)) from error
        architecture = described[-1]
        self.stdout.write(
            f"Registered {checkpoint}: {checkpoint.kind}, {architecture.parameters} parameters, {checkpoint.bytes} bytes;"
            f" checkpoint {checkpoint.digest}"
        )
        self.stdout.write(f'In a recipe with "family": "{family_from(architecture)}", the architecture is:')
        self.stdout.write(readable_json(architecture.to_json(), indent=2))
