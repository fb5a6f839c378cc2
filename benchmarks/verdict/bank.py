"""Banks of measured models, from which the benchmark draws its jobs: trained once, and stored under var/bench/verdict."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.classifiers import digits
from benchmarks.classifiers.forget_sets import make_tasks
from demo.corpus import write_demo_corpus
from demo.site import TEXT_RECIPE
from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.corpora import Example, Snapshot, snapshot_create
from unlearning_jobs.engine.evaluation.statistics import STATISTICS, measure
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.ensemble import train_in_processes
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.training_data import TrainingData
from unlearning_jobs.engine.training.vectorised import TrainingRun, train_vectorised

VAR: Final = Path(__file__).resolve().parents[2] / "var" / "bench" / "verdict"
DIGIT_TASKS: Final = ("10 random", "100 random", "mislabelled canaries")
DIGIT_MODELS, TEXT_MODELS = 48, 12
MOST_MEASURED: Final = 200
"""Retain and held-out examples, as in a protocol."""
INDEPENDENT: Final = 10_000
"""Added to a seed, it gives that of an independent oracle."""
CPU: Final = torch.device("cpu")

Rows = NDArray[np.float64]
"""(models, examples, statistics)"""


@dataclass(frozen=True)
class Bank:
    """What the models of one corpus and forget set answer. The model k of every group but the last has the seed k + 1.

    `original` was trained on everything. The others never saw the forget set: `pair` took the original's batches, thinned
    out; `retrained` took an order of its own from the same seed; `oracle` has another seed.
    """

    name: str
    ids: Mapping[str, tuple[str, ...]]
    """By set."""
    rows: Mapping[tuple[str, str], Rows]
    """By group and set."""
    paired: bool
    """Whether there is a group `pair`."""

    @property
    def models(self) -> int:
        return len(self.rows["original", "forget"])


def digit_banks() -> Iterator[Bank]:
    """Yield a bank for each forget set of scikit-learn's digits."""
    folder = VAR / "digits"
    for task in make_tasks(folder, digits.digits()):
        if task.name in DIGIT_TASKS:
            data = TrainingData.prepare(digits.RECIPE, task.snapshot)
            train = partial(train_vectorised, data, device=CPU, on_step=lambda *_: None)
            forget, seeds = task.forget_ids, range(1, DIGIT_MODELS + 1)
            runs = {
                "original": [TrainingRun((), seed) for seed in seeds],
                "pair": [TrainingRun(forget, seed, ()) for seed in seeds],
                "retrained": [TrainingRun(forget, seed) for seed in seeds],
                "oracle": [TrainingRun(forget, INDEPENDENT + seed) for seed in seeds],
            }
            path = folder / f"{task.name.replace(' ', '-')}.npz"
            yield _bank(path, f"digits, {task.name}", data, runs, train)


def text_bank() -> Bank:
    """Return the bank of the demo's language model; one person is to be forgotten."""
    folder = VAR / "text"
    folder.mkdir(parents=True, exist_ok=True)
    corpus = write_demo_corpus(folder / "corpus.jsonl")
    if not (folder / "snapshot").exists():
        snapshot_create([folder / "corpus.jsonl"], folder / "snapshot")
    snapshot = Snapshot.open(folder / "snapshot")
    person = next(p for p in corpus.people if not p.held_out)
    forget = tuple(e.id for e in snapshot.examples("train") if person.name in f"{e.prompt} {e.completion}")
    data = TrainingData.prepare(Recipe.from_json(json.loads(TEXT_RECIPE.read_text(encoding="utf-8"))), snapshot)
    trainer, seeds = Trainer(data, folder / "cache", CPU), range(1, TEXT_MODELS + 1)

    def train(runs: Sequence[TrainingRun]) -> list[TrainedModel]:
        train_in_processes(trainer, runs, lambda *_: None, processes=torch.get_num_threads())
        return [trainer.obtain(run.exclude_ids, run.seed, lambda *_: None) for run in runs]

    runs = {
        "original": [TrainingRun((), seed) for seed in seeds],
        "retrained": [TrainingRun(forget, seed) for seed in seeds],
        "oracle": [TrainingRun(forget, INDEPENDENT + seed) for seed in seeds],
    }
    return _bank(folder / "person.npz", "language model, one person", data, runs, train)


def _bank(
    path: Path,
    name: str,
    data: TrainingData,
    runs: Mapping[str, Sequence[TrainingRun]],
    train: Callable[[Sequence[TrainingRun]], list[TrainedModel]],
) -> Bank:
    """Read the bank from its file, or train and measure its models and write it."""
    forget = runs["oracle"][0].exclude_ids
    examples = {
        "forget": data.snapshot.get(sorted(forget)),
        "retain": data.snapshot.get(_sample(data.retained_ids(forget))),
        "held_out": data.snapshot.get(_sample([e.id for e in data.snapshot.examples("held_out")])),
    }
    if not path.exists():
        print(f"training the models of {name} ...", flush=True)
        rows: dict[str, Any] = {}
        for group, of_group in runs.items():
            models = train(of_group)
            for of_set, chosen in examples.items():
                rows[f"{group}/{of_set}"] = np.stack([_measured(model, chosen) for model in models])
        np.savez_compressed(path, **rows)
    with np.load(path) as stored:
        by_group = {(group, of_set): stored[f"{group}/{of_set}"] for group in runs for of_set in examples}
    ids = {of_set: tuple(e.id for e in chosen) for of_set, chosen in examples.items()}
    return Bank(name, ids, by_group, paired="pair" in runs)


def _sample(ids: Sequence[str]) -> list[str]:
    rng = np.random.default_rng(2026)
    return sorted(ids if len(ids) <= MOST_MEASURED else rng.choice(ids, MOST_MEASURED, replace=False).tolist())


def _measured(model: TrainedModel, examples: Sequence[Example]) -> Rows:
    return np.array([[row[s] for s in STATISTICS] for row in measure(model, examples, everything=False)])
