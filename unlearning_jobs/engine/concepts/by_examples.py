"""Methods that work on examples, applied to a concept: its probes and the examples found are what they forget."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from unlearning_jobs.engine.contracts import Progress, ProgressCallback
from unlearning_jobs.engine.corpora import Example, Snapshot, snapshot_create
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.methods import Context, UnlearningMethod
from unlearning_jobs.engine.training.model import TrainedModel

from .asking import example_of
from .task import Task

FEW_HELD_OUT: Final = 200


class ByExamples:
    """Forgets probes that methods see and examples found; retains neighbours that methods see and other texts."""

    def __init__(self, make: Callable[[Task], UnlearningMethod]) -> None:
        """Keep what makes the method of examples for a task."""
        self.make = make

    def edit(self, model: TrainedModel, task: Task, on_progress: ProgressCallback) -> TrainedModel:
        """See `ConceptMethod`."""
        method = self.make(task)
        task.moments.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="concept-", dir=task.moments.folder) as folder:  # texts stay in the cache
            context = _context(task, Path(folder))
            return method.unlearn(
                model, context, lambda progress: on_progress(Progress("edit", progress.done, progress.total))
            )


def _context(task: Task, folder: Path) -> Context:
    """Write probes and examples as a corpus of their own, which is read by the model's own family."""
    forget = _distinct([*(example_of(probe) for probe in task.probes if not probe.choices), *task.examples])
    retain = _distinct([*(example_of(probe) for probe in task.neighbours if not probe.choices), *task.others])
    if not forget or not retain:
        message = (
            "Nothing is left to forget, or to retain, that could be learned from; add questions that are answered freely."
        )
        raise ObstacleError(message)
    held_out = list(task.training_data.snapshot.examples("held_out"))[:FEW_HELD_OUT]
    sets = {"train": [*forget, *retain], "held_out": held_out}
    snapshot_create(list(_written(folder, sets)), folder / "snapshot")
    snapshot = Snapshot.open(folder / "snapshot")
    data = replace(task.training_data, snapshot=snapshot)
    texts = {example.text for example in forget}
    forget_ids = tuple(example.id for example in snapshot.examples("train") if example.text in texts)
    return Context(
        training_data=data,
        forget_ids=forget_ids,
        retain_ids=tuple(data.retained_ids(forget_ids)),
        exclude_ids=forget_ids,
        held_out_ids=tuple(example.id for example in snapshot.examples("held_out")),
        seed=task.seed,
        device=task.device,
        train=_cannot_train,
        shared=folder,
    )


def _cannot_train(*_: object) -> TrainedModel:
    message = "A concept has no model that could be trained without it; choose a method that trains none."
    raise ObstacleError(message)


def _distinct(examples: Iterable[Example]) -> list[Example]:
    return list({example.text: example for example in examples}.values())


def _written(folder: Path, sets: Mapping[str, Sequence[Example]]) -> Iterator[Path]:
    """Write questions and plain texts into files of their own, since the rows of a file are read alike."""
    for name, asks in (("questions", True), ("texts", False)):
        rows = [
            {"question": e.prompt, "answer": e.completion, "split": kind} if asks else {"text": e.text, "split": kind}
            for kind, examples in sets.items()
            for e in examples
            if bool(e.prompt) == asks
        ]
        if rows:
            file = folder / f"{name}.jsonl"
            file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            yield file
