"""Measures every subject on every forget set, and prints the tables row by row as they are finished."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from unlearning_jobs.engine.catalogue import METHODS, preparation_cost

from .costs import cost_of
from .forget_sets import SETS, Pictures, Task, make_tasks
from .measuring import RETRAIN, Trial
from .models import BenchmarkSubject, Models
from .results import Arrays, ResultStore
from .table import HEADER, LEVEL, Floor, TableRow, random_splits

HALFWAY: Final = 0.5
SHARE: Final = 0.1
"""Largest share of retraining that the target allows an unlearning to cost."""


def measure_all(folder: Path, pictures: Pictures, subjects: Sequence[BenchmarkSubject]) -> None:
    """Measure what is missing in the folder and print all tables. A second run reads the measurements from there.

    A subject for all methods has a table for each forget set; a subject for a single method has one table.
    """
    torch.set_num_threads(1)
    tasks = list(make_tasks(folder, pictures))
    for subject in subjects:
        print(f"\n### {subject.title}", flush=True)
        one_table = subject.methods is not None
        sentences: list[str] = []
        for number, (task, trial) in enumerate(_trials(folder, subject, tasks)):
            if not one_table:
                print(f"\n#### {task.name}: {len(task.forget)} examples to forget", flush=True)
            new = Report(trial, f"{task.name}: " if one_table else "").write(header=not one_table or number == 0)
            sentences += [f"{task.name}: {sentence}" for sentence in new] if one_table else new
            if sentences and (not one_table or task is tasks[-1]):
                print("\n" + "\n".join(f"- {sentence}" for sentence in sentences), flush=True)
                sentences = []


def _trials(folder: Path, subject: BenchmarkSubject, tasks: Sequence[Task]) -> Iterator[tuple[Task, Trial]]:
    results, models = ResultStore(folder / "found"), dict[str, Models]()
    for task in tasks:
        digest = task.snapshot.info.digest
        if digest not in models:
            models[digest] = Models(subject, task.snapshot, folder)
        yield task, Trial(models[digest], task, results)


@dataclass(frozen=True)
class Report:
    """Measures and prints the rows of one subject and one forget set."""

    trial: Trial
    prefix: str
    """Prefix of the rows' names."""

    def write(self, *, header: bool) -> list[str]:
        """Print the rows. Return sentences about the targets, and about methods that cannot run."""
        problems = {name: " ".join(self.trial.obstacles(name)) for name in self.trial.methods()}
        problems = {name: problem or self.trial.refusal(name) for name, problem in problems.items()}
        sentences = [f"{name} is not available: {problem}" for name, problem in problems.items() if problem]
        running = [name for name, problem in problems.items() if not problem]
        return [*sentences, *self._measure(running, header=header)] if running else sentences

    def _measure(self, methods: Sequence[str], *, header: bool) -> Iterator[str]:
        trial, prefix = self.trial, self.prefix
        oracles, further = trial.oracles(), trial.floor()
        splits = trial.results.arrays("floor-splits", trial.about(), lambda: random_splits(further, oracles))
        floor, nothing = Floor(splits), TableRow("do nothing", trial.originals(), oracles)
        best, worst = floor.median("forget"), nothing.klom["forget"]

        def show(row: TableRow) -> float:
            remaining = (row.klom["forget"] - best) / (worst - best) if worst > best else 0.0
            print(row.text(prefix, remaining), flush=True)
            return remaining

        # 1. What the methods are compared with.
        if header:
            print(f"\n{HEADER}")
        show(TableRow("oracle against oracle", further, oracles))
        print(floor.row(prefix))
        show(nothing)
        yield from self._judge(nothing, oracles)
        # 2. The methods.
        retraining = cost_of(trial, RETRAIN).seconds
        for name in methods:
            if prepared := trial.preparation(name):
                yield (
                    f"{name}: preparation once per model version takes {prepared['seconds']:.0f} s for"
                    f" {prepared['models']:.0f} models, which its row leaves out; correlation of its predictions with"
                    f" retrained models: {prepared['correlation']:.2f}"
                )
            if config := trial.models.subject.configs.get(name):
                yield f"{name} ran with {', '.join(f'{option} = {value}' for option, value in config.items())}"
            row = TableRow(name, trial.unlearned(name), oracles, cost_of(trial, name), retraining)
            remaining = show(row)
            yield from self._judge(row, oracles)
            if METHODS[name].guarantee == "empirical" and remaining <= HALFWAY and row.share <= SHARE:
                addition = "" if preparation_cost(name, trial.facts) else ", without pre-computation"
                yield f"{name} gets at least halfway ({remaining:.2f} left) at {row.share:.3f} of retraining{addition}"

    def _judge(self, row: TableRow, oracles: Arrays) -> Iterator[str]:
        """Say whether exact methods and the control behave as they must, and what a method's row leaves out."""
        guarantee = METHODS[row.name].guarantee if row.name in METHODS else "control"
        if "certified" in row.margins:
            promises = row.margins["certified"]
            yield f"{row.name}: its promise holds for {int(promises.sum())} of {len(promises)} models"
        if guarantee not in {"exact", "control"}:
            return
        if len(oracles["forget"]) == 1:
            difference = max(float(abs(row.margins[s] - oracles[s]).max()) for s in SETS)
            yield f"{row.name}: margins differ from those after learning without the examples by at most {difference:.1e}"
            return
        about = self.trial.about_method(row.name) if row.name in METHODS else self.trial.about()
        floor = Floor(self.trial.results.arrays(f"splits-{row.name}", about, lambda: random_splits(row.margins, oracles)))
        p_values = {s: floor.p_value(s, row.klom[s]) for s in SETS}
        listing = ", ".join(f"{s.replace('_', ' ')} p = {p:.3f}" for s, p in p_values.items())
        if guarantee == "exact":
            within = "within the floor" if min(p_values.values()) >= LEVEL else "NOT within the floor"
            yield f"{row.name} is {within} on all three sets at a level of {LEVEL:g}: {listing}"
        else:
            distinguished = "distinguished" if p_values["forget"] < LEVEL else "NOT distinguished"
            yield f"{row.name} is {distinguished} from the oracles: {listing}"
