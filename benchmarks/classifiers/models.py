"""Trains the models of one recipe on one corpus, which all forget sets share."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import torch

from unlearning_jobs.engine.catalogue import complete_config
from unlearning_jobs.engine.contracts import MethodChoice, Recipe
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.training.loop import StepCallback
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.train import train
from unlearning_jobs.engine.training.training_data import TrainingData
from unlearning_jobs.engine.training.vectorised import TrainingRun, can_be_vectorised, train_vectorised

DEVICE: Final = torch.device("cuda" if torch.cuda.is_available() else "cpu")
MODELS: Final = 100
ORIGINALS, ORACLES, FLOOR = 1, 1001, 2001
"""First seeds of the originals, of the oracles, and of the further oracles that give the noise floor."""


@dataclass(frozen=True)
class BenchmarkSubject:
    """A recipe, and the methods that are measured on its models."""

    title: str
    recipe: Recipe
    methods: tuple[str, ...] | None = None
    """Names of methods; None means all that can run and may be chosen for a request."""
    configs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Configurations of methods whose defaults would take too long here."""

    def choice(self, method: str) -> MethodChoice:
        """Return the method with its complete configuration."""
        return MethodChoice(method, complete_config(method, self.configs.get(method, {}), self.recipe))

    @property
    def models(self) -> int:
        """Return the number of models a side. Models learned from sums have no seed, so one stands for all."""
        return 1 if self.recipe.family == "summation" else MODELS

    def seeds(self, first: int) -> range:
        return range(first, first + self.models)


class Models:
    """Trains a subject's models on a snapshot."""

    def __init__(self, subject: BenchmarkSubject, snapshot: Snapshot, folder: Path, shared: Path | None = None) -> None:
        self.subject = subject
        self.shared = shared or folder / "shared"
        """Folder for what methods prepare once for all forget sets."""
        self.training_data = TrainingData.prepare(subject.recipe, snapshot)
        self.slices = folder / "slices" if subject.recipe.sharding else None

    @cached_property
    def originals(self) -> list[TrainedModel]:
        """Return the models trained on everything."""
        return self.train((), self.subject.seeds(ORIGINALS))

    def train(self, exclude_ids: Collection[str], seeds: Sequence[int]) -> list[TrainedModel]:
        """Train models without these examples, together if the recipe allows it."""
        if can_be_vectorised(self.training_data):
            runs = [TrainingRun(exclude_ids, seed) for seed in seeds]
            return train_vectorised(self.training_data, runs, device=DEVICE, on_step=lambda *_: None)
        return [self.train_one(exclude_ids, seed, lambda *_: None) for seed in seeds]

    def train_one(self, exclude_ids: Collection[str], seed: int, on_step: StepCallback) -> TrainedModel:
        """Train one model. If the recipe has shards, their slices are stored."""
        return train(self.training_data, exclude_ids, seed, device=DEVICE, on_step=on_step, slices=self.slices)
