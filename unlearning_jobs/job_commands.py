"""What commands share that start a job which makes a new model."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from compliance.record.errors import StaleStateError

from .engine.contracts import Recipe
from .engine.errors import EngineError
from .models import Corpus, CorpusSnapshot, Job
from .states import JobState, ModelState


@contextmanager
def in_words() -> Iterator[None]:
    """Say in one sentence why a job cannot be started."""
    try:
        yield
    except ValidationError as error:
        raise CommandError(error.messages[0]) from error
    except (EngineError, StaleStateError) as error:
        raise CommandError(str(error)) from error


def recipe_read(path: Path) -> Recipe:
    """Return the recipe in a file (CommandError, SpecError)."""
    try:
        return Recipe.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        message = f"The recipe {path} cannot be read: {error}."
        raise CommandError(message) from error


def snapshot_newest(corpus: str) -> CorpusSnapshot:
    """Return the newest snapshot of the corpus with this name (CommandError)."""
    try:
        return Corpus.objects.get(name=corpus).snapshots.latest("id")
    except Corpus.DoesNotExist as error:
        known = ", ".join(Corpus.objects.values_list("name", flat=True)) or "none yet; run corpus_register"
        message = f"There is no corpus {corpus!r}. Registered: {known}."
        raise CommandError(message) from error


def job_wait(job: Job, say: Callable[[str], object], done: str) -> None:
    """Show how far the job is until it has ended; `done` says what it has done with its model (CommandError)."""
    shown = ""
    while not job.is_final:
        line = f"{job.get_state_display()} {job.stage} {job.done:.0f} of {job.total:.0f}"
        if line != shown:
            say(line)
            shown = line
        time.sleep(1)
        job.refresh_from_db()
    if job.state != JobState.COMPLETED:
        raise CommandError(job.error_message or job.get_state_display())
    say(f"{done} {job.result_version}.")
    if job.result_version and job.result_version.state != ModelState.ACTIVE:
        message = (
            "It is not in use: examples that it was trained on have been erased meanwhile. Train it again without them:"
            " python manage.py ledger_replay --requeue"
        )
        raise CommandError(message)
