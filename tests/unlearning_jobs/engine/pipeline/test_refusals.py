"""Jobs that cannot be done, and jobs that are run again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unlearning_jobs.engine.conftest import ARCHITECTURE
from tests.unlearning_jobs.engine.pipeline.conftest import PAIRED, PROTOCOL, SHORT, RunJob, quiet
from unlearning_jobs.engine.artefacts import model_digest
from unlearning_jobs.engine.contracts import (
    JobSpec,
    MethodChoice,
    ModelRef,
    Progress,
    Protocol,
    SnapshotRef,
)
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.errors import CorpusError, EngineError, ObstacleError, OutOfMemoryError, SpecError
from unlearning_jobs.engine.pipeline import run
from unlearning_jobs.engine.preparation import check_unlearning
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import save_model


@pytest.mark.parametrize(
    ("changes", "error", "complaint"),
    [
        ({"forget_ids": ()}, SpecError, "forget set is empty"),
        ({"forget_ids": ("e00000000", "e00000000")}, SpecError, "named twice"),
        ({"forget_ids": ("e00000000",), "exclude_ids": ("e00000000",)}, SpecError, "excluded before"),
        ({"forget_ids": ("e00000016",)}, SpecError, "not a training example"),
        ({"forget_ids": ("e99999999",)}, CorpusError, "has no example"),
        ({"forget_ids": tuple(f"e{i:08d}" for i in range(16))}, ObstacleError, "Nothing would be left"),
        ({"method": None}, SpecError, "needs a method"),
        ({"method": MethodChoice("magic")}, SpecError, "no method 'magic'"),
        ({"method": MethodChoice("npo", {"beta": 0})}, SpecError, "npo.beta"),
        ({"method": MethodChoice("dpo"), "forget_ids": ("e00000001",)}, ObstacleError, "no wrong answer"),
        ({"method": MethodChoice("rmu", {"layer": 2})}, ObstacleError, "last hidden layer is number 1"),
        ({"protocol": None}, SpecError, "needs a protocol"),
        ({"protocol": Protocol((1, 2, 3), (11, 12, 13, 14))}, SpecError, "production model's seed"),
        ({"protocol": Protocol((2,), (11, 12, 13))}, SpecError, "two unlearned models and four oracles at the first look"),
        ({"protocol": Protocol((), (11, 12, 13, 14))}, SpecError, "two unlearned models and four oracles at the first look"),
        ({"protocol": Protocol((), (11, 12, 13)), "method": MethodChoice("retrain")}, SpecError, "four independent oracles"),
        ({"protocol": replace(PAIRED, replicate_seeds=(2,))}, SpecError, "three pairs"),
        ({"protocol": PAIRED, "method": MethodChoice("retrain")}, SpecError, "four independent oracles"),
        ({"protocol": replace(PROTOCOL, looks=0)}, SpecError, "not 0 times"),
        ({"protocol": replace(PROTOCOL, alpha=0.8)}, SpecError, "significance level"),
        ({"protocol": replace(PROTOCOL, estimands=PROTOCOL.estimands[3:])}, SpecError, "Nothing judges"),
        ({"protocol": replace(PROTOCOL, metrics=("vibes",))}, SpecError, "no metric 'vibes'"),
        ({"protocol": replace(PROTOCOL, metrics=("klom",))}, SpecError, "KLoM needs 50 unlearned models"),
        (
            {"protocol": replace(PROTOCOL, metrics=("truth_ratio", "rouge_l")), "forget_ids": ("e00000001",)},
            SpecError,
            "No example to forget has wrong answers .*, which Truth ratio would be computed from",
        ),
        ({"protocol": replace(PROTOCOL, tuning_seeds=(1,))}, SpecError, "tuned on the production model's seed"),
        ({"protocol": replace(PROTOCOL, tuning_seeds=(2,))}, SpecError, "tuning has not seen"),
        ({"protocol": replace(PROTOCOL, oracle_seeds=tuple(range(11, 600_011)))}, SpecError, "rows of raw outputs"),
        ({"device": "abacus"}, SpecError, "no device"),
        ({"model": ModelRef("/nowhere/at/all", "0" * 64)}, SpecError, "no model folder"),
        ({"snapshot": SnapshotRef("/nowhere/at/all", "0" * 64)}, CorpusError, "no snapshot"),
    ],
)
def test_a_job_that_cannot_be_done_is_refused(
    spec: JobSpec, tmp_path: Path, changes: dict[str, Any], error: type[EngineError], complaint: str
) -> None:
    with pytest.raises(error, match=complaint):
        run(replace(spec, **changes), tmp_path / "out", quiet)
    assert not (tmp_path / "out" / "result.json").exists()
    assert not (tmp_path / "out" / "model").exists()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"seed": 7}, "another seed than"),
        ({"recipe": 9}, "another recipe than"),
        ({"recipe": 9, "seed": 7}, "another recipe and another seed than"),
    ],
)
def test_a_model_that_was_made_otherwise_than_the_job_says_is_refused(
    spec: JobSpec, trainer: Trainer, tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    save_model(trainer.obtain((), spec.seed, lambda *_: None), tmp_path / "model", trainer.about((), spec.seed))
    named = replace(spec, model=ModelRef(str(tmp_path / "model"), model_digest(tmp_path / "model")))
    check_unlearning(named, Snapshot.open(spec.snapshot.path))
    recipe = replace(spec.recipe, epochs=changes.get("recipe", spec.recipe.epochs))
    with pytest.raises(SpecError, match=complaint):
        run(replace(named, recipe=recipe, seed=changes.get("seed", spec.seed)), tmp_path / "out", quiet)


def test_pairs_of_models_that_cannot_be_paired_are_refused(
    leaf_spec: JobSpec, sharded_trainer: Trainer, tmp_path: Path
) -> None:
    spec = replace(leaf_spec, recipe=sharded_trainer.training_data.recipe, protocol=PAIRED, method=MethodChoice("nothing"))
    with pytest.raises(SpecError, match="choose the independent design"):
        run(spec, tmp_path / "out", quiet)


def test_a_model_too_large_for_the_machine_is_refused_before_work(spec: JobSpec, tmp_path: Path) -> None:
    architecture = replace(ARCHITECTURE, hidden_size=65_536, layers=96, intermediate_size=262_144)
    with pytest.raises(OutOfMemoryError):
        run(replace(spec, recipe=replace(spec.recipe, architecture=architecture)), tmp_path / "out", quiet)


def test_a_finished_folder_is_not_overwritten(finished: RunJob, spec: JobSpec) -> None:
    _, out = finished()
    before = (out / "result.json").read_bytes()
    with pytest.raises(SpecError, match="already holds a result"):
        run(spec, out, quiet)
    assert (out / "result.json").read_bytes() == before


def test_an_interrupted_job_can_be_run_again_in_the_same_folder(spec: JobSpec, tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "oracles":
            raise KeyboardInterrupt

    short = replace(spec, protocol=SHORT)
    with pytest.raises(KeyboardInterrupt):
        run(short, tmp_path / "out", stop)
    assert not (tmp_path / "out" / "result.json").exists()
    run(short, tmp_path / "out", quiet)
    assert (tmp_path / "out" / "result.json").exists()
