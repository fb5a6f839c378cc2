"""Training by a recipe with shards (SISA, see `contracts.sharding`): one network per shard, slice after slice.

A recipe with one shard has one network, which learns stage by stage. Adapters share their checkpoint, and of each shard
only the adapter is kept.

Every stage starts from the weights that the stage before left, with a fresh optimiser and learning-rate schedule. It then
depends only on those weights and on its own examples, so the weights are all that has to be kept. All shards of a model
start from the same weights, so that they can be merged.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from compliance.formats.canonical import canonical_json
from unlearning_jobs.engine.contracts.sharding import Aggregation, Sharding, place_examples, slice_epochs
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.families import Dataset
from unlearning_jobs.engine.families.weights import copied, learned_state, restore

from .checkpoint import TrainingCheckpoint
from .device import COPIES_IN_TRAINING, check_memory
from .loop import StepCallback, train_epochs
from .model import TrainedModel, to_device
from .scoring import score
from .slices import SliceCache
from .training_data import TrainingData


@dataclass(frozen=True)
class Stage:
    """What a shard's network learns at once: the remaining examples of slices 1 to r."""

    positions: tuple[int, ...]
    """Positions among all training examples, in rising order."""
    epochs: int
    first_epoch: int
    """Number of its first epoch, counted over all shards, so that every epoch has an order of its own."""
    steps: int
    key: str
    """Digest of everything that shapes the network up to the end of this stage."""


def train_sharded(
    training_data: TrainingData,
    exclude_ids: Collection[str],
    seed: int,
    *,
    device: torch.device,
    on_step: StepCallback,
    slices: Path | None = None,
    checkpoint: TrainingCheckpoint | None = None,
) -> TrainedModel:
    """Train as `train` does, by a recipe with shards. Only the steps that have to be taken now are counted.

    Args:
        training_data: the recipe and the corpus.
        exclude_ids: training examples to leave out.
        seed: decides the initial weights and the order of the examples.
        device: where to train.
        on_step: called as by `train`; once, with 1 of 1, if every slice is in the cache.
        slices: folder with the networks after each slice. What is there is not trained again.
        checkpoint: an unfinished slice is kept beside this file.

    Raises:
        as `train`; SpecError also if there are too few examples or epochs for the sharding.
    """
    networks = shard_networks(
        training_data, exclude_ids, seed, device=device, on_step=on_step, slices=slices, checkpoint=checkpoint
    )
    sharding = _sharding(training_data)
    if sharding.shards == 1:
        return TrainedModel(networks[0], training_data.family)
    return _joined(networks, training_data, sharding.aggregation)


def _joined(networks: Sequence[nn.Module], training_data: TrainingData, aggregation: Aggregation) -> TrainedModel:
    """Return the model that the shards' networks make together."""
    family, network = training_data.family.joined(networks, aggregation)
    return TrainedModel(network, family)


def shard_networks(
    training_data: TrainingData,
    exclude_ids: Collection[str],
    seed: int,
    *,
    device: torch.device,
    on_step: StepCallback,
    slices: Path | None = None,
    checkpoint: TrainingCheckpoint | None = None,
) -> list[nn.Module]:
    """Train the shards' networks, before they become one model; arguments and errors as for `train_sharded`.

    A shard without any example left has no network. All of them share what is frozen.
    """
    check_memory(training_data.footprint, device, copies=COPIES_IN_TRAINING + _sharding(training_data).shards)
    cache, networks = SliceCache(slices), []

    # 1. See which stages are in the cache.
    plans = [_plan(cache, stages) for stages in shard_stages(training_data, exclude_ids, seed)]
    total = sum(stage.steps for plan in plans for stage in plan.missing)
    if not total:
        on_step(1, 1, math.nan)

    # 2. Train the others, shard by shard.
    taken, start = 0, to_device(training_data.family.build(seed), device).train()
    for number, plan in enumerate(plans, start=1):
        network = copied(start) if number < len(plans) else start
        if plan.weights is not None:
            restore(network, plan.weights)
        for stage in plan.missing:

            def report(done: int, _steps: int, loss: float, before: int = taken) -> None:
                on_step(before + done, total, loss)

            _train_stage(network, stage, training_data, seed, device=device, on_step=report, checkpoint=checkpoint)
            cache.write(stage.key, learned_state(network))
            _discard(_stage_checkpoint(checkpoint, stage))
            taken += stage.steps
        networks.append(network.eval())
    return networks


