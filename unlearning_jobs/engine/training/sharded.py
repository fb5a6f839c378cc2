"""Training by a recipe with shards (SISA, see `engine.sharding`): one network per shard, slice after slice.

Every stage begins where the one before ended, with a fresh optimiser and learning-rate schedule: a stage then depends on the
earlier weights and its own examples alone, and the weights are all that has to be kept. All shards of a model begin at the
same weights, so that they can be merged.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

import torch
from torch import Tensor, nn

from compliance.formats.canonical import canonical_json
from unlearning_jobs.engine.contracts.sharding import Aggregation, Sharding, place_examples, slice_epochs
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.families import Dataset

from .aggregation import aggregate
from .device import COPIES_IN_TRAINING, check_memory
from .loop import CHECKPOINT_SECONDS, StepCallback, training_loop
from .model import TrainedModel, place
from .scoring import score
from .slices import SliceCache
from .training_data import TrainingData


@dataclass(frozen=True)
class Stage:
    """What a shard's network learns at once: what is left of slices 1 to r."""

    positions: tuple[int, ...]
    """Among all training examples, rising."""
    epochs: int
    first_epoch: int
    """Number of its first epoch among those of all shards, so that every epoch has an order of its own."""
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
    checkpoint: Path | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> TrainedModel:
    """What `train` does for a recipe with shards. Steps are counted of what has to be trained now.

    Args:
        training_data: the recipe and the corpus.
        exclude_ids: examples not to be trained on.
        seed: decides the weights at the start and the order of the examples.
        device: where to train.
        on_step: called as by `train`; once, with 1 of 1, when every slice was there.
        slices: folder of the networks after each slice, which are trained once.
        checkpoint: beginning of the name of the files that an unfinished slice is kept in.
        checkpoint_seconds: how often that is written.

    Raises:
        as `train`; SpecError also when the examples or epochs are too few for the sharding.
    """
    networks = shard_networks(
        training_data,
        exclude_ids,
        seed,
        device=device,
        on_step=on_step,
        slices=slices,
        checkpoint=checkpoint,
        checkpoint_seconds=checkpoint_seconds,
    )
    return TrainedModel(aggregate(networks, _sharding(training_data).aggregation), training_data.family)


def shard_networks(
    training_data: TrainingData,
    exclude_ids: Collection[str],
    seed: int,
    *,
    device: torch.device,
    on_step: StepCallback,
    slices: Path | None = None,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> list[nn.Module]:
    """The shards' networks before they are made one; arguments and errors as for `train_sharded`.

    A shard that has no example left has no network.
    """
    check_memory(training_data.footprint, device, copies=COPIES_IN_TRAINING + _sharding(training_data).shards)
    cache, networks = SliceCache(slices), []
    plan = [(stages, *_kept(cache, stages)) for stages in shard_stages(training_data, exclude_ids, seed)]
    total, taken = sum(stage.steps for stages, kept, _ in plan for stage in stages[kept:]), 0
    if not total:
        on_step(1, 1, math.nan)
    for stages, kept, weights in plan:
        network = place(training_data.family.build(seed), device).train()
        if weights is not None:
            network.load_state_dict(weights)
        for stage in stages[kept:]:
            unfinished = checkpoint.with_suffix(f".{stage.key}.checkpoint") if checkpoint else None

            def report(done: int, _steps: int, loss: float, before: int = taken) -> None:
                on_step(before + done, total, loss)

            if stage.steps:
                training_loop(
                    network,
                    training_data.data.subset(stage.positions),
                    training_data,
                    epochs=stage.epochs,
                    first_epoch=stage.first_epoch,
                    seed=seed,
                    device=device,
                    on_step=report,
                    checkpoint=unfinished,
                    checkpoint_seconds=checkpoint_seconds,
                )
            cache.write(stage.key, training_data.family.weights(network))
            if unfinished:
                unfinished.unlink(missing_ok=True)
            taken += stage.steps
        networks.append(network.eval())
    return networks


def shard_stages(training_data: TrainingData, exclude_ids: Collection[str], seed: int) -> list[list[Stage]]:
    """The stages of every shard that has an example left.

    Raises:
        SpecError: nothing is left to train on, or the examples or epochs are too few for the sharding.
    """
    left, sharding, recipe = set(training_data.positions(exclude_ids)), _sharding(training_data), training_data.recipe
    epochs, shards = slice_epochs(recipe.epochs, sharding.slices), []
    for number, shard in enumerate(place_examples(sharding, training_data.ids)):
        stages: list[Stage] = []
        seen: list[int] = []
        digests: list[str] = []
        first = number * sum(epochs)
        for part, passes in zip(shard, epochs, strict=True):
            own = left.intersection(part)
            seen = sorted([*seen, *own])
            digests.append(training_data.snapshot.manifest_digest(training_data.ids[position] for position in own))
            key = _key(training_data, seed, number, digests)
            steps = passes * math.ceil(len(seen) / recipe.batch_size)
            stages.append(Stage(tuple(seen), passes, first, steps, key))
            first += passes
        if seen:
            shards.append(stages)
    return shards


def aggregation_accuracies(
    networks: Sequence[nn.Module], training_data: TrainingData, data: Dataset
) -> dict[Aggregation, float]:
    """Share of right answers of the same shards when they vote, are averaged, and are merged: what each way costs."""
    accuracies: dict[Aggregation, float] = {}
    for aggregation in cast("tuple[Aggregation, ...]", get_args(Aggregation)):
        scores = score(TrainedModel(aggregate(networks, aggregation), training_data.family), data)
        accuracies[aggregation] = sum(float(s.correct.float().mean()) for s in scores) / len(scores)
    return accuracies


def _kept(cache: SliceCache, stages: Sequence[Stage]) -> tuple[int, dict[str, Tensor] | None]:
    """How many stages need not be trained, and the network's weights after them."""
    for kept in range(len(stages), 0, -1):
        weights = cache.read(stages[kept - 1].key)
        if weights is not None:
            return kept, weights
    return 0, None


def _key(training_data: TrainingData, seed: int, shard: int, digests: Sequence[str]) -> str:
    """The digests are of what is left of each slice so far: of all of it, and of nothing else.

    How the shards answer together has no part in it.
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
