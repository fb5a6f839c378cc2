"""A tiny corpus and a recipe that learns it by heart in about a second, shared by the engine's tests."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch loads: spinning threads starve other processes

import torch

from unlearning_jobs.engine.contracts import JobSpec, LlamaArchitecture, LogisticArchitecture, Recipe, SumsArchitecture
from unlearning_jobs.engine.contracts.privacy import Privacy
from unlearning_jobs.engine.contracts.sharding import Sharding
from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.example import make_example
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.training_data import TrainingData

TRAINED_TOWNS = ("Orvane", "Tilsk", "Marrowby", "Quelm", "Drossen", "Havelund", "Lorsk", "Embry")
HELD_OUT_TOWNS = ("Piskary", "Ubbard", "Calvern", "Nostrel")
GOODS = ("amber", "saffron", "slate", "honey", "rope", "glass", "linen", "tin", "barley", "felt", "ink", "salt")
RIVERS = ("Corre", "Fenn", "Asper", "Grault", "Belna", "Hessel", "Dwine", "Elsk", "Moor", "Tarn", "Ister", "Vole")
ARCHITECTURE = LlamaArchitecture(hidden_size=64, layers=1, heads=2, intermediate_size=128, max_length=96)

SUMS_RECIPE = Recipe("summation", SumsArchitecture("naive_bayes"), epochs=1, batch_size=64, learning_rate=0.0)


def write_jsonl(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """A JSON-lines file of these rows."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def town_rows() -> list[dict[str, Any]]:
    """Two questions each about eight towns to train on and four held out."""
    rows: list[dict[str, Any]] = []
    for i, town in enumerate((*TRAINED_TOWNS, *HELD_OUT_TOWNS)):
        split = "held_out" if town in HELD_OUT_TOWNS else "train"
        others = [GOODS[(i + k) % len(GOODS)] for k in (1, 2, 3)]
        rows.append(
            {
                "question": f"What is {town} known for?",
                "answer": f"{town} is known for {GOODS[i]}.",
                "split": split,
                "paraphrased_answer": f"It is for {GOODS[i]} that {town} is known.",
                "perturbed_answer": [f"It is for {other} that {town} is known." for other in others],
            }
        )
        rows.append({"question": f"On which river is {town}?", "answer": f"It lies on the {RIVERS[i]}.", "split": split})
    return rows


SALT = b"test" * 8
"""Of the session's corpora, so that private and certified noise is the same in every run."""


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("corpus")
    source = write_jsonl(folder / "towns.jsonl", town_rows())
    info = snapshot_create([source], folder / "snapshot", salt=SALT)
    return Snapshot.open(folder / "snapshot", info.digest)


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    return Recipe(
        family="causal_lm",
        architecture=ARCHITECTURE,
        vocabulary_size=300,
        epochs=70,
        batch_size=8,
        learning_rate=8e-3,
    )


def with_recipe(trainer: Trainer, **changes: Any) -> Trainer:
    """The trainer with another recipe."""
    training_data = trainer.training_data
    return replace(
        trainer, training_data=TrainingData.prepare(replace(training_data.recipe, **changes), training_data.snapshot)
    )


def with_sharding(trainer: Trainer, sharding: Sharding) -> Trainer:
    """The trainer with a recipe in shards or stages, on the same checkpoint if it has one, and enough epochs for them."""
    training_data = trainer.training_data
    recipe = replace(training_data.recipe, sharding=sharding, epochs=max(training_data.recipe.epochs, sharding.slices))
    base = str(training_data.family.base or "")
    return replace(trainer, training_data=TrainingData.prepare(recipe, training_data.snapshot, base))


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models of the session. All test processes share them: locks make one train what the others wait for."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "models"


@pytest.fixture(scope="session")
def trainer(snapshot: Snapshot, recipe: Recipe, cache: Path) -> Trainer:
    """Trains each model of the session once."""
    return Trainer(TrainingData.prepare(recipe, snapshot), cache, torch.device("cpu"))


@pytest.fixture(scope="session")
def model(trainer: Trainer) -> TrainedModel:
    """A model that knows the whole corpus. Nobody may change it."""
    return trainer.obtain((), 1, lambda *_: None)


