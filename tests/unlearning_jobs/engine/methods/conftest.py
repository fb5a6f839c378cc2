"""The task that every method is given here: forget the first town."""

from __future__ import annotations

import pytest
import torch

from unlearning_jobs.engine.methods import Context
from unlearning_jobs.engine.training.cache import Trainer, training_ids

FORGET = ("e00000000", "e00000001")


@pytest.fixture
def context(trainer: Trainer) -> Context:
    snapshot = trainer.snapshot
    return Context(
        snapshot=snapshot,
        recipe=trainer.recipe,
        forget_ids=FORGET,
        retain_ids=tuple(training_ids(snapshot, FORGET)),
        exclude_ids=FORGET,
        held_out_ids=tuple(e.id for e in snapshot.examples("held_out")),
        seed=1,
        device=torch.device("cpu"),
        train=trainer.obtain,
    )
