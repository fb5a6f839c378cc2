"""Whole jobs on the tiny corpus, shared by the tests of the pipeline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from unlearning_jobs.engine.contracts import (
    Evaluation,
    JobResult,
    JobSpec,
    MethodChoice,
    Progress,
    Protocol,
    SnapshotRef,
)
from unlearning_jobs.engine.evaluation.evaluate import evaluate
from unlearning_jobs.engine.evaluation.outputs import Outputs
from unlearning_jobs.engine.pipeline import run
from unlearning_jobs.engine.training.cache import Trainer

FORGET = ("e00000000", "e00000001")
PROTOCOL = Protocol(replicate_seeds=(2, 3, 4), oracle_seeds=(11, 12, 13, 14, 15, 16, 17, 18))
SHORT = Protocol(replicate_seeds=(2, 3), oracle_seeds=(11, 12, 13, 14, 15, 16), metrics=())
"""For tests that do not ask how the verdict comes out. Its models are among those of `PROTOCOL`."""
PAIRED = Protocol(replicate_seeds=(2, 3), oracle_seeds=(11, 12), metrics=(), design="paired")
RunJob = Callable[..., tuple[JobResult, Path]]


def evaluated_again(result: JobResult, out: Path, protocol: Protocol, method: str, family: str) -> Evaluation:
    """The evaluation, computed from the raw outputs and from what the engine established otherwise."""
    assert result.evaluation is not None
    return evaluate(
        Outputs.read(out / "outputs" / "examples.parquet"),
        protocol,
        method,
        family,
        look=result.evaluation.look,
        process=result.evaluation.process,
        duplicates=result.evaluation.duplicates,
    )


def quiet(_: Progress) -> None:
    """Take no notice."""


@pytest.fixture(scope="session")
def spec(trainer: Trainer) -> JobSpec:
    return JobSpec(
        kind="unlearn",
        reference="test",
        snapshot=SnapshotRef(str(trainer.training_data.snapshot.folder), trainer.training_data.snapshot.info.digest),
        recipe=trainer.training_data.recipe,
        seed=1,
        cache=str(trainer.cache),
        forget_ids=FORGET,
        method=MethodChoice("nothing"),
        protocol=PROTOCOL,
    )


@pytest.fixture(scope="session")
def finished(spec: JobSpec, tmp_path_factory: pytest.TempPathFactory) -> RunJob:
    """Runs a job with some fields of the spec replaced; each one once per session."""
    done: dict[str, tuple[JobResult, Path]] = {}

    def run_once(**changes: Any) -> tuple[JobResult, Path]:
        changed = replace(spec, **changes)
        if changed.digest() not in done:
            out = tmp_path_factory.mktemp("job") / "out"
            done[changed.digest()] = (run(changed, out, quiet), out)
        return done[changed.digest()]

    return run_once
