"""Unlearning a model in shards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.unlearning_jobs.engine.methods.conftest import Task
from tests.unlearning_jobs.engine.training.workload import unlearning_workload
from unlearning_jobs.engine.catalogue import expected_cost
from unlearning_jobs.engine.catalogue.entry import Facts
from unlearning_jobs.engine.contracts import JobSpec, MethodChoice, Progress, Protocol
from unlearning_jobs.engine.contracts.sharding import Sharding
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.methods import make_method
from unlearning_jobs.engine.pipeline import run
from unlearning_jobs.engine.training.cache import Trainer

SISA = MethodChoice("sisa")


@pytest.mark.parametrize("family", ["classifier in shards", "text_classifier in shards"])
def test_the_result_is_that_of_retraining_without_a_memory(family: str, tasks: Mapping[str, Task], tmp_path: Path) -> None:
    task = tasks[family]
    forgetful = Trainer(task.context.training_data, tmp_path, task.context.device)
    retrained = make_method(MethodChoice("retrain")).unlearn(
        task.model, replace(task.context, train=forgetful.obtain), lambda _: None
    )
    unlearned = make_method(SISA).unlearn(task.model, task.context, lambda _: None)
    weights = retrained.network.state_dict()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in unlearned.network.state_dict().items())


def test_progress_counts_the_steps_that_are_taken(tasks: Mapping[str, Task], tmp_path: Path) -> None:
    context = tasks["classifier in shards"].context
    trainer = Trainer(context.training_data, tmp_path, context.device)
    trainer.obtain((), 1, lambda *_: None)
    [forgotten] = context.forget_ids[:1]
    alone = replace(context, forget_ids=(forgotten,), exclude_ids=(forgotten,), train=trainer.obtain)
    seen: list[Progress] = []
    make_method(SISA).unlearn(tasks["classifier in shards"].model, alone, seen.append)
    workload = unlearning_workload(context.training_data, (forgotten,))
    assert seen[-1].total == workload.needed
    assert workload.needed <= workload.from_scratch / 7 + 1


def test_one_deletion_costs_on_average_what_the_catalogue_expects(tasks: Mapping[str, Task]) -> None:
    training_data = tasks["classifier in shards"].context.training_data
    shares = []
    for identifier in training_data.ids[::5]:
        workload = unlearning_workload(training_data, (identifier,))
        shares.append(workload.needed / workload.from_scratch)
    facts = Facts(training_data.recipe, forget=1, retain=239, held_out=120)
    assert sum(shares) / len(shares) == pytest.approx(expected_cost("sisa", facts), rel=0.1)


def test_a_model_that_was_not_trained_in_shards_is_an_obstacle(tasks: Mapping[str, Task]) -> None:
    task = tasks["classifier"]
    with pytest.raises(ObstacleError, match="was not trained in shards"):
        make_method(SISA).unlearn(task.model, task.context, lambda _: None)


@pytest.fixture
def merged(leaf_spec: JobSpec, sharded_trainer: Trainer, tmp_path: Path) -> JobSpec:
    """A job about a model of merged shards."""
    recipe = replace(sharded_trainer.training_data.recipe, sharding=Sharding(shards=3, slices=2, aggregation="merge"))
    protocol = Protocol(replicate_seeds=(2, 3), oracle_seeds=(11, 12, 13, 14, 15, 16))
    return replace(leaf_spec, recipe=recipe, method=SISA, protocol=protocol, cache=str(tmp_path / "cache"))


def test_a_whole_job_gives_a_model_that_oracles_cannot_be_told_from(merged: JobSpec, tmp_path: Path) -> None:
    result = run(merged, tmp_path / "out", lambda _: None)
    assert result.evaluation is not None
    assert result.evaluation.permutation is not None
    assert result.evaluation.permutation.p_value > 0.05
    assert {e.position for e in result.evaluation.estimands if e.estimand.name == "retain_location"} == {"within"}


def test_training_reports_what_merging_costs(merged: JobSpec, tmp_path: Path) -> None:
    job = replace(merged, kind="train", method=None, protocol=None, forget_ids=())
    metrics = run(job, tmp_path / "out", lambda _: None).training_metrics
    accuracies = [metrics[f"held_out_accuracy_{way}"] for way in ("vote", "mean", "merge")]
    assert all(0.3 < accuracy <= 1 for accuracy in accuracies)  # guessing gives a sixth
