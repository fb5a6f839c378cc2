"""`ledger_replay [CORPUS] [--requeue]`: what came back of what was erased, and what to do."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.record.services import SYSTEM
from requests_app.returns import Return
from requests_app.services.replay import Replay, ledger_replay
from unlearning_jobs.ledger_keys import LedgerError
from unlearning_jobs.models import Corpus, CorpusSnapshot, ErasureEntry
from unlearning_jobs.origins import is_behavioural
from unlearning_jobs.wording import ids_named

SHOWN = 8
"""How many example ids a line shows."""
_some = partial(ids_named, most=SHOWN)


class Command(BaseCommand):
    help = (
        "Compares every corpus with the erasure ledger and says which models know erased examples again. Fails if one does,"
        " or if a corpus cannot be read. Run it every night, and after every restore of a backup."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("corpus", nargs="?", default="", help="only this corpus")
        parser.add_argument(
            "--requeue",
            action="store_true",
            help="take models that know erased examples out of use, and train them again without these",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        name = options["corpus"]
        if name and not Corpus.objects.filter(name=name).exists():
            message = f"There is no corpus {name!r}."
            raise CommandError(message)
        try:
            replay = ledger_replay(corpus=name, requeue=options["requeue"], actor=SYSTEM)
        except LedgerError as error:
            raise CommandError(str(error)) from error
        for line in _lines(replay):
            self.stdout.write(line)
        if replay.returns or replay.problems:
            message = "Erased examples came back." if replay.returns else "Not everything could be compared."
            raise CommandError(message)
        self.stdout.write("No model knows anything that was erased and came back.")


def _lines(replay: Replay) -> Iterator[str]:
    yield f"The ledger has {ErasureEntry.objects.count()} entries."
    if replay.taken_back:
        yield f"The database had lost {replay.taken_back} of them; they are back from the second copy."
    if replay.entered:
        yield f"{replay.entered} of them were erased before there was a ledger, and have been entered now."
    for snapshot in replay.snapshots:
        yield from _in_corpus(snapshot)
    for back in replay.returns:
        yield from _returned(back, replay)
    for problem in replay.problems:
        yield f"Not complete: {problem}"


def _in_corpus(snapshot: CorpusSnapshot) -> Iterator[str]:
    places = list(snapshot.erased_examples.all())
    trained = sorted({place.example_id for place in places if place.in_training})
    measured = sorted({place.example_id for place in places if not place.in_training})
    if trained:
        yield f"{snapshot}: {len(trained)} erased examples, which trainings leave out ({_some(trained)})."
    if measured:
        yield (
            f"{snapshot}: {len(measured)} erased examples in sets that only measure ({_some(measured)}). Nothing leaves them"
            " out: remove them from the source, and register the corpus again."
        )


def _not_trained_again(back: Return, replay: Replay) -> Iterator[str]:
    if back.version.name in replay.withdrawn:
        yield "  It is out of use now."
    elif back.in_use:
        yield "  Take it out of use: python manage.py ledger_replay --requeue"
    yield "  Nobody declared how it was trained, so it cannot be trained again. Train a model of a recipe in its place."


def _returned(back: Return, replay: Replay) -> Iterator[str]:
    count, references = len(back.example_ids), ", ".join(back.references)
    state = "is in use and" if back.in_use else "is out of use and"
    yield (
        f"{back.version} {state} knows {count} examples of the ledger ({_some(back.example_ids)}), entered for {references}."
    )
    job = replay.jobs.get(back.version.name)
    if is_behavioural(back.version):
        yield from _not_trained_again(back, replay)
    elif job:
        yield f"  It is out of use now. Job {job.pk} trains {back.version.name} again without them."
    elif back.busy:
        yield "  A training or an item of this model is under way. Wait for its end, and replay the ledger again."
    else:
        yield "  Take it out of use and train it again without them: python manage.py ledger_replay --requeue"
