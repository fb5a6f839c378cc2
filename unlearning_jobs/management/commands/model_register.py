"""`model_register NAME --recipe FILE --corpus NAME`: train a model by recipe, as a job."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_slug

from compliance.record.errors import StaleStateError
from compliance.record.services import SYSTEM
from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.errors import EngineError
from unlearning_jobs.models import Corpus, Job
from unlearning_jobs.services.model_versions import model_train
from unlearning_jobs.states import JobState, ModelState


class Command(BaseCommand):
    help = "Trains a model by recipe on the newest snapshot of a corpus, as a job for the workers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="short name of the model: letters, digits, hyphens")
        parser.add_argument(
            "--recipe", type=Path, required=True, help="JSON file, such as the recipe in `engine example FAMILY`"
        )
        parser.add_argument("--corpus", required=True, help="name of a registered corpus")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--wait", action="store_true", help="stay until the job has ended, showing its progress")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            validate_slug(options["name"])
            recipe = Recipe.from_json(json.loads(options["recipe"].read_text(encoding="utf-8")))
            snapshot = Corpus.objects.get(name=options["corpus"]).snapshots.latest("id")
            job = model_train(name=options["name"], recipe=recipe, snapshot=snapshot, seed=options["seed"], actor=SYSTEM)
        except Corpus.DoesNotExist as error:
            known = ", ".join(Corpus.objects.values_list("name", flat=True)) or "none yet; run corpus_register"
            message = f"There is no corpus {options['corpus']!r}. Registered: {known}."
            raise CommandError(message) from error
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            message = f"The recipe {options['recipe']} cannot be read: {error}."
            raise CommandError(message) from error
        except ValidationError as error:
            raise CommandError(error.messages[0]) from error
        except (EngineError, StaleStateError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Job {job.pk} will train {options['name']} on {snapshot}.")
        if left_out := job.spec["exclude_ids"]:
            self.stdout.write(f"It leaves out {len(left_out)} erased examples.")
        if options["wait"]:
            self._wait(job)

    def _wait(self, job: Job) -> None:
        shown = ""
        while not job.is_final:
            line = f"{job.get_state_display()} {job.stage} {job.done:.0f} of {job.total:.0f}"
            if line != shown:
                self.stdout.write(line)
                shown = line
            time.sleep(1)
            job.refresh_from_db()
        if job.state != JobState.COMPLETED:
            raise CommandError(job.error_message or job.get_state_display())
        self.stdout.write(f"Trained {job.result_version}.")
        if job.result_version and job.result_version.state != ModelState.ACTIVE:
            message = (
                "It is not in use: examples that it was trained on have been erased meanwhile. Train it again without them:"
                " python manage.py ledger_replay --requeue"
            )
            raise CommandError(message)
