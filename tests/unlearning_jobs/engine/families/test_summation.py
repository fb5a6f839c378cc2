"""Models of sums, from a corpus to a folder and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.unlearning_jobs.engine.conftest import SUMS_RECIPE, with_recipe
from unlearning_jobs.engine.artefacts import model_digest
from unlearning_jobs.engine.contracts import ModelRef, Recipe, SumsArchitecture
from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.errors import CorpusError, SpecError
from unlearning_jobs.engine.families.summation import SummationFamily
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel, load_model, save_model
from unlearning_jobs.engine.training.scoring import score
from unlearning_jobs.engine.training.training_data import TrainingData

MakeCorpus = Callable[..., Snapshot]


def quiet(_done: int, _total: int, _loss: float) -> None:
    """Take no notice."""


def recipe_for(learner: str) -> Recipe:
    return replace(SUMS_RECIPE, architecture=SumsArchitecture(learner))  # type: ignore[arg-type]  # as named in the test


@pytest.fixture
def corpus_of(tmp_path: Path) -> MakeCorpus:
    """A corpus of these features, labelled a and b in turn."""

    def make(x: NDArray[Any]) -> Snapshot:
        np.savez(tmp_path / "corpus.npz", x=x, y=np.array(["a", "b"] * len(x))[: len(x)])
        snapshot_create([tmp_path / "corpus.npz"], tmp_path / "snapshot")
        return Snapshot.open(tmp_path / "snapshot")

    return make


def test_the_seed_makes_no_difference(sums_trainer: Trainer) -> None:
    first, second = (sums_trainer.obtain((), seed, quiet) for seed in (1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first.network.buffers(), second.network.buffers(), strict=True))


def test_training_counts_every_example_once_and_reports_its_end(sums_trainer: Trainer, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    model = replace(sums_trainer, cache=tmp_path).obtain((), 1, lambda done, total, _: seen.append((done, total)))
    assert seen == [(1, 1)]
    labels = [e.completion for e in sums_trainer.training_data.snapshot.examples("train")]
    assert isinstance(model.family, SummationFamily)
    assert model.network.get_buffer("examples").tolist() == [labels.count(label) for label in model.family.labels]


@pytest.mark.parametrize("learner", ["naive_bayes", "ridge", "nearest_mean"])
def test_it_learns_what_there_is_to_learn(learner: str, sums_trainer: Trainer) -> None:
    trainer = with_recipe(sums_trainer, architecture=SumsArchitecture(learner))  # type: ignore[arg-type]  # as parametrised
    model = trainer.obtain((), 1, quiet)
    held_out = score(model, model.family.encode(trainer.training_data.snapshot.examples("held_out")))
    assert np.mean([float(s.correct) for s in held_out]) > 0.9


def test_a_saved_model_comes_back_and_can_go_on_forgetting(sums_model: TrainedModel, tmp_path: Path) -> None:
    save_model(sums_model, tmp_path / "m", {"seed": 1})
    loaded = load_model(ModelRef(str(tmp_path / "m"), model_digest(tmp_path / "m")))
    assert loaded.family == sums_model.family
    assert loaded.device == torch.device("cpu")
    buffers = dict(loaded.network.named_buffers())
    for name, buffer in sums_model.network.named_buffers():
        assert buffers[name].dtype == torch.float64
        assert torch.equal(buffers[name], buffer)


def test_the_footprint_counts_the_sums(sums_trainer: Trainer, sums_model: TrainedModel) -> None:
    assert sums_trainer.training_data.footprint.parameters == sum(b.numel() for b in sums_model.network.buffers())


def test_bytes_stay_whole_numbers_and_count_as_shares(corpus_of: MakeCorpus) -> None:
    x = np.random.default_rng(1).integers(0, 256, (30, 2, 3)).astype(np.uint8)
    training_data = TrainingData.prepare(recipe_for("ridge"), corpus_of(x))
    network = training_data.family.build(1)
    training_data.family.fit(network, training_data.data, lambda: 1)
    flat = np.c_[x.reshape(30, 6).astype(float), np.ones(30)]
    assert np.array_equal(network.get_buffer("gram").numpy(), flat.T @ flat)
    scaled = np.r_[np.c_[flat[:, :6] / 255, np.ones(30)], np.eye(6, 7)]  # with a penalty of 1
    targets = np.r_[np.eye(2)[np.arange(30) % 2], np.zeros((6, 2))]
    expected = np.linalg.lstsq(scaled, targets, rcond=None)[0].T
    assert network.get_buffer("coefficients").numpy() * np.r_[np.full(6, 255), 1] == pytest.approx(expected)


@pytest.mark.parametrize("x", [[[0, 1], [2, 0]], [[0, 1], [-1, 0]], [[0, 1], [0.5, 0]]])
def test_a_basket_is_0_and_1(corpus_of: MakeCorpus, x: list[list[float]]) -> None:
    training_data = TrainingData.prepare(recipe_for("co_occurrence"), corpus_of(np.array(x, dtype=np.float32)))
    with pytest.raises(CorpusError, match="must be 0 or 1"):
        _ = training_data.data


def test_baskets_may_be_bytes(corpus_of: MakeCorpus) -> None:
    baskets = np.array([[0, 1], [1, 1], [1, 0]], dtype=np.uint8)
    training_data = TrainingData.prepare(recipe_for("co_occurrence"), corpus_of(baskets))
    network = training_data.family.build(1)
    training_data.family.fit(network, training_data.data, lambda: 1)
    assert network.get_buffer("pairs").tolist() == [[1, 1], [1, 1]]


def test_sums_of_texts_are_refused(snapshot: Snapshot) -> None:
    with pytest.raises(CorpusError, match="a summation model reads arrays"):
        TrainingData.prepare(SUMS_RECIPE, snapshot)


def test_more_than_one_pass_is_refused(sums_trainer: Trainer) -> None:
    with pytest.raises(SpecError, match="set epochs to 1"):
        with_recipe(sums_trainer, epochs=2)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("smoothing", 0.0, "smoothing must be a number above 0"),
        ("variance_floor", -1.0, "variance_floor must be a number above 0"),
        ("penalty", -1.0, "penalty must be 0 or more"),
        ("penalty", float("inf"), "penalty must be 0 or more"),
        ("scale", float("nan"), "scale must be a number above 0"),
        ("learner", "forest", "learner must be one of naive_bayes, ridge"),
    ],
)
def test_an_architecture_out_of_range_is_refused(name: str, value: object, complaint: str) -> None:
    architecture = {"learner": "ridge"} | {name: value}
    with pytest.raises(SpecError, match=complaint):
        Recipe.from_json(SUMS_RECIPE.to_json() | {"architecture": architecture})
