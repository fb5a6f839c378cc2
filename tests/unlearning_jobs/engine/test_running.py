"""Which models a look adds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unlearning_jobs.engine.contracts import JobSpec, Protocol, UnlearningStep
from unlearning_jobs.engine.preparation import excluded_ids
from unlearning_jobs.engine.running import RunningJob
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.vectorised import TrainingRun


@pytest.mark.parametrize("paired", [False, True])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(replicates=st.integers(0, 20), oracles=st.integers(0, 20), looks=st.integers(1, 4))
def test_over_all_looks_no_model_is_missing_or_doubled(
    leaf_spec: JobSpec, leaf_trainer: Trainer, replicates: int, oracles: int, looks: int, *, paired: bool
) -> None:
    protocol = Protocol(
        tuple(range(100, 100 + replicates)),
        tuple(range(200, 200 + oracles)),
        design="paired" if paired else "independent",
        looks=looks,
    )
    left_out, before, own = leaf_spec.forget_ids[:1], leaf_spec.forget_ids[1:3], leaf_spec.forget_ids[3:]
    step = UnlearningStep(leaf_spec.method, before)  # type: ignore[arg-type]  # the example has a method
    spec = replace(leaf_spec, exclude_ids=left_out, earlier=(step,), forget_ids=own, protocol=protocol)
    job = RunningJob(spec, Path("unused"), lambda _: None, leaf_trainer)
    seeds: list[int] = [spec.seed]
    runs: list[TrainingRun] = []
    for look in range(1, looks + 1):
        more_seeds, more_runs = job.models_of_look(look)
        seeds += more_seeds
        runs += more_runs
        assert len(seeds) == protocol.unlearned_at(look)
        assert len(runs) == protocol.oracles_at(look)
        if paired:
            assert [run.seed for run in runs if run.thinned_from is not None] == seeds, "each has its pair at every look"
    assert seeds == [spec.seed, *protocol.replicate_seeds]
    assert [run.seed for run in runs if run.thinned_from is None] == list(protocol.oracle_seeds)
    assert all(set(run.exclude_ids) == {*left_out, *before, *own} == set(excluded_ids(spec)) for run in runs)
    assert all(run.thinned_from in (None, left_out) for run in runs), "a pair takes the batches of the original training"
