"""`model_register NAME --recipe FILE --corpus NAME`: train a model by recipe, as a job."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from compliance.record.services import SYSTEM
from unlearning_jobs.job_commands import in_words, job_wait, recipe_read, snapshot_newest
from unlearning_jobs.models import CanaryDraw
from unlearning_jobs.selectors import never_learned
from unlearning_jobs.services.trainings import model_train


class Command(BaseCommand):
    help = "Trains a model by recipe on the newest snapshot of a corpus, as a job for the workers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="short name of the model: letters, digits, hyphens")
        parser.add_argument(
            "--recipe", type=Path, required=True, help="JSON file, such as the recipe in `engine example FAMILY`"
        )
        parser.add_argument("--corpus", required=True, help="name of a registered corpus")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument(
            "--no-canaries",
            action="store_true",
            help="draw nothing: the model learns every canary of the corpus like any example",
        )
        parser.add_argument("--wait", action="store_true", help="stay until the job has ended, showing its progress")

    def handle(self, *_args: Any, **options: Any) -> None:
        with in_words():
            recipe, snapshot = recipe_read(options["recipe"]), snapshot_newest(options["corpus"])
            job = model_train(
                name=options["name"],
                recipe=recipe,
                snapshot=snapshot,
                seed=options["seed"],
                actor=SYSTEM,
                draws_canaries=not options["no_canaries"],
            )
        self.stdout.write(f"Job {job.pk} will train {options['name']} on {snapshot}.")
        draw = CanaryDraw.objects.filter(job=job).first()
        never = len(never_learned(job.snapshot, job.spec["exclude_ids"]))
        if erased := len(job.spec["exclude_ids"]) - never:
            self.stdout.write(f"It leaves out {erased} erased examples.")
        if draw:
            self.stdout.write(f"It leaves out {never} of {len(draw.ids)} canaries, as drawn for it ({draw}).")
            self.stdout.write(f"The commitment to that is in the record: {draw.commitment}")
        if options["wait"]:
            job_wait(job, self.stdout.write, "Trained")
