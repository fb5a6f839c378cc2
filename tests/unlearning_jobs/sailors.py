"""Fixtures of the checkpoint “sailor” and its corpus, for tests of all doors through which weights come in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checkpoints import erased_from, recipe_from, registered, tower, worked, written
from unlearning_jobs.models import Checkpoint, CorpusSnapshot, ModelVersion
from unlearning_jobs.services.trainings import model_train


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """The folder of a checkpoint, as somebody has downloaded it."""
    return written(tmp_path / "downloaded")


@pytest.fixture
def checkpoint(base: Path) -> Checkpoint:
    return registered(base)


@pytest.fixture
def snapshot(tmp_path: Path) -> CorpusSnapshot:
    return tower(tmp_path)


@pytest.fixture
def keeper(checkpoint: Checkpoint, snapshot: CorpusSnapshot) -> ModelVersion:
    """A version that was trained here, on two examples that were erased afterwards."""
    job = model_train(name="keeper", recipe=recipe_from(checkpoint), snapshot=snapshot, seed=1, actor="account:1")
    version = worked(job).result_version
    assert version is not None, job.error_message
    erased_from(snapshot, "e00000002", "e00000003")
    return version
