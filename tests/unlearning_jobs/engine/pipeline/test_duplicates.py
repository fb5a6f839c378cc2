"""A whole job looks for what repeats the examples that it forgets, among those that its result may know."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.unlearning_jobs.engine.conftest import SALT, SUMS_RECIPE
from tests.unlearning_jobs.engine.pipeline.conftest import quiet
from unlearning_jobs.engine.contracts import Duplicate, JobSpec, MethodChoice, Protocol, SnapshotRef
from unlearning_jobs.engine.corpora import snapshot_create
from unlearning_jobs.engine.pipeline import run

FORGOTTEN, TWIN, NEIGHBOUR = "e00000000", "e00000001", "e00000004"


@pytest.fixture
def spec(tmp_path: Path) -> JobSpec:
    """A job about one of 80 points; another is the same, one is almost the same, and one has the other label."""
    rng = np.random.default_rng(0)
    features, labels = rng.normal(0, 1, (80, 6)).astype(np.float32), np.array(["a", "a", "b", "b"] * 20)
    features[1] = features[2] = features[0]
    features[4] = features[0] + 0.01
    np.savez(tmp_path / "points.npz", x=features, y=labels, split=np.array(["train"] * 60 + ["held_out"] * 20))
    info = snapshot_create([tmp_path / "points.npz"], tmp_path / "snapshot", salt=SALT)
    return JobSpec(
        kind="unlearn",
        reference="test",
        snapshot=SnapshotRef(str(tmp_path / "snapshot"), info.digest),
        recipe=SUMS_RECIPE,
        seed=1,
        cache=str(tmp_path / "cache"),
        forget_ids=(FORGOTTEN,),
        method=MethodChoice("summation"),
        protocol=Protocol((), (11, 12, 13, 14), metrics=()),
    )


def named(spec: JobSpec, out: Path) -> tuple[Duplicate, ...]:
    evaluation = run(spec, out, quiet).evaluation
    assert evaluation is not None
    return tuple(evaluation.duplicates)


def test_the_result_names_what_says_the_same_or_nearly_the_same(spec: JobSpec, tmp_path: Path) -> None:
    same, near = named(spec, tmp_path / "out")
    assert same == Duplicate(FORGOTTEN, TWIN, 1.0)
    assert (near.forget_id, near.retain_id) == (FORGOTTEN, NEIGHBOUR)
    assert 0.8 <= near.likeness < 1.0


def test_what_is_forgotten_with_it_or_was_left_out_or_erased_before_is_no_duplicate(spec: JobSpec, tmp_path: Path) -> None:
    both = replace(spec, forget_ids=(FORGOTTEN, TWIN), exclude_ids=(NEIGHBOUR,))
    assert named(both, tmp_path / "both") == ()
    erased = replace(spec, erased_ids=(TWIN, NEIGHBOUR), method=MethodChoice("retrain"))
    assert named(erased, tmp_path / "erased") == ()
