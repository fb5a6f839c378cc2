"""Paired training: the model that another one would have been without some examples."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unlearning_jobs.engine.conftest import with_recipe
from unlearning_jobs.engine.errors import ObstacleError, SpecError
from unlearning_jobs.engine.families.arrays import Arrays
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.ensemble import train_ensemble
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.schedule import epoch_order
from unlearning_jobs.engine.training.train import train
from unlearning_jobs.engine.training.training_data import TrainingData
from unlearning_jobs.engine.training.vectorised import TrainingRun, train_vectorised

CPU = torch.device("cpu")
SEED = 5


def quiet(*_: object) -> None:
    """Take no notice."""


def same(a: TrainedModel, b: TrainedModel) -> bool:
    other = b.network.state_dict()
    return all(torch.equal(tensor, other[name]) for name, tensor in a.network.state_dict().items())


def pair(data: TrainingData, exclude_ids: tuple[str, ...], thinned_from: tuple[str, ...] | None) -> TrainedModel:
    return train(data, exclude_ids, SEED, device=CPU, on_step=quiet, thinned_from=thinned_from)


@pytest.fixture
def short(leaf_trainer: Trainer) -> TrainingData:
    return with_recipe(leaf_trainer, epochs=3).training_data


def test_one_by_one_and_together_give_the_same_pair(short: TrainingData, leaves_to_forget: tuple[str, ...]) -> None:
    before, everything = leaves_to_forget[:2], leaves_to_forget
    run = TrainingRun(everything, SEED, before)
    own = run._replace(thinned_from=None)
    together = train_vectorised(short, [run, own], device=CPU, on_step=quiet)
    batch = short.data.batch(range(len(short.data)), CPU)
    for model, thinned_from in zip(together, (before, None), strict=True):
        alone = pair(short, everything, thinned_from)
        found, expected = (m.family.predict(m.network, batch).logits for m in (model, alone))
        assert torch.allclose(found, expected, atol=1e-3)
    assert not same(pair(short, everything, before), pair(short, everything, None)), "batches of its own are others"


def test_with_nothing_more_left_out_it_is_ordinary_training_bit_by_bit(
    short: TrainingData, leaves_to_forget: tuple[str, ...], trainer: Trainer
) -> None:
    for exclude_ids in ((), leaves_to_forget):
        assert same(pair(short, exclude_ids, exclude_ids), pair(short, exclude_ids, None))
    texts = with_recipe(trainer, epochs=3).training_data
    assert same(pair(texts, (), ()), pair(texts, (), None)), "of texts too, whose batches are of like length"


@settings(max_examples=50, deadline=None)
@given(
    examples=st.integers(1, 60),
    batch_size=st.integers(1, 17),
    seed=st.integers(0, 999),
    epoch=st.integers(0, 5),
    chance=st.randoms(use_true_random=False),
)
def test_a_thinned_epoch_keeps_the_order_and_loses_the_others_only(
    examples: int, batch_size: int, seed: int, epoch: int, chance: object
) -> None:
    kept = frozenset(k for k in range(examples) if chance.random() < 0.7)  # type: ignore[attr-defined]  # a Random
    data = Arrays(torch.zeros(examples, 2), torch.zeros(examples, dtype=torch.long))
    whole = [k for batch in data.epoch(batch_size, epoch_order(seed, epoch)) for k in batch]
    batches = data.thinned_epoch(batch_size, epoch_order(seed, epoch), kept)
    assert [k for batch in batches for k in batch] == [k for k in whole if k in kept]
    assert all(len(batch) == batch_size for batch in batches[:-1])
    assert all(0 < len(batch) <= batch_size for batch in batches)


def test_texts_in_batches_of_like_length_keep_the_order_of_the_original(trainer: Trainer) -> None:
    """Buckets are drawn over all examples; a shuffle by their number would part the pair when one is missing."""
    data = trainer.training_data.data
    everything = [k for batch in data.epoch(4, epoch_order(SEED, 0)) for k in batch]
    for missing in range(len(data)):
        kept = frozenset(range(len(data))) - {missing}
        thinned = [k for batch in data.thinned_epoch(4, epoch_order(SEED, 0), kept) for k in batch]
        assert thinned == [k for k in everything if k != missing]


def test_a_killed_paired_training_goes_on_to_the_same_weights(
    short: TrainingData, leaves_to_forget: tuple[str, ...], tmp_path: Path
) -> None:
    steps: list[int] = []

    def attempt(dies_at: int | None) -> TrainedModel:
        def on_step(done: int, _total: int, _loss: float) -> None:
            steps.append(done)
            if done == dies_at:
                raise KeyboardInterrupt

        return train(
            short,
            leaves_to_forget,
            SEED,
            device=CPU,
            on_step=on_step,
            checkpoint=tmp_path / "checkpoint",
            checkpoint_seconds=0,
            thinned_from=(),
        )

    with pytest.raises(KeyboardInterrupt):
        attempt(dies_at=20)  # in the second epoch, of fifteen steps each
    steps.clear()
    resumed = attempt(dies_at=None)
    assert steps[0] >= 20
    assert same(resumed, pair(short, leaves_to_forget, ()))


@pytest.mark.parametrize("name", ["sharded_trainer", "private_trainer", "logistic_trainer", "sums_trainer"])
def test_models_without_batches_to_share_refuse(name: str, request: pytest.FixtureRequest) -> None:
    """In shards, private, or in closed form."""
    training_data = request.getfixturevalue(name).training_data
    assert not training_data.recipe.can_be_paired
    with pytest.raises(ObstacleError, match="cannot take another model's batches"):
        pair(training_data, training_data.ids[:1], ())


def test_an_example_that_the_other_model_left_out_is_refused(short: TrainingData, leaves_to_forget: tuple[str, ...]) -> None:
    with pytest.raises(SpecError, match="only leave out more"):
        pair(short, leaves_to_forget[1:], leaves_to_forget[:1])


def test_nothing_to_train_on_is_refused(short: TrainingData) -> None:
    with pytest.raises(SpecError, match="nothing is left"):
        pair(short, short.ids, ())


# The cache.


def steps_of(trainer: Trainer, exclude_ids: tuple[str, ...], thinned_from: tuple[str, ...] | None) -> int:
    """Steps that were taken to obtain the model: 1 for one from the cache."""
    steps: list[int] = []
    trainer.obtain(exclude_ids, SEED, lambda done, _total, _loss: steps.append(done), thinned_from)
    return steps[-1]


@pytest.fixture
def fresh(leaf_trainer: Trainer, tmp_path: Path) -> Trainer:
    return replace(with_recipe(leaf_trainer, epochs=2), cache=tmp_path / "cache")


def test_a_pair_and_an_ordinary_oracle_of_one_seed_are_two_models(fresh: Trainer, leaves_to_forget: tuple[str, ...]) -> None:
    origins: tuple[tuple[str, ...] | None, ...] = (None, (), leaves_to_forget[:1])
    assert all(steps_of(fresh, leaves_to_forget, origin) > 1 for origin in origins)
    assert all(steps_of(fresh, leaves_to_forget, origin) == 1 for origin in origins)
    models = [fresh.obtain(leaves_to_forget, SEED, quiet, origin) for origin in origins]
    assert not any(same(a, b) for a, b in itertools.pairwise(models))
    assert not fresh.has((), SEED, ())


def test_an_ensemble_keeps_pairs_as_pairs(fresh: Trainer, leaves_to_forget: tuple[str, ...]) -> None:
    train_ensemble(fresh, [TrainingRun(leaves_to_forget, SEED, ()), TrainingRun(leaves_to_forget, SEED + 1)], quiet)
    assert fresh.has(leaves_to_forget, SEED, ())
    assert not fresh.has(leaves_to_forget, SEED)
    assert fresh.has(leaves_to_forget, SEED + 1)
