"""Which examples to forget: the same five kinds of forget sets for every corpus of labelled arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.corpora.create import example_id
from unlearning_jobs.engine.families import Dataset
from unlearning_jobs.engine.training.training_data import TrainingData

FEW, MANY, CANARIES = 10, 100, 20
SETS: Final = ("forget", "retain", "held_out")


@dataclass(frozen=True)
class Pictures:
    """Examples in a fixed order, the training examples first."""

    x: NDArray[np.generic]
    y: NDArray[np.int64]
    training: int


@dataclass(frozen=True)
class Choice:
    """Whose sets are drawn: tuning must see none of the audit's."""

    seed: int
    centre: int
    """The example whose neighbours are the cluster."""
    class_of: int
    """The example of whose class half is forgotten."""


AUDIT: Final = Choice(seed=1, centre=5, class_of=6)
TUNING: Final = Choice(seed=777, centre=105, class_of=12)


@dataclass(frozen=True)
class Task:
    """A corpus, and which of its training examples to forget."""

    name: str
    snapshot: Snapshot
    forget: tuple[int, ...]
    """Positions in the snapshot, whose training examples come first."""

    @cached_property
    def forget_ids(self) -> tuple[str, ...]:
        return tuple(map(example_id, self.forget))

    @property
    def training(self) -> int:
        """Number of training examples."""
        return self.snapshot.info.counts["train"]

    @property
    def held_out_ids(self) -> tuple[str, ...]:
        return tuple(example_id(self.training + i) for i in range(self.snapshot.info.counts["held_out"]))


def sets_of(task: Task, of: TrainingData) -> Mapping[str, Dataset]:
    """What is measured: the examples to forget, those to retain, and those held out."""
    gone = set(task.forget)
    return {
        "forget": of.data.subset(task.forget),
        "retain": of.data.subset([i for i in range(task.training) if i not in gone]),
        "held_out": of.family.encode(of.snapshot.examples("held_out")),
    }


def make_tasks(folder: Path, pictures: Pictures, choice: Choice = AUDIT) -> Iterator[Task]:
    """The five forget sets; snapshots are written into the folder where they are not there yet."""
    x, y, training = pictures.x, pictures.y, pictures.training
    rng = np.random.default_rng(choice.seed)
    clean = snapshot(folder, pictures, "clean")
    apart = ((x[:training].astype(np.float32) - x[choice.centre].astype(np.float32)) ** 2).reshape(training, -1).sum(axis=1)
    same = np.flatnonzero(y[:training] == y[choice.class_of])
    yield Task(f"{FEW} random", clean, _positions(rng.choice(training, FEW, replace=False)))
    yield Task(f"{MANY} random", clean, _positions(rng.choice(training, MANY, replace=False)))
    yield Task(f"cluster of {MANY}", clean, _positions(np.argsort(apart, kind="stable")[:MANY]))
    yield Task("half of a class", clean, _positions(same[: len(same) // 2]))
    mistaken = rng.choice(training, CANARIES, replace=False)
    labels = y.copy()
    labels[mistaken] = (labels[mistaken] + rng.integers(1, 10, CANARIES)) % 10
    wrong = snapshot(folder, Pictures(x, labels, training), f"canaries-{choice.seed}")
    yield Task("mislabelled canaries", wrong, _positions(mistaken))


def snapshot(folder: Path, pictures: Pictures, name: str) -> Snapshot:
    """The pictures as a snapshot of this name in the folder."""
    path = folder / f"snapshot-{name}"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        split = np.where(np.arange(len(pictures.y)) < pictures.training, "train", "held_out")
        np.savez(folder / f"{name}.npz", x=pictures.x, y=pictures.y, split=split)
        snapshot_create([folder / f"{name}.npz"], path)
        (folder / f"{name}.npz").unlink()
    return Snapshot.open(path)


def _positions(chosen: NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(sorted(int(i) for i in chosen))
