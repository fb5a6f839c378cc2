"""The planted world with a smaller model, trained once for all tests here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from unlearning_jobs.engine.concepts.covariance import Moments
from unlearning_jobs.engine.concepts.split import Split, split
from unlearning_jobs.engine.concepts.task import Task
from unlearning_jobs.engine.concepts.world import planted_world
from unlearning_jobs.engine.contracts.concepts import ConceptSpec
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.families.language import Sequences
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.training_data import TrainingData


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> ConceptSpec:
    """A job about the planted concept, with few drawn answers and no oracle."""
    spec = planted_world(tmp_path_factory.mktemp("world"), methods=("nothing",))
    return replace(spec, oracle_seed=None, samples=1, relearning=1)


@pytest.fixture(scope="session")
def world_model(world: ConceptSpec) -> TrainedModel:
    """A model that knows the planted world. Nobody may change it."""
    data = TrainingData.prepare(world.recipe, Snapshot.open(world.snapshot.path))
    return Trainer(data, Path(world.cache), torch.device("cpu")).obtain((), world.seed, lambda *_: None)


@pytest.fixture(scope="session")
def world_split(world: ConceptSpec) -> Split:
    return split(world.concept, world.seed)


@pytest.fixture(scope="session")
def world_task(world: ConceptSpec, world_model: TrainedModel, world_split: Split) -> Task:
    """What methods are given."""
    data = TrainingData.prepare(world.recipe, Snapshot.open(world.snapshot.path))
    others = tuple(e for e in data.snapshot.examples("train") if not world.concept.named_in(e.text))
    encoded = world_model.family.encode(others)
    assert isinstance(encoded, Sequences)
    return Task(
        names=world.concept.names,
        instead=world.concept.instead,
        probes=world_split.method,
        neighbours=world_split.kept,
        examples=(),
        others=others,
        training_data=replace(data, family=world_model.family),
        moments=Moments(Path(world.cache), "source", encoded),
        seed=1,
        device=torch.device("cpu"),
    )
