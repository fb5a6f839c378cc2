"""Chooses the examples to forget: the same five kinds of forget sets for every corpus of labelled arrays."""

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
    """Examples in a fixed order, with the training examples first."""

    x: NDArray[np.generic]
    y: NDArray[np.int64]
    training: int


@dataclass(frozen=True)
class Choice:
    """How forget sets are drawn. Tuning must not see those of the audit."""

    seed: int
    centre: int
    """Example whose neighbours form the cluster."""
    class_of: int
    """Example of whose class one half is forgotten."""


AUDIT: Final = Choice(seed=1, centre=5, class_of=6)
TUNING: Final = Choice(seed=777, centre=105, class_of=12)


@dataclass(frozen=True)
class Task:
    """A corpus, and the training examples to forget."""

    name: str
    snapshot: Snapshot
    forget: tuple[int, ...]
    """Positions in the snapshot, where the training examples come first."""

    @cached_property
    def forget_ids(self) -> tuple[str, ...]:
        return tuple(map(example_id, self.forget))

    @property
    def training(self) -> int:
        """Return the number of training examples."""
        return self.snapshot.info.counts["train"]

    @property
    def held_out_ids(self) -> tuple[str, ...]:
        return tuple(example_id(self.training + i) for i in range(self.snapshot.info.counts["held_out"]))


def sets_of(task: Task, training_data: TrainingData) -> Mapping[str, Dataset]:
    """Return the sets that are measured: forget set, retain set and held-out examples."""
    forget = set(task.forget)
    return {
        "forget": training_data.data.subset(task.forget),
        "retain": training_data.data.subset([i for i in range(task.training) if i not in forget]),
        "held_out": training_data.family.encode(training_data.snapshot.examples("held_out")),
    }


def make_tasks(folder: Path, pictures: Pictures, choice: Choice = AUDIT) -> Iterator[Task]:
    """Yield the five forget sets, and write their snapshots to the folder if they are missing."""
    x, y, training = pictures.x, pictures.y, pictures.training
    # The order of the draws is part of the sets: a new kind of set goes last.
    rng = np.random.default_rng(choice.seed)
    clean = snapshot(folder, pictures, "clean")
    squares = (x[:training].astype(np.float32) - x[choice.centre].astype(np.float32)) ** 2
    distances = squares.reshape(training, -1).sum(axis=1)  # (training examples,)
    members = np.flatnonzero(y[:training] == y[choice.class_of])
    yield Task(f"{FEW} random", clean, _positions(rng.choice(training, FEW, replace=False)))
    yield Task(f"{MANY} random", clean, _positions(rng.choice(training, MANY, replace=False)))
    yield Task(f"cluster of {MANY}", clean, _positions(np.argsort(distances, kind="stable")[:MANY]))
    yield Task("half of a class", clean, _positions(members[: len(members) // 2]))
    canaries = rng.choice(training, CANARIES, replace=False)
    labels = y.copy()
    labels[canaries] = (labels[canaries] + rng.integers(1, 10, CANARIES)) % 10
    mislabelled = snapshot(folder, Pictures(x, labels, training), f"canaries-{choice.seed}")
    yield Task("mislabelled canaries", mislabelled, _positions(canaries))


def snapshot(folder: Path, pictures: Pictures, name: str) -> Snapshot:
    """Open the snapshot of this name in the folder; create it from the pictures if it is missing."""
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