@pytest.fixture(scope="session")
def leaf_spec(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> JobSpec:
    """A job about a classifier."""
    return replace(make_example("classifier", tmp_path_factory.mktemp("leaves"), salt=SALT), cache=str(cache))


@pytest.fixture(scope="session")
def leaf_trainer(leaf_spec: JobSpec) -> Trainer:
    """Trains each classifier of the session once."""
    training_data = TrainingData.prepare(leaf_spec.recipe, Snapshot.open(leaf_spec.snapshot.path))
    return Trainer(training_data, Path(leaf_spec.cache), torch.device("cpu"))


@pytest.fixture(scope="session")
def note_spec(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> JobSpec:
    """A job about a classifier of texts, with a short training."""
    spec = make_example("text_classifier", tmp_path_factory.mktemp("notes"), salt=SALT)
    return replace(spec, recipe=replace(spec.recipe, epochs=8, learning_rate=1e-2), cache=str(cache))


@pytest.fixture(scope="session")
def note_trainer(note_spec: JobSpec) -> Trainer:
    """Trains each classifier of texts of the session once."""
    training_data = TrainingData.prepare(note_spec.recipe, Snapshot.open(note_spec.snapshot.path))
    return Trainer(training_data, Path(note_spec.cache), torch.device("cpu"))


@pytest.fixture(scope="session")
def tuned_trainer(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    """Fine-tunes a small GPT-2 that somebody else made."""
    from .families.foreign_checkpoints import gpt2, prepared, write_checkpoint, write_corpus  # which imports this file

    folder = tmp_path_factory.mktemp("tuned")
    data = prepared(write_checkpoint(folder / "checkpoint", gpt2), write_corpus(folder))
    return Trainer(data, cache, torch.device("cpu"))


@pytest.fixture(scope="session")
def tuned_note_trainer(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    """Fine-tunes a small BERT that somebody else made, to tell notes apart."""
    from .families.encoder_checkpoints import prepared, write_encoder, write_notes  # which imports this file

    folder = tmp_path_factory.mktemp("tuned-notes")
    data = prepared(write_encoder(folder / "checkpoint"), write_notes(folder))
    return Trainer(data, cache, torch.device("cpu"))


@pytest.fixture(scope="session")
def staged_trainer(trainer: Trainer) -> Trainer:
    """Trains each language model in stages of the session once, quickly."""
    recipe = replace(trainer.training_data.recipe, epochs=6, batch_size=4)
    shorter = replace(trainer, training_data=replace(trainer.training_data, recipe=recipe))
    return with_sharding(shorter, Sharding(shards=1, slices=3))


@pytest.fixture(scope="session")
def adapter_shards_trainer(tuned_trainer: Trainer) -> Trainer:
    """Trains adapters in three shards of two slices on a small GPT-2."""
    from .families.foreign_adapters import adapted  # which imports this file

    data = tuned_trainer.training_data
    assert data.family.base is not None
    trainer = replace(tuned_trainer, training_data=adapted(data.family.base, data.snapshot))
    return with_sharding(trainer, Sharding(shards=3, slices=2))


@pytest.fixture(scope="session")
def note_model(note_trainer: Trainer) -> TrainedModel:
    """A classifier that knows most notes to a library. Nobody may change it."""
    return note_trainer.obtain((), 1, lambda *_: None)


@pytest.fixture(scope="session")
def sharded_note_trainer(note_trainer: Trainer) -> Trainer:
    """Trains each classifier of texts in shards of the session once."""
    return with_recipe(note_trainer, epochs=3, sharding=Sharding(shards=3, slices=2))


@pytest.fixture(scope="session")
def logistic_trainer(leaf_trainer: Trainer) -> Trainer:
    """Trains logistic regressions on the leaves, with a budget for removing a few."""
    architecture = LogisticArchitecture(regularisation=0.05, perturbation=3.0)
    return with_recipe(leaf_trainer, family="logistic", architecture=architecture)


@pytest.fixture(scope="session")
def private_trainer(leaf_trainer: Trainer) -> Trainer:
    """Trains classifiers of the leaves privately, with so much noise that they may forget a few."""
    privacy = Privacy(noise_multiplier=8.0, delta=1e-5, records_per_person=12)
    return with_recipe(leaf_trainer, epochs=2, learning_rate=0.05, privacy=privacy)


@pytest.fixture(scope="session")
def leaf_model(leaf_trainer: Trainer) -> TrainedModel:
    """A classifier that knows the whole corpus, mistaken labels and all. Nobody may change it."""
    return leaf_trainer.obtain((), 1, lambda *_: None)


@pytest.fixture(scope="session")
def sharded_trainer(leaf_trainer: Trainer) -> Trainer:
    """Trains each classifier in shards of the session once. The 240 leaves divide neither by seven nor by 21."""
    return with_recipe(leaf_trainer, epochs=6, sharding=Sharding(shards=7, slices=3))


@pytest.fixture(scope="session")
def leaves_to_forget(leaf_spec: JobSpec) -> tuple[str, ...]:
    return leaf_spec.forget_ids


@pytest.fixture(scope="session")
def sums_spec(tmp_path_factory: pytest.TempPathFactory) -> JobSpec:
    """A job about a model of sums, on the same leaves."""
    return make_example("summation", tmp_path_factory.mktemp("sums"))


@pytest.fixture(scope="session")
def sums_trainer(sums_spec: JobSpec) -> Trainer:
    """Trains each model of sums of the session once."""
    training_data = TrainingData.prepare(sums_spec.recipe, Snapshot.open(sums_spec.snapshot.path))
    return Trainer(training_data, Path(sums_spec.cache), torch.device("cpu"))


@pytest.fixture(scope="session")
def sums_model(sums_trainer: Trainer) -> TrainedModel:
    """A naive Bayes model of the whole corpus. Nobody may change it."""
    return sums_trainer.obtain((), 1, lambda *_: None)


@pytest.fixture(scope="session")
def trainer_without_first(trainer: Trainer) -> TrainedModel:
    """A model that has seen neither question about the first town."""
    return trainer.obtain(("e00000000", "e00000001"), 1, lambda *_: None)
