"""`model_import NAME --artifact DIR --corpus NAME --recipe FILE [--behavioural]`: take over a model trained elsewhere."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.record.services import SYSTEM
from unlearning_jobs.checkpoints import checkpoint_folder, checkpoint_of, require_startable
from unlearning_jobs.job_commands import in_words, job_wait, recipe_read, snapshot_newest
from unlearning_jobs.services.imports import model_import


class Command(BaseCommand):
    help = (
        "Takes over a model that was trained elsewhere, from a registered checkpoint, as a job for the workers. The recipe"
        " declares how it was trained; nobody trains it here, and its versions are called declared. With --behavioural,"
        " nobody declares that: the recipe says what methods need, no oracle is trained, and no result ever passes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="short name of the model: letters, digits, hyphens")
        parser.add_argument(
            "--artifact",
            type=Path,
            required=True,
            help="folder of the model, as transformers writes it, or of an adapter, as peft does",
        )
        parser.add_argument("--recipe", type=Path, help="JSON file that declares how the model was trained")
        parser.add_argument(
            "--behavioural",
            action="store_true",
            help="nobody declares how the model was trained; the recipe only says what methods need to know of it",
        )
        parser.add_argument("--corpus", required=True, help="name of the registered corpus that it was trained on")
        parser.add_argument("--seed", type=int, default=1, help="with which it was trained (default: 1)")
        parser.add_argument(
            "--without",
            type=Path,
            help="file of the ids of erased training examples that it was trained without, one a line",
        )
        parser.add_argument("--wait", action="store_true", help="stay until the job has ended, showing its progress")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["recipe"] is None:
            message = (
                "A model is imported with a recipe: name the one that it was trained by with --recipe. If nobody knows that,"
                " name with --recipe what methods need (architecture from `engine describe`, learning rate, batch size,"
                " precision), and say --behavioural: then no oracle can be trained, and no result can pass."
            )
            raise CommandError(message)
        from unlearning_jobs.engine.families.foreign_adapters import check_foreign  # it loads torch

        with in_words():
            recipe, snapshot = recipe_read(options["recipe"]), snapshot_newest(options["corpus"])
            checkpoint = checkpoint_of(recipe)
            require_startable(checkpoint)
            if checkpoint:  # what no worker could read is refused at once
                check_foreign(options["artifact"].absolute(), checkpoint_folder(checkpoint), recipe)
            job = model_import(
                name=options["name"],
                recipe=recipe,
                snapshot=snapshot,
                seed=options["seed"],
                artefact=options["artifact"].absolute(),
                without=_ids(options["without"]) if options["without"] else (),
                actor=SYSTEM,
                behavioural=options["behavioural"],
            )
        self.stdout.write(f"Job {job.pk} will import {options['name']}, which was trained elsewhere on {snapshot}.")
        if options["behavioural"]:
            self.stdout.write(
                "Nobody declared how. It will be compared with held-out examples alone, which the corpus declares to be"
                " unseen; what is unlearned from it can never pass, and so cannot be released."
            )
        if without := job.spec["exclude_ids"]:
            self.stdout.write(f"It is declared to have been trained without {len(without)} examples.")
        if options["wait"]:
            job_wait(job, self.stdout.write, "Imported")


def _ids(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        message = f"The ids in {path.name} cannot be read ({type(error).__name__})."
        raise CommandError(message) from error
