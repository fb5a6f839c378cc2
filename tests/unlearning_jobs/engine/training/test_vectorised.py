"""Models trained in one loop are the models that would have been trained one by one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.unlearning_jobs.engine.conftest import with_recipe
from unlearning_jobs.engine.contracts import ClassifierArchitecture
from unlearning_jobs.engine.errors import SpecError, TrainingDivergedError
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.ensemble import is_worthwhile, train_ensemble
from unlearning_jobs.engine.training.train import train
from unlearning_jobs.engine.training.vectorised import TrainingRun, can_be_vectorised, train_vectorised

CPU = torch.device("cpu")
RUNS = [TrainingRun((), 5), TrainingRun((), 6), TrainingRun((), 7)]


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_their_logits_are_the_same(leaf_trainer: Trainer, optimizer: str) -> None:
    rate = 0.1 if optimizer == "sgd" else 1e-3
    training_data = with_recipe(
        leaf_trainer, epochs=5, optimizer=optimizer, learning_rate=rate, weight_decay=1e-3
    ).training_data
    together = train_vectorised(training_data, RUNS, device=CPU, on_step=lambda *_: None)
    everything = training_data.data.batch(range(len(training_data.data)), CPU)
    for model, run in zip(together, RUNS, strict=True):
        alone = train(training_data, run.exclude_ids, run.seed, device=CPU, on_step=lambda *_: None)
        found, expected = (m.family.predict(m.network, everything).logits for m in (model, alone))
        assert torch.allclose(found, expected, atol=1e-3)


def test_each_is_trained_without_its_own_excluded_examples(leaf_trainer: Trainer, leaves_to_forget: tuple[str, ...]) -> None:
    first, second = leaves_to_forget[:2], leaves_to_forget[2:4]
    models = train_vectorised(
        leaf_trainer.training_data, [TrainingRun(first, 5), TrainingRun(second, 5)], device=CPU, on_step=lambda *_: None
    )
    family = leaf_trainer.training_data.family
    for model, own, other in zip(models, (first, second), (second, first), strict=True):
        excluded, seen = (family.encode(leaf_trainer.training_data.snapshot.get(ids)) for ids in (own, other))
        right = [
            (m.logits.argmax(-1) == m.labels).sum().item()
            for m in (family.predict(model.network, data.batch(range(2), CPU)) for data in (excluded, seen))
        ]
        assert right == [0, 2], "mistaken labels are known by those alone who saw them"


def test_pairs_of_one_seed_differ_less_than_models_of_two(
    leaf_trainer: Trainer,
) -> None:
    training_data = with_recipe(leaf_trainer, epochs=8).training_data
    few = training_data.ids[-1:]
    data = training_data.data.batch(range(len(training_data.data)), CPU)

    def logits(exclude_ids: tuple[str, ...], *, paired: bool) -> list[torch.Tensor]:
        models = train_vectorised(
            training_data,
            [TrainingRun(exclude_ids, seed, () if paired else None) for seed in (5, 6)],
            device=CPU,
            on_step=lambda *_: None,
        )
        return [m.family.predict(m.network, data).logits.detach() for m in models]

    def apart(a: torch.Tensor, b: torch.Tensor) -> float:
        return float((a - b).square().mean())

    whole, without = logits((), paired=True), logits(few, paired=True)
    assert apart(whole[0], without[0]) < apart(whole[0], whole[1]) / 4
    assert apart(whole[0], without[0]) < apart(*(logits(ids, paired=False)[0] for ids in ((), few))) / 2


def test_with_nothing_left_out_a_pair_is_what_training_alone_gives(leaf_trainer: Trainer) -> None:
    training_data = with_recipe(leaf_trainer, epochs=2).training_data
    plain, paired = (
        train_vectorised(
            training_data, [run._replace(thinned_from=of) for run in RUNS], device=CPU, on_step=lambda *_: None
        )[1].network.state_dict()
        for of in (None, ())
    )
    assert all(torch.equal(plain[name], paired[name]) for name in plain)


def test_models_of_different_numbers_of_examples_cannot_share_a_loop(
    leaf_trainer: Trainer, leaves_to_forget: tuple[str, ...]
) -> None:
    with pytest.raises(SpecError, match="same number of training examples"):
        train_vectorised(
            leaf_trainer.training_data,
            [TrainingRun((), 5), TrainingRun(leaves_to_forget, 6)],
            device=CPU,
            on_step=lambda *_: None,
        )


def test_a_diverging_model_ends_the_loop(leaf_trainer: Trainer) -> None:
    wild = with_recipe(leaf_trainer, learning_rate=1e30).training_data
    with pytest.raises(TrainingDivergedError, match="lower the learning rate"):
        train_vectorised(wild, RUNS, device=CPU, on_step=lambda *_: None)


def test_an_exploding_model_ends_the_loop(leaf_trainer: Trainer) -> None:
    wild = with_recipe(leaf_trainer, learning_rate=1e3).training_data
    with pytest.raises(TrainingDivergedError, match="The loss exploded"):
        train_vectorised(wild, RUNS, device=CPU, on_step=lambda *_: None)


def test_progress_ends_at_the_total(leaf_trainer: Trainer) -> None:
    seen: list[tuple[int, int]] = []
    training_data = with_recipe(leaf_trainer, epochs=2).training_data
    train_vectorised(training_data, RUNS[:2], device=CPU, on_step=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (30, 30)  # 240 examples in batches of sixteen, twice


def test_text_and_batch_normalisation_are_left_to_the_plain_loop(trainer: Trainer, leaf_trainer: Trainer) -> None:
    normalised = ClassifierArchitecture("tests.unlearning_jobs.engine.training.test_vectorised:normalised")
    assert can_be_vectorised(leaf_trainer.training_data)
    assert not can_be_vectorised(trainer.training_data)
    assert not can_be_vectorised(with_recipe(leaf_trainer, architecture=normalised).training_data)


def normalised(shape: tuple[int, ...], classes: int) -> torch.nn.Module:
    """A network whose answers depend on the other examples of the batch."""
    return torch.nn.Sequential(torch.nn.BatchNorm1d(shape[0]), torch.nn.Linear(shape[0], classes))


def test_an_ensemble_of_classifiers_fills_the_cache(
    leaf_trainer: Trainer, leaves_to_forget: tuple[str, ...], tmp_path: Path
) -> None:
    trainer = replace(with_recipe(leaf_trainer, epochs=2), cache=tmp_path / "cache")
    runs = [*RUNS, TrainingRun(leaves_to_forget, 8), TrainingRun(leaves_to_forget, 9)]
    trainer.obtain((), 6, lambda *_: None)
    done: dict[int, tuple[int, int]] = {}
    assert is_worthwhile(trainer, runs)
    train_ensemble(trainer, runs, lambda index, steps, total: done.__setitem__(index, (steps, total)))
    assert sorted(done) == [0, 2, 3, 4], "the cached one is not trained again"
    assert all(steps == total for steps, total in done.values())
    assert all(trainer.has(*model) for model in runs)


def test_models_that_cannot_be_trained_are_left_to_the_caller(leaf_trainer: Trainer, tmp_path: Path) -> None:
    trainer = replace(with_recipe(leaf_trainer, learning_rate=1e30), cache=tmp_path / "cache")
    train_ensemble(trainer, RUNS, lambda *_: None)
    assert not any(trainer.has(*model) for model in RUNS)
