"""Language models in stages: a deletion replays the training from before the example, and nothing else of it is left."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from compliance.formats.processes import process_checks
from tests.unlearning_jobs.engine.conftest import with_sharding
from tests.unlearning_jobs.engine.families.foreign_adapters import adapted, frozen
from unlearning_jobs.engine.contracts import JobSpec, MethodChoice, Protocol, SnapshotRef
from unlearning_jobs.engine.contracts.placement import touched_share
from unlearning_jobs.engine.contracts.sharding import Sharding, place_examples, slice_epochs
from unlearning_jobs.engine.errors import ObstacleError, SpecError
from unlearning_jobs.engine.methods import Context, make_method
from unlearning_jobs.engine.process import train_again
from unlearning_jobs.engine.running import RunningJob
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel, saved_weights
from unlearning_jobs.engine.training.train import train

CPU = torch.device("cpu")
SLICES = 3
STAGES = Sharding(shards=1, slices=SLICES)
KINDS = ("from scratch", "a whole checkpoint", "an adapter")


@pytest.fixture(params=KINDS)
def fresh(request: pytest.FixtureRequest, staged_trainer: Trainer, tuned_trainer: Trainer, tmp_path: Path) -> Trainer:
    """A trainer of models in stages, of each kind, with a cache of its own."""
    if request.param == "from scratch":
        return replace(staged_trainer, cache=tmp_path)
    data = tuned_trainer.training_data
    assert data.family.base is not None
    if request.param == "an adapter":
        data = adapted(data.family.base, data.snapshot)
    return with_sharding(replace(tuned_trainer, training_data=data, cache=tmp_path), STAGES)


def obtain(trainer: Trainer, exclude: Collection[str] = ()) -> tuple[TrainedModel, int]:
    """The model, and the steps that were really taken; 1 when there was nothing to train."""
    steps: list[int] = []
    model = trainer.obtain(exclude, 1, lambda done, _total, _loss: steps.append(done))
    return model, steps[-1]


def scratch(trainer: Trainer, exclude: Collection[str]) -> TrainedModel:
    return train(trainer.training_data, exclude, 1, device=CPU, on_step=lambda *_: None)


def same(a: TrainedModel, b: TrainedModel) -> bool:
    mine, other = saved_weights(a), saved_weights(b)
    return mine.keys() == other.keys() and all(torch.equal(tensor, other[name]) for name, tensor in mine.items())


def ids_at(trainer: Trainer, part: int) -> list[str]:
    data = trainer.training_data
    assert data.recipe.sharding is not None
    [shard] = place_examples(data.recipe.sharding, data.ids)
    return [data.ids[position] for position in shard[part]]


def steps_from(trainer: Trainer, exclude: Collection[str], first: int) -> int:
    """Steps of the stages from this one on, without the examples."""
    recipe, total = trainer.training_data.recipe, 0
    for last in range(first, SLICES):
        left = [i for part in range(last + 1) for i in ids_at(trainer, part) if i not in exclude]
        total += slice_epochs(recipe.epochs, SLICES)[last] * math.ceil(len(left) / recipe.batch_size)
    return total


def test_a_deletion_gives_what_training_from_scratch_gives_and_takes_the_steps_of_the_stages_that_saw_it(
    fresh: Trainer,
) -> None:
    original, taken = obtain(fresh)
    assert taken == steps_from(fresh, (), 0)
    assert same(original, scratch(fresh, ()))
    for part in (SLICES - 1, 0):
        forget = ids_at(fresh, part)[-1:]
        unlearned, taken = obtain(fresh, forget)
        assert taken == steps_from(fresh, forget, part), "the last slice costs one stage, the first all"
        assert same(unlearned, scratch(fresh, forget))
        assert not same(unlearned, original)


def test_two_deletions_in_a_row_end_where_both_at_once_end(fresh: Trainer) -> None:
    obtain(fresh)
    late, early = ids_at(fresh, 2)[:1], ids_at(fresh, 1)[:1]
    obtain(fresh, late)
    unlearned, taken = obtain(fresh, (*late, *early))
    assert taken == steps_from(fresh, (*late, *early), 1)
    assert same(unlearned, scratch(fresh, (*late, *early)))


def test_a_training_that_was_killed_between_stages_goes_on_to_the_same_weights(fresh: Trainer) -> None:
    first, seen = steps_from(fresh, (), 0) - steps_from(fresh, (), 1), 0

    def die(done: int, _total: int, _loss: float) -> None:
        nonlocal seen
        seen = done
        if done > first:  # a stage has ended, and the next one has begun
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fresh.obtain((), 1, die)
    assert len(list(fresh.slices.iterdir())) == 1 or seen > first
    model, taken = obtain(fresh)
    assert taken <= steps_from(fresh, (), 1)
    assert same(model, scratch(fresh, ()))


def test_the_checkpoint_below_an_adapter_is_no_part_of_a_stage_and_stays_as_it_was(
    tuned_trainer: Trainer, tmp_path: Path
) -> None:
    data = tuned_trainer.training_data
    assert data.family.base is not None
    adapter = replace(tuned_trainer, training_data=adapted(data.family.base, data.snapshot), cache=tmp_path)
    trainer = with_sharding(adapter, STAGES)
    untouched = frozen(trainer.training_data.family.build(1))
    unlearned, _ = obtain(trainer, ids_at(trainer, 1)[:1])
    after = frozen(unlearned.network)
    assert after.keys() == untouched.keys()
    assert all(torch.equal(tensor, after[name]) for name, tensor in untouched.items())
    learned = sum(p.numel() for p in unlearned.network.parameters() if p.requires_grad)
    for kept in trainer.slices.iterdir():
        assert kept.stat().st_size < 4 * learned + 10_000


def lying(trainer: Trainer, other: Trainer, how: str) -> None:
    """Replace what is kept of the stages by something else."""
    kept = sorted(trainer.slices.iterdir())
    if how == "swapped":
        contents = [file.read_bytes() for file in kept]
        for file, content in zip(kept, contents[1:] + contents[:1], strict=True):
            file.write_bytes(content)
    if how == "truncated":
        for file in kept:
            file.write_bytes(file.read_bytes()[:-8])
    if how == "empty":
        for file in kept:
            file.write_bytes(b"")
    if how == "of another recipe":
        obtain(other)
        for file, foreign in zip(kept, sorted(set(other.slices.iterdir()) - set(kept)), strict=True):
            file.write_bytes(foreign.read_bytes())


@pytest.mark.parametrize("how", ["swapped", "truncated", "empty", "of another recipe"])
def test_stages_that_are_not_what_their_name_says_are_trained_again(
    how: str, staged_trainer: Trainer, tmp_path: Path
) -> None:
    trainer = replace(staged_trainer, cache=tmp_path / "own")
    recipe = replace(trainer.training_data.recipe, learning_rate=1e-3)
    other = replace(trainer, training_data=replace(trainer.training_data, recipe=recipe), cache=tmp_path / "other")
    obtain(trainer)
    forget = ids_at(trainer, 2)[:1]
    lying(trainer, other, how)
    unlearned, taken = obtain(trainer, forget)
    assert taken == steps_from(trainer, forget, 0)
    assert same(unlearned, scratch(trainer, forget))


def test_everything_cannot_be_forgotten(staged_trainer: Trainer, tmp_path: Path) -> None:
    trainer = replace(staged_trainer, cache=tmp_path)
    with pytest.raises(SpecError, match="nothing is left to train on"):
        obtain(trainer, trainer.training_data.ids)


def test_a_first_slice_may_be_forgotten_as_a_whole(staged_trainer: Trainer, tmp_path: Path) -> None:
    trainer = replace(staged_trainer, cache=tmp_path)
    forget = ids_at(trainer, 0)
    assert same(obtain(trainer, forget)[0], scratch(trainer, forget))


def test_rates_put_likely_deletions_into_the_last_stage(staged_trainer: Trainer, tmp_path: Path) -> None:
    data = staged_trainer.training_data
    likely = data.ids[0]
    placed = replace(STAGES, placement="by_expected_deletion", deletion_rates={likely: 0.3})
    trainer = with_sharding(replace(staged_trainer, cache=tmp_path), placed)
    assert likely in ids_at(trainer, SLICES - 1)
    obtain(trainer)
    unlearned, taken = obtain(trainer, (likely,))
    assert taken == steps_from(trainer, (likely,), SLICES - 1)
    assert same(unlearned, scratch(trainer, (likely,)))
    known = touched_share(placed, trainer.training_data.recipe.epochs, data.ids, (likely,))
    everything = steps_from(trainer, (likely,), 0)
    assert known == pytest.approx(taken / everything, abs=0.1)


def test_a_model_without_stages_is_an_obstacle(model: TrainedModel, context: Context) -> None:
    with pytest.raises(ObstacleError, match="was not trained in stages"):
        make_method(MethodChoice("replay")).unlearn(model, context, lambda _: None)


def job_of(trainer: Trainer, folder: Path) -> JobSpec:
    data = trainer.training_data
    return JobSpec(
        kind="unlearn",
        reference="example",
        snapshot=SnapshotRef(str(data.snapshot.folder), data.snapshot.info.digest),
        recipe=data.recipe,
        seed=1,
        cache=str(folder / "cache"),
        forget_ids=tuple(ids_at(trainer, SLICES - 1)[:1]),
        method=MethodChoice("replay"),
        protocol=Protocol(replicate_seeds=(), oracle_seeds=(11, 12, 13, 14), metrics=()),
    )


def test_what_was_replayed_is_what_training_from_nothing_gives(staged_trainer: Trainer, tmp_path: Path) -> None:
    spec = job_of(staged_trainer, tmp_path)
    job = RunningJob(spec, tmp_path, lambda _: None, replace(staged_trainer, cache=Path(spec.cache)))
    unlearned = job.unlearn_production(job.original(spec.seed, lambda _: None), lambda _: None)
    again, shipped = train_again(job, unlearned, lambda _: None)
    assert again is not None
    assert again.repeated
    assert again.given == 0
    assert same(shipped, unlearned)
    assert all(check.held for check in process_checks("exact", None, again))


def test_a_model_that_saw_the_example_and_is_passed_off_as_replayed_is_not_shipped(
    staged_trainer: Trainer, tmp_path: Path
) -> None:
    spec = job_of(staged_trainer, tmp_path)
    job = RunningJob(spec, tmp_path, lambda _: None, replace(staged_trainer, cache=Path(spec.cache)))
    lie = job.original(spec.seed, lambda _: None)
    again, shipped = train_again(job, lie, lambda _: None)
    assert again is not None
    assert not again.repeated
    assert not same(shipped, lie)
    assert same(shipped, scratch(staged_trainer, spec.forget_ids))
    absent, executed = process_checks("exact", None, again)
    assert absent.held
    assert "which are not shipped" in executed.sentence
    assert process_checks("exact", None, replace(again, given=1))[0].held is False