def _train_stage(
    network: nn.Module,
    stage: Stage,
    training_data: TrainingData,
    seed: int,
    *,
    device: torch.device,
    on_step: StepCallback,
    checkpoint: TrainingCheckpoint | None,
) -> None:
    """Train the network on the stage's examples, in place; nothing happens if it has none."""
    if stage.steps:
        train_epochs(
            network,
            training_data.data.subset(stage.positions),
            training_data.family,
            training_data.recipe,
            epochs=stage.epochs,
            first_epoch=stage.first_epoch,
            seed=seed,
            device=device,
            on_step=on_step,
            checkpoint=_stage_checkpoint(checkpoint, stage),
        )


def _stage_checkpoint(checkpoint: TrainingCheckpoint | None, stage: Stage) -> TrainingCheckpoint:
    """Return the checkpoint of one stage: a file beside that of the whole training, named by the stage's key."""
    if checkpoint is None or checkpoint.path is None:
        return TrainingCheckpoint(None)
    return replace(checkpoint, path=checkpoint.path.with_suffix(f".{stage.key}.checkpoint"))


def _discard(checkpoint: TrainingCheckpoint) -> None:
    if checkpoint.path:
        checkpoint.path.unlink(missing_ok=True)


def shard_stages(training_data: TrainingData, exclude_ids: Collection[str], seed: int) -> list[list[Stage]]:
    """Return the stages of every shard that has an example left.

    Raises:
        SpecError: nothing is left to train on, or there are too few examples or epochs for the sharding.
    """
    sharding, recipe = _sharding(training_data), training_data.recipe
    remaining = set(training_data.positions(exclude_ids))
    epochs, shards = slice_epochs(recipe.epochs, sharding.slices), []
    for number, shard in enumerate(place_examples(sharding, training_data.ids)):
        stages: list[Stage] = []
        positions: list[int] = []
        digests: list[str] = []
        first_epoch = number * sum(epochs)
        for part, stage_epochs in zip(shard, epochs, strict=True):
            added = remaining.intersection(part)
            positions = sorted([*positions, *added])
            digests.append(training_data.snapshot.manifest_digest(training_data.ids[position] for position in added))
            key = _key(training_data, seed, number, digests)
            steps = stage_epochs * math.ceil(len(positions) / recipe.batch_size)
            stages.append(Stage(tuple(positions), stage_epochs, first_epoch, steps, key))
            first_epoch += stage_epochs
        if positions:
            shards.append(stages)
    return shards


def aggregation_accuracies(
    networks: Sequence[nn.Module], training_data: TrainingData, data: Dataset
) -> dict[Aggregation, float]:
    """Return the accuracy of the same shards in each way in which the family's answer together: what each way costs."""
    accuracies: dict[Aggregation, float] = {}
    for aggregation in training_data.family.description.aggregations:
        accuracies[aggregation] = accuracy(_joined(networks, training_data, aggregation), data)
    return accuracies


def accuracy(model: TrainedModel, data: Dataset) -> float:
    """Return the share of right answers, averaged over the examples; of texts, of right tokens."""
    scores = score(model, data)
    return sum(float(s.correct.float().mean()) for s in scores) / len(scores)


@dataclass(frozen=True)
class _Plan:
    """The stages of one shard, of which the first `cached` are in the cache, and the weights after the last of those."""

    stages: Sequence[Stage]
    cached: int
    weights: dict[str, Tensor] | None

    @property
    def missing(self) -> Sequence[Stage]:
        """The stages that have to be trained."""
        return self.stages[self.cached :]


def _plan(cache: SliceCache, stages: Sequence[Stage]) -> _Plan:
    """Find the latest stage in the cache."""
    for cached in range(len(stages), 0, -1):
        weights = cache.read(stages[cached - 1].key)
        if weights is not None:
            return _Plan(stages, cached, weights)
    return _Plan(stages, 0, None)


def _key(training_data: TrainingData, seed: int, shard: int, digests: Sequence[str]) -> str:
    """Return the key of a stage; `digests` are those of the examples that remain of each of its slices, and of no others.

    How the shards answer together does not shape the networks, so the aggregation is left out of the key.
    """
    recipe = training_data.recipe.to_json()
    recipe["sharding"] = {name: value for name, value in recipe["sharding"].items() if name != "aggregation"}
    about = {
        "recipe": recipe,
        "snapshot": training_data.snapshot.info.digest,
        "seed": seed,
        "shard": shard,
        "slices": list(digests),
    }
    return hashlib.sha256(canonical_json(about)).hexdigest()


def _sharding(training_data: TrainingData) -> Sharding:
    if training_data.recipe.sharding is None:
        message = "The recipe has no sharding."
        raise SpecError(message)
    return training_data.recipe.sharding
