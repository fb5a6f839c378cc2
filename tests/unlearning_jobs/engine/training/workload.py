"""Counts what unlearning from shards has to train, from the stages alone, so that tests can compare it with what ran."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from unlearning_jobs.engine.training.sharded import shard_stages
from unlearning_jobs.engine.training.training_data import TrainingData


@dataclass(frozen=True)
class Workload:
    """Optimiser steps that unlearning takes, and those of training from scratch without the same examples."""

    needed: int
    from_scratch: int


def unlearning_workload(training_data: TrainingData, forget_ids: Collection[str]) -> Workload:
    """Count the steps that forgetting costs a model that was trained on everything and whose slices were kept."""
    kept = {stage.key for stages in shard_stages(training_data, (), 0) for stage in stages}
    stages = [stage for shard in shard_stages(training_data, forget_ids, 0) for stage in shard]
    return Workload(sum(s.steps for s in stages if s.key not in kept), sum(s.steps for s in stages))
