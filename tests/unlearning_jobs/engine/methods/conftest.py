"""The task that every method is given here: forget the first town; or, for classifiers, the leaves of the wrong trees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
import torch

from tests.unlearning_jobs.engine.conftest import with_sharding
from unlearning_jobs.engine.contracts import JobSpec
from unlearning_jobs.engine.contracts.sharding import Sharding
from unlearning_jobs.engine.methods import Context
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel

FORGET = ("e00000000", "e00000001")


@dataclass(frozen=True)
class Task:
    """A model, and what it has to forget."""

    model: TrainedModel
    context: Context


Tasks = Mapping[str, Task]
"""By family."""


def task(trainer: Trainer, model: TrainedModel, forget_ids: tuple[str, ...]) -> Task:
    training_data = trainer.training_data
    context = Context(
        training_data=training_data,
        forget_ids=forget_ids,
        retain_ids=tuple(training_data.retained_ids(forget_ids)),
        exclude_ids=forget_ids,
        held_out_ids=tuple(e.id for e in training_data.snapshot.examples("held_out")),
        seed=1,
        device=torch.device("cpu"),
        train=trainer.obtain,
        shared=trainer.cache / "shared",
    )
    return Task(model, context)


@pytest.fixture
def context(trainer: Trainer, model: TrainedModel) -> Context:
    return task(trainer, model, FORGET).context


@pytest.fixture(scope="session")
def leaf_task(leaf_trainer: Trainer, leaf_model: TrainedModel, leaves_to_forget: tuple[str, ...]) -> Task:
    return task(leaf_trainer, leaf_model, leaves_to_forget)


@pytest.fixture(scope="session")
def note_task(note_trainer: Trainer, note_model: TrainedModel, note_spec: JobSpec) -> Task:
    return task(note_trainer, note_model, note_spec.forget_ids)


@pytest.fixture(scope="session")
def tuned_task(tuned_trainer: Trainer) -> Task:
    return task(tuned_trainer, tuned_trainer.obtain((), 1, lambda *_: None), FORGET)


@pytest.fixture(scope="session")
def tuned_note_task(tuned_note_trainer: Trainer) -> Task:
    return task(tuned_note_trainer, tuned_note_trainer.obtain((), 1, lambda *_: None), FORGET)


@pytest.fixture(scope="session")
def sharded_tuned_note_task(tuned_note_trainer: Trainer) -> Task:
    trainer = with_sharding(tuned_note_trainer, Sharding(shards=3, slices=2))
    return task(trainer, trainer.obtain((), 1, lambda *_: None), FORGET)


@pytest.fixture(scope="session")
def sharded_note_task(sharded_note_trainer: Trainer, note_spec: JobSpec) -> Task:
    return task(sharded_note_trainer, sharded_note_trainer.obtain((), 1, lambda *_: None), note_spec.forget_ids)


@pytest.fixture(scope="session")
def logistic_task(logistic_trainer: Trainer, leaves_to_forget: tuple[str, ...]) -> Task:
    return task(logistic_trainer, logistic_trainer.obtain((), 1, lambda *_: None), leaves_to_forget)


@pytest.fixture(scope="session")
def sums_task(sums_trainer: Trainer, sums_model: TrainedModel, sums_spec: JobSpec) -> Task:
    return task(sums_trainer, sums_model, sums_spec.forget_ids)


@pytest.fixture(scope="session")
def sharded_task(sharded_trainer: Trainer, leaves_to_forget: tuple[str, ...]) -> Task:
    return task(sharded_trainer, sharded_trainer.obtain((), 1, lambda *_: None), leaves_to_forget)


@pytest.fixture(scope="session")
def stages_task(staged_trainer: Trainer) -> Task:
    return task(staged_trainer, staged_trainer.obtain((), 1, lambda *_: None), FORGET)


@pytest.fixture(scope="session")
def tuned_stages_task(tuned_trainer: Trainer) -> Task:
    trainer = with_sharding(tuned_trainer, Sharding(shards=1, slices=3))
    return task(trainer, trainer.obtain((), 1, lambda *_: None), FORGET)


@pytest.fixture(scope="session")
def adapter_shards_task(adapter_shards_trainer: Trainer) -> Task:
    return task(adapter_shards_trainer, adapter_shards_trainer.obtain((), 1, lambda *_: None), FORGET)


@pytest.fixture(scope="session")
def tasks(
    *,
    trainer: Trainer,
    model: TrainedModel,
    tuned_task: Task,
    note_task: Task,
    sharded_note_task: Task,
    tuned_note_task: Task,
    sharded_tuned_note_task: Task,
    leaf_task: Task,
    sharded_task: Task,
    logistic_task: Task,
    sums_task: Task,
    stages_task: Task,
    tuned_stages_task: Task,
    adapter_shards_task: Task,
) -> Tasks:
    return {
        "causal_lm": task(trainer, model, FORGET),
        "causal_lm in stages": stages_task,
        "finetuned_lm": tuned_task,
        "finetuned_lm in stages": tuned_stages_task,
        "finetuned_lm in shards": adapter_shards_task,
        "text_classifier": note_task,
        "text_classifier in shards": sharded_note_task,
        "finetuned_classifier": tuned_note_task,
        "finetuned_classifier in shards": sharded_tuned_note_task,
        "classifier": leaf_task,
        "classifier in shards": sharded_task,
        "logistic": logistic_task,
        "summation": sums_task,
    }
