"""The cache of trained models."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.unlearning_jobs.engine.conftest import with_recipe
from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.training_data import TrainingData


@pytest.fixture
def fresh(snapshot: Snapshot, recipe: Recipe, tmp_path: Path) -> Trainer:
    return Trainer(TrainingData.prepare(replace(recipe, epochs=2), snapshot), tmp_path / "cache", torch.device("cpu"))


def trained_steps(trainer: Trainer, exclude: tuple[str, ...] = (), seed: int = 1) -> int:
    """Steps that were taken to obtain the model: 1 for one from the cache."""
    steps: list[int] = []
    trainer.obtain(exclude, seed, lambda done, _total, _loss: steps.append(done))
    return steps[-1]


def entry(trainer: Trainer) -> Path:
    [folder] = [p for p in trainer.cache.iterdir() if p.is_dir()]
    return folder


def test_a_model_is_trained_once(fresh: Trainer) -> None:
    assert (trained_steps(fresh), trained_steps(fresh)) == (4, 1)


def test_another_seed_training_set_or_recipe_is_another_model(fresh: Trainer) -> None:
    trained_steps(fresh)
    other = with_recipe(fresh, learning_rate=1e-3)
    assert trained_steps(fresh, seed=2) == trained_steps(fresh, exclude=("e00000000",)) == trained_steps(other) == 4


def test_the_order_and_repetition_of_excluded_ids_do_not_matter(fresh: Trainer) -> None:
    trained_steps(fresh, ("e00000000", "e00000002"))
    assert trained_steps(fresh, ("e00000002", "e00000000", "e00000002")) == 1


def test_a_cached_model_is_the_trained_one(fresh: Trainer) -> None:
    first, second = (fresh.obtain((), 1, lambda *_: None) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.network.parameters(), second.network.parameters(), strict=True))
    examples = list(fresh.training_data.snapshot.examples())
    assert first.family.encode(examples) == second.family.encode(examples)


@pytest.mark.parametrize("name", ["model/model.safetensors", "model/lethe.json", "model/tokenizer.json", "digest"])
def test_a_damaged_entry_is_trained_again(fresh: Trainer, name: str) -> None:
    trained_steps(fresh)
    damaged = entry(fresh) / name
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert (trained_steps(fresh), trained_steps(fresh)) == (4, 1)


def test_names_say_nothing_and_only_finished_entries_stay(fresh: Trainer) -> None:
    trained_steps(fresh)
    names = sorted(p.name for p in fresh.cache.iterdir())
    assert names == [entry(fresh).name, f"{entry(fresh).name}.lock"]
    assert len(entry(fresh).name) == 64


def _obtain(recipe: Recipe, snapshot: str, cache: str) -> int:
    torch.set_num_threads(1)
    return trained_steps(Trainer(TrainingData.prepare(recipe, Snapshot.open(snapshot)), Path(cache), torch.device("cpu")))


def test_two_processes_that_want_the_same_model_train_it_once(fresh: Trainer) -> None:
    task = (fresh.training_data.recipe, str(fresh.training_data.snapshot.folder), str(fresh.cache))
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert sorted(pool.starmap(_obtain, [task, task])) == [1, 4]
