"""Measures every subject on every forget set, and prints each table as it is finished, row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from unlearning_jobs.engine.catalogue import METHODS, preparation_cost

from .costs import cost_of
from .forget_sets import SETS, Pictures, Task, make_tasks
from .kept import Arrays, Kept
from .measuring import RETRAIN, Trial
from .models import BenchmarkSubject, Models
from .table import HEADER, LEVEL, Floor, TableRow, random_splits

HALFWAY: Final = 0.5
SHARE: Final = 0.1
"""Of retraining, that the target allows an unlearning to cost."""


def measure_all(folder: Path, pictures: Pictures, subjects: Sequence[BenchmarkSubject]) -> None:
    """Measures what is missing under the folder and prints all tables. A second run reads them from there.

    A subject for all methods has a table for each forget set; one for a single method has one table.
    """
    torch.set_num_threads(1)
    tasks = list(make_tasks(folder, pictures))
    for subject in subjects:
        print(f"\n### {subject.title}", flush=True)
        together = subject.methods is not None
        said: list[str] = []
        for number, (task, trial) in enumerate(_trials(folder, subject, tasks)):
            if not together:
                print(f"\n#### {task.name}: {len(task.forget)} examples to forget", flush=True)
            found = Report(trial, f"{task.name}: " if together else "").write(header=not together or number == 0)
            said += [f"{task.name}: {sentence}" for sentence in found] if together else found
            if said and (not together or task is tasks[-1]):
                print("\n" + "\n".join(f"- {sentence}" for sentence in said), flush=True)
                said = []


def _trials(folder: Path, subject: BenchmarkSubject, tasks: Sequence[Task]) -> Iterator[tuple[Task, Trial]]:
    kept, models = Kept(folder / "found"), dict[str, Models]()
    for task in tasks:
        digest = task.snapshot.info.digest
        if digest not in models:
            models[digest] = Models(subject, task.snapshot, folder)
        yield task, Trial(models[digest], task, kept)


@dataclass(frozen=True)
class Report:
    """The rows of one subject and one forget set."""

    trial: Trial
    prefix: str
    """Of the names of the rows."""

    def write(self, *, header: bool) -> list[str]:
        """Prints the rows; returns what they say about the targets, and what stops methods that cannot run."""
        stopped = {name: " ".join(self.trial.obstacles(name)) for name in self.trial.methods()}
        stopped = {name: found or self.trial.refusal(name) for name, found in stopped.items()}
        said = [f"{name} cannot be had: {found}" for name, found in stopped.items() if found]
        running = [name for name, found in stopped.items() if not found]
        return [*said, *self._measure(running, header=header)] if running else said

    def _measure(self, methods: Sequence[str], *, header: bool) -> Iterator[str]:
        trial, prefix = self.trial, self.prefix
        oracles, further = trial.oracles(), trial.floor()
        splits = trial.kept.arrays("floor-splits", trial.about(), lambda: random_splits(further, oracles))
        floor, nothing = Floor(splits), TableRow("do nothing", trial.originals(), oracles)
        best, worst = floor.median("forget"), nothing.klom["forget"]

        def show(row: TableRow) -> float:
            left = (row.klom["forget"] - best) / (worst - best) if worst > best else 0.0
            print(row.text(prefix, left), flush=True)
            return left

        if header:
            print(f"\n{HEADER}")
        show(TableRow("oracle against oracle", further, oracles))
        print(floor.row(prefix))
        show(nothing)
        yield from self._judge(nothing, oracles)
        retraining = cost_of(trial, RETRAIN).seconds
        for name in methods:
            if prepared := trial.preparation(name):
                yield (
                    f"{name}: {prepared['seconds']:.0f} s for {prepared['models']:.0f} models once per model version, not in"
                    f" its row; what they predict correlates with retrained models by {prepared['correlation']:.2f}"
                )
            if changed := trial.models.subject.configs.get(name):
                yield f"{name} ran with {', '.join(f'{option} = {value}' for option, value in changed.items())}"
            row = TableRow(name, trial.unlearned(name), oracles, cost_of(trial, name), retraining)
            left = show(row)
            yield from self._judge(row, oracles)
            if METHODS[name].guarantee == "empirical" and left <= HALFWAY and row.share <= SHARE:
                apart = "" if preparation_cost(name, trial.facts) else ", without pre-computation"
                yield f"{name} comes halfway ({left:.2f} left) at {row.share:.3f} of retraining{apart}"

    def _judge(self, row: TableRow, oracles: Arrays) -> Iterator[str]:
        """Whether exact methods and the control do what they must; and what a method's row leaves out."""
        guarantee = METHODS[row.name].guarantee if row.name in METHODS else "control"
        if "certified" in row.found:
            promises = row.found["certified"]
            yield f"{row.name}: its promise holds for {int(promises.sum())} of {len(promises)} models"
        if guarantee not in {"exact", "control"}:
            return
        if len(oracles["forget"]) == 1:
            apart = max(float(abs(row.found[s] - oracles[s]).max()) for s in SETS)
            yield f"{row.name}: largest difference of any margin from learning without the examples {apart:.1e}"
            return
        about = self.trial.about_method(row.name) if row.name in METHODS else self.trial.about()
        floor = Floor(self.trial.kept.arrays(f"splits-{row.name}", about, lambda: random_splits(row.found, oracles)))
        chances = {s: floor.chance(s, row.klom[s]) for s in SETS}
        shown = ", ".join(f"{s.replace('_', ' ')} p = {p:.3f}" for s, p in chances.items())
        if guarantee == "exact":
            within = "within the floor" if min(chances.values()) >= LEVEL else "NOT within the floor"
            yield f"{row.name} is {within} on all three sets at a level of {LEVEL:g}: {shown}"
        else:
            yield f"{row.name} is {'told' if chances['forget'] < LEVEL else 'NOT told'} from the oracles: {shown}"
