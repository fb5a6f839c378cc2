"""Adapters in shards on one checkpoint: which of them a deletion trains again, and how they answer together."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor

from tests.unlearning_jobs.engine.conftest import with_sharding
from tests.unlearning_jobs.engine.families.foreign_adapters import frozen
from tests.unlearning_jobs.engine.methods.conftest import FORGET, Task, task
from tests.unlearning_jobs.engine.methods.test_conformance import quick
from tests.unlearning_jobs.engine.training.workload import unlearning_workload
from unlearning_jobs.engine.artefacts import checkpoint_digest
from unlearning_jobs.engine.catalogue import METHODS, obstacles
from unlearning_jobs.engine.catalogue.entry import Facts
from unlearning_jobs.engine.contracts import JobSpec, MethodChoice, ModelRef, Protocol, SnapshotRef
from unlearning_jobs.engine.contracts.sharding import Aggregation, Sharding, place_examples
from unlearning_jobs.engine.errors import ObstacleError, OutOfMemoryError, SpecError
from unlearning_jobs.engine.families.adapters import adapter_tensors
from unlearning_jobs.engine.families.aggregation import LanguageEnsemble
from unlearning_jobs.engine.families.weights import learned
from unlearning_jobs.engine.methods import make_method
from unlearning_jobs.engine.pipeline import run
from unlearning_jobs.engine.preparation import check_unlearning
from unlearning_jobs.engine.process import train_again
from unlearning_jobs.engine.running import RunningJob
from unlearning_jobs.engine.training import sharded
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel, read_model, save_model
from unlearning_jobs.engine.training.sharded import shard_networks
from unlearning_jobs.engine.training.train import train

CPU = torch.device("cpu")
SHARDS, SLICES = 3, 2


@pytest.fixture
def fresh(adapter_shards_trainer: Trainer, tmp_path: Path) -> Trainer:
    return replace(adapter_shards_trainer, cache=tmp_path / "cache")


def obtain(trainer: Trainer, exclude: Collection[str] = ()) -> tuple[TrainedModel, int]:
    steps: list[int] = []
    model = trainer.obtain(exclude, 1, lambda done, _total, _loss: steps.append(done))
    return model, steps[-1]


def ids_at(trainer: Trainer, shard: int, part: int) -> list[str]:
    data = trainer.training_data
    return [data.ids[i] for i in place_examples(cast("Sharding", data.recipe.sharding), data.ids)[shard][part]]


def adapters(model: TrainedModel) -> list[Mapping[str, Tensor]]:
    assert isinstance(model.network, LanguageEnsemble)
    return [dict(adapter_tensors(shard)) for shard in model.network.shards]


def equal(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(tensor, b[name]) for name, tensor in a.items())


def merging(trainer: Trainer) -> Trainer:
    return with_sharding(trainer, Sharding(SHARDS, SLICES, aggregation="merge"))


@pytest.mark.parametrize("part", [SLICES - 1, 0])
def test_a_deletion_trains_only_the_touched_adapter_and_gives_what_training_from_scratch_gives(
    part: int, fresh: Trainer
) -> None:
    original, _ = obtain(fresh)
    forget = ids_at(fresh, 1, part)[:1]
    unlearned, taken = obtain(fresh, forget)
    assert taken == unlearning_workload(fresh.training_data, forget).needed
    again = train(fresh.training_data, forget, 1, device=CPU, on_step=lambda *_: None)
    before, after, anew = adapters(original), adapters(unlearned), adapters(again)
    assert [equal(a, b) for a, b in zip(before, after, strict=True)] == [True, False, True], "the others are the same bytes"
    assert all(equal(a, b) for a, b in zip(after, anew, strict=True))


def test_the_checkpoint_is_held_once_and_stays_as_it_was(fresh: Trainer) -> None:
    family = fresh.training_data.family
    assert family.base is not None
    digest, untouched = checkpoint_digest(family.base), frozen(family.build(1))
    model, _ = obtain(fresh, ids_at(fresh, 0, 0)[:1])
    assert isinstance(model.network, LanguageEnsemble)
    first = {id(p) for p in model.network.shards[0].parameters() if not p.requires_grad}
    for shard in model.network.shards:
        assert {id(p) for p in shard.parameters() if not p.requires_grad} == first, "all share the same tensors"
        left = frozen(shard)
        assert all(torch.equal(tensor, left[name]) for name, tensor in untouched.items())
    copied = model.copy_to(CPU)
    assert {id(p) for p in copied.network.parameters() if not p.requires_grad} == first
    assert checkpoint_digest(family.base) == digest


def test_a_shard_whose_examples_are_all_forgotten_has_no_adapter(fresh: Trainer, tmp_path: Path) -> None:
    original, _ = obtain(fresh)
    forget = [i for part in range(SLICES) for i in ids_at(fresh, 0, part)]
    unlearned, _ = obtain(fresh, forget)
    assert all(equal(a, b) for a, b in zip(adapters(original)[1:], adapters(unlearned), strict=True))
    merged, _ = obtain(merging(fresh), forget)
    save_model(merged, tmp_path / "model", {})
    assert equal(
        adapter_tensors(read_model(tmp_path / "model", fresh.training_data.family.base).network),
        adapter_tensors(merged.network),
    )


def test_two_deletions_in_a_row_end_where_both_at_once_end(fresh: Trainer) -> None:
    obtain(fresh)
    one, other = ids_at(fresh, 0, 1)[:1], ids_at(fresh, 2, 0)[:1]
    obtain(fresh, one)
    unlearned, _ = obtain(fresh, (*one, *other))
    again = train(fresh.training_data, (*one, *other), 1, device=CPU, on_step=lambda *_: None)
    assert all(equal(a, b) for a, b in zip(adapters(unlearned), adapters(again), strict=True))


EMPIRICAL = [name for name, entry in METHODS.items() if entry.guarantee == "empirical" and "finetuned_lm" in entry.families]


@pytest.mark.parametrize("aggregation", ["mean", "merge"])
@pytest.mark.parametrize("name", ["npo", "partial_reset", "task_vector", "distil_noised", "rmu"])
def test_empirical_methods_change_the_adapters_alone_or_say_why_they_cannot(
    name: str, aggregation: Aggregation, adapter_shards_trainer: Trainer
) -> None:
    assert name in EMPIRICAL
    trainer = with_sharding(adapter_shards_trainer, Sharding(SHARDS, SLICES, aggregation=aggregation))
    model, _ = obtain(trainer)
    context = task(trainer, model, FORGET).context
    stops = obstacles(name, Facts(trainer.training_data.recipe, 2, 10, 6))
    if stops:
        assert (name, aggregation) == ("rmu", "mean")
        assert "no layers in common" in stops[0]
        return
    base = frozen(model.network)
    result = quick(name).unlearn(model, context, lambda _: None)
    left = frozen(result.network)
    assert all(torch.equal(tensor, left[key]) for key, tensor in base.items())
    assert any(not torch.equal(a, b) for a, b in zip(learned(model.network), learned(result.network), strict=True))


def test_pairs_and_imports_are_refused_before_anything_runs(adapter_shards_trainer: Trainer, tmp_path: Path) -> None:
    spec = job_of(adapter_shards_trainer, tmp_path)
    snapshot = adapter_shards_trainer.training_data.snapshot
    paired = Protocol(tuple(range(2, 9)), (11, 12, 13, 14), design="paired")
    with pytest.raises(SpecError, match="cannot be paired"):
        check_unlearning(replace(spec, method=MethodChoice("npo"), protocol=paired), snapshot)
    attacked = Protocol(tuple(range(2, 9)), tuple(range(11, 19)), relearning=2)
    with pytest.raises(SpecError, match="leave the attack by relearning out"):
        check_unlearning(replace(spec, method=MethodChoice("npo"), protocol=attacked), snapshot)
    artefact = ModelRef(str(tmp_path), hashlib.sha256(b"").hexdigest())
    with pytest.raises(SpecError, match="trained here alone; leave sharding out"):
        replace(spec, kind="import", artefact=artefact, assurance="declared", method=None, protocol=None)


def test_a_batch_of_all_shards_is_in_the_estimate_of_memory(
    adapter_shards_trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = adapter_shards_trainer.training_data
    size = data.footprint
    three = size.times(SHARDS)
    assert (three.frozen, three.activations) == (size.frozen, SHARDS * size.activations)
    assert three.parameters - three.frozen == SHARDS * (size.parameters - size.frozen)
    asked: list[int] = []

    def refuse(*_: object, copies: int) -> None:
        asked.append(copies)
        message = "too little"
        raise OutOfMemoryError(message)

    monkeypatch.setattr(sharded, "check_memory", refuse)
    with pytest.raises(OutOfMemoryError):
        shard_networks(data, (), 1, device=CPU, on_step=lambda *_: None)
    assert asked == [4 + SHARDS]


def test_a_model_without_shards_is_an_obstacle(tuned_task: Task) -> None:
    with pytest.raises(ObstacleError, match="not made of adapters"):
        make_method(MethodChoice("adapter_shards")).unlearn(tuned_task.model, tuned_task.context, lambda _: None)


def job_of(trainer: Trainer, folder: Path) -> JobSpec:
    data = trainer.training_data
    return JobSpec(
        kind="unlearn",
        reference="example",
        snapshot=SnapshotRef(str(data.snapshot.folder), data.snapshot.info.digest),
        recipe=data.recipe,
        seed=1,
        cache=str(folder / "cache"),
        forget_ids=tuple(ids_at(trainer, 1, 1)[:1]),
        method=MethodChoice("adapter_shards"),
        protocol=Protocol(replicate_seeds=(), oracle_seeds=(11, 12, 13, 14), metrics=()),
        base=str(data.family.base),
    )


def test_a_merged_model_is_what_training_from_nothing_gives(adapter_shards_trainer: Trainer, tmp_path: Path) -> None:
    trainer = merging(replace(adapter_shards_trainer, cache=tmp_path / "cache"))
    job = RunningJob(job_of(trainer, tmp_path), tmp_path, lambda _: None, trainer)
    unlearned = job.unlearn_production(job.original(1, lambda _: None), lambda _: None)
    again, _ = train_again(job, unlearned, lambda _: None)
    assert again is not None
    assert again.repeated


def test_a_whole_job_repeats_bit_by_bit_and_says_what_of_the_checkpoint_it_does_not_show(
    adapter_shards_trainer: Trainer, tmp_path: Path
) -> None:
    spec = job_of(adapter_shards_trainer, tmp_path)
    trained = run(replace(spec, kind="train", method=None, protocol=None, forget_ids=()), tmp_path / "first", lambda _: None)
    ways = {name for name in trained.training_metrics if name.startswith("held_out_accuracy")}
    assert ways == {"held_out_accuracy_mean", "held_out_accuracy_merge"}
    named = replace(spec, model=ModelRef(str(tmp_path / "first" / "model"), trained.model_digest))
    result = run(named, tmp_path / "out", lambda _: None)
    assert result.second_training is not None
    assert result.second_training.repeated
    assert result.second_training.weights == result.files["model/model.safetensors"]
    assert result.evaluation is not None
    assert all(check.held for check in result.evaluation.process)
    assert any("nothing here shows that it did not know the examples" in limit for limit in result.evaluation.limits)
