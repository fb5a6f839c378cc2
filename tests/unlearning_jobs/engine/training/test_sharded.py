"""Training in shards: what a deletion trains again, and that nothing of the deleted example is left."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch

from tests.unlearning_jobs.engine.conftest import with_recipe
from tests.unlearning_jobs.engine.training.workload import unlearning_workload
from unlearning_jobs.engine.contracts import ClassifierArchitecture, Recipe
from unlearning_jobs.engine.contracts.sharding import Sharding, place_examples, slice_epochs
from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.errors import SpecError, TrainingDivergedError
from unlearning_jobs.engine.families.aggregation import ShardEnsemble
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.ensemble import is_worthwhile
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.sharded import aggregation_accuracies, shard_networks
from unlearning_jobs.engine.training.train import train
from unlearning_jobs.engine.training.training_data import TrainingData
from unlearning_jobs.engine.training.vectorised import TrainingRun, can_be_vectorised

CPU = torch.device("cpu")
SHARDS, SLICES = 7, 3


@pytest.fixture
def fresh(sharded_trainer: Trainer, tmp_path: Path) -> Trainer:
    """With a cache of its own."""
    return replace(sharded_trainer, cache=tmp_path / "cache")


def obtain(trainer: Trainer, exclude: Collection[str] = (), seed: int = 1) -> tuple[TrainedModel, int]:
    """The model, and the steps that were really taken; 1 when there was nothing to train."""
    steps: list[tuple[int, int]] = []
    model = trainer.obtain(exclude, seed, lambda done, total, _loss: steps.append((done, total)))
    assert steps == sorted(steps)
    assert steps[-1][0] == steps[-1][1], "progress ends at its total"
    return model, steps[-1][0]


def scratch(training_data: TrainingData, exclude: Collection[str]) -> TrainedModel:
    return train(training_data, exclude, 1, device=CPU, on_step=lambda *_: None)


def same(a: TrainedModel, b: TrainedModel) -> bool:
    mine, other = a.network.state_dict(), b.network.state_dict()
    return mine.keys() == other.keys() and all(torch.equal(tensor, other[name]) for name, tensor in mine.items())


def ids_at(trainer: Trainer, shard: int, part: int) -> list[str]:
    """What lies in a slice."""
    training_data = trainer.training_data
    placement = place_examples(cast("Sharding", training_data.recipe.sharding), training_data.ids)
    return [training_data.ids[position] for position in placement[shard][part]]


def steps_from(trainer: Trainer, exclude: Collection[str], first: dict[int, int]) -> int:
    """Steps of the shards named, each from its first stage named."""
    recipe, total = trainer.training_data.recipe, 0
    for shard, stage in first.items():
        for last in range(stage, SLICES):
            left = [i for part in range(last + 1) for i in ids_at(trainer, shard, part) if i not in exclude]
            total += slice_epochs(recipe.epochs, SLICES)[last] * math.ceil(len(left) / recipe.batch_size)
    return total


REQUESTS = {
    "the first slice of one shard": [(0, 0, 1)],
    "the last example of a shard": [(3, 2, 1)],
    "a batch over three shards": [(1, 0, 2), (1, 2, 3), (4, 1, 2), (6, 2, 1)],
    "a whole slice": [(2, 1, 99)],
    "a whole first slice": [(5, 0, 99)],
}
"""Shard, slice, and how many of its last examples are deleted."""


def requested(trainer: Trainer, request: list[tuple[int, int, int]]) -> list[str]:
    return [i for shard, part, count in request for i in ids_at(trainer, shard, part)[-count:]]


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_deletion_gives_what_training_from_scratch_gives_and_trains_only_touched_stages(
    request_: list[tuple[int, int, int]], fresh: Trainer
) -> None:
    everything = dict.fromkeys(range(SHARDS), 0)
    assert obtain(fresh)[1] == steps_from(fresh, (), everything)
    slices_before = len(list(fresh.slices.iterdir()))

    forget = requested(fresh, request_)
    unlearned, steps = obtain(fresh, forget)
    first = {shard: min(part for s, part, _ in request_ if s == shard) for shard, _, _ in request_}
    assert steps == steps_from(fresh, forget, first)
    assert len(list(fresh.slices.iterdir())) - slices_before == sum(SLICES - stage for stage in first.values())
    workload = unlearning_workload(fresh.training_data, forget)
    assert (workload.needed, workload.from_scratch) == (steps, steps_from(fresh, forget, everything))
    assert same(unlearned, scratch(fresh.training_data, forget))


def test_requests_one_after_the_other_end_where_the_batch_ends(fresh: Trainer) -> None:
    forget = requested(fresh, REQUESTS["a batch over three shards"])
    for count in range(0, len(forget) + 1, 4):
        unlearned, _ = obtain(fresh, forget[:count])
    assert same(unlearned, scratch(fresh.training_data, forget))


def corpus(folder: Path, features: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> Snapshot:
    folder.mkdir()
    np.savez(folder / "corpus.npz", x=features, y=np.arange(len(features)) % 3, split=np.full(len(features), "train"))
    snapshot_create([folder / "corpus.npz"], folder / "snapshot")
    return Snapshot.open(folder / "snapshot")


def test_what_the_deleted_examples_were_makes_no_difference(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    features = rng.normal(size=(41, 5)).astype(np.float32)
    other = features.copy()
    other[[3, 8, 40]] = 100 * rng.normal(size=(3, 5))
    recipe = Recipe("classifier", ClassifierArchitecture("mlp", 8), 4, 4, 1e-2, sharding=Sharding(3, 2))
    forget, models, originals = ["e00000003", "e00000008", "e00000040"], [], []
    for name, values in (("original", features), ("other", other)):
        trainer = Trainer(TrainingData.prepare(recipe, corpus(tmp_path / name, values)), tmp_path / "cache", CPU)
        originals.append(obtain(trainer)[0])
        models.append(obtain(trainer, forget)[0])
    assert same(*models)
    assert not same(*originals)


def test_a_shard_with_nothing_left_has_no_network_and_the_others_are_as_they_were(fresh: Trainer) -> None:
    original, _ = obtain(fresh)
    forget = [i for part in range(SLICES) for i in ids_at(fresh, 2, part)]
    unlearned, steps = obtain(fresh, forget)
    assert steps == 1, "nothing has to be trained"
    assert isinstance(original.network, ShardEnsemble)
    assert isinstance(unlearned.network, ShardEnsemble)
    rest = [network for number, network in enumerate(original.network.shards) if number != 2]
    for mine, theirs in zip(unlearned.network.shards, rest, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(mine.parameters(), theirs.parameters(), strict=True))


def test_nothing_left_at_all_is_refused(fresh: Trainer) -> None:
    with pytest.raises(SpecError, match="nothing is left"):
        obtain(fresh, fresh.training_data.ids)


def test_another_seed_shares_no_slice(fresh: Trainer) -> None:
    _, steps = obtain(fresh)
    assert obtain(fresh, seed=2)[1] == steps


def test_all_shards_begin_at_the_same_weights_and_end_apart(fresh: Trainer) -> None:
    model, _ = obtain(fresh)
    assert isinstance(model.network, ShardEnsemble)
    ends = [torch.cat([p.flatten() for p in network.parameters()]) for network in model.network.shards]
    assert all(not torch.equal(ends[0], end) for end in ends[1:])
    begun = with_recipe(fresh, learning_rate=0.0)
    model, _ = obtain(begun)
    assert isinstance(model.network, ShardEnsemble)
    start = fresh.training_data.family.build(1).state_dict()
    for network in model.network.shards:
        assert all(torch.equal(tensor, start[name]) for name, tensor in network.state_dict().items())


def test_a_damaged_slice_is_trained_again(fresh: Trainer) -> None:
    before, _ = obtain(fresh)
    _, again = obtain(replace(fresh, cache=fresh.cache / "elsewhere"))
    for kept in fresh.slices.iterdir():
        content = bytearray(kept.read_bytes())
        content[-1] ^= 1  # one bit of one weight
        kept.write_bytes(content)
    model, steps = obtain(_without_models(fresh))
    assert steps == again
    assert same(model, before)


def _without_models(trainer: Trainer) -> Trainer:
    """The trainer with nothing but slices in its cache."""
    cache = trainer.cache.with_name("slices-only")
    cache.mkdir()
    trainer.slices.rename(cache / "slices")
    return replace(trainer, cache=cache)


def test_a_killed_training_goes_on_within_its_slice_to_the_same_weights(fresh: Trainer) -> None:
    trainer, reports = replace(with_recipe(fresh, epochs=12, sharding=Sharding(2, 2)), checkpoint_seconds=0.0), 0

    def die(_done: int, _total: int, _loss: float) -> None:
        nonlocal reports
        reports += 1
        if reports == 7:  # the first slice of the first shard takes 32 steps, and ten make a report
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer.obtain((), 1, die)
    assert list(trainer.cache.glob("*.checkpoint"))
    model, _ = obtain(trainer)
    assert same(model, scratch(trainer.training_data, ()))
    assert not list(trainer.cache.glob("*.checkpoint"))


def test_another_aggregation_takes_the_same_slices(fresh: Trainer) -> None:
    obtain(fresh)
    training_data = fresh.training_data
    for aggregation in ("vote", "merge"):
        sharding = replace(cast("Sharding", training_data.recipe.sharding), aggregation=aggregation)
        assert obtain(with_recipe(fresh, sharding=sharding))[1] == 1


def test_what_each_way_of_aggregation_costs_is_measured_on_the_same_shards(sharded_trainer: Trainer) -> None:
    training_data = sharded_trainer.training_data
    networks = shard_networks(training_data, (), 1, device=CPU, on_step=lambda *_: None, slices=sharded_trainer.slices)
    held_out = training_data.family.encode(training_data.snapshot.examples("held_out"))
    found = aggregation_accuracies(networks, training_data, held_out)
    batch = held_out.batch(range(len(held_out)), CPU)
    with torch.inference_mode():
        probabilities = torch.stack([network(batch.inputs).softmax(-1) for network in networks]).mean(0)
    assert found["mean"] == pytest.approx(float((probabilities.argmax(-1) == batch.labels).float().mean()))
    assert found.keys() == {"vote", "mean", "merge"}


def test_models_in_shards_are_not_stacked(sharded_trainer: Trainer, leaf_trainer: Trainer) -> None:
    assert can_be_vectorised(leaf_trainer.training_data)
    assert not can_be_vectorised(sharded_trainer.training_data)
    assert not is_worthwhile(sharded_trainer, [TrainingRun((), 1), TrainingRun((), 2)])


def test_a_diverging_shard_ends_the_training(fresh: Trainer) -> None:
    with pytest.raises(TrainingDivergedError, match="lower the learning rate"):
        obtain(with_recipe(fresh, learning_rate=1e30))


def test_more_slices_than_examples_are_refused(fresh: Trainer) -> None:
    with pytest.raises(SpecError, match="240 training examples cannot fill 121 shards of 2 slices"):
        obtain(with_recipe(fresh, sharding=Sharding(121, 2)))
