"""The family of logistic regressions with a budget for removals."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from compliance.formats.certificates import MOST_DELTA
from unlearning_jobs.engine.artefacts import model_about
from unlearning_jobs.engine.contracts import LogisticArchitecture
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.errors import CorpusError
from unlearning_jobs.engine.families.logistic import LogisticFamily, LogisticHeads, removal_budget
from unlearning_jobs.engine.families.one_vs_rest import gradient
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel, read_model, save_model
from unlearning_jobs.engine.training.scoring import score
from unlearning_jobs.engine.training.training_data import TrainingData
from unlearning_jobs.engine.training.vectorised import can_be_vectorised


def trained(trainer: Trainer, seed: int = 1) -> tuple[LogisticFamily, LogisticHeads]:
    model = trainer.obtain((), seed, lambda *_: None)
    assert isinstance(model.family, LogisticFamily)
    assert isinstance(model.network, LogisticHeads)
    return model.family, model.network


@settings(deadline=None)  # scipy loads in the first call
@given(st.floats(0.01, 1.0), st.floats(1e-12, MOST_DELTA))
def test_noise_hides_whatever_is_within_the_budget(epsilon: float, delta: float) -> None:
    """Against the exact curve of the Gaussian mechanism (Balle and Wang 2018, arXiv 1805.06530, theorem 8)."""
    sigma = 3.0
    shift = removal_budget(LogisticArchitecture(perturbation=sigma, epsilon=epsilon, delta=delta)) / sigma
    exact = norm.cdf(shift / 2 - epsilon / shift) - math.exp(epsilon) * norm.cdf(-shift / 2 - epsilon / shift)
    assert exact <= delta


def test_rows_have_a_norm_of_at_most_one_and_do_not_depend_on_each_other() -> None:
    heads = LogisticHeads(12, 3)
    inputs = 10 * torch.randn(8, 3, 4)
    inputs[0] /= 1000
    rows = heads.features(inputs)
    assert bool((rows.norm(dim=1) <= 1 + 1e-12).all())
    assert torch.allclose(rows[0, :-1], inputs[0].flatten().double() / math.sqrt(2))
    assert torch.equal(heads.features(inputs[3:4]), rows[3:4])


def test_training_ends_at_the_optimum_and_knows_how_near(logistic_trainer: Trainer) -> None:
    """The gradient without the perturbation is minus the perturbation, which is the secret's."""
    family, heads = trained(logistic_trainer)
    data = family.encode(logistic_trainer.training_data.snapshot.examples("train"))
    slope = gradient(heads.weight.detach(), family.examples(heads, data), family.architecture.regularisation)
    generator = torch.Generator().manual_seed(logistic_trainer.training_data.secret_seed((), 1))
    drawn = torch.randn(heads.weight.shape, generator=generator, dtype=torch.float64)
    left = (slope + family.architecture.perturbation * drawn).norm(dim=1)
    assert torch.allclose(left, heads.residual, atol=1e-10)
    assert heads.bound() < 1e-8
    assert int(heads.removals) == 0


def test_another_seed_draws_another_perturbation(logistic_trainer: Trainer) -> None:
    (_, first), (_, second) = (trained(logistic_trainer, seed) for seed in (1, 2))
    assert not torch.allclose(first.weight, second.weight, atol=1e-3)


def test_the_regressions_learn_something(logistic_trainer: Trainer) -> None:
    family, heads = trained(logistic_trainer)
    held_out = family.encode(logistic_trainer.training_data.snapshot.examples("held_out"))
    correct = [float(s.correct.float().mean()) for s in score(TrainedModel(heads, family), held_out)]
    assert sum(correct) / len(correct) > 0.5  # of six trees


def test_what_removals_have_used_survives_the_folder(logistic_trainer: Trainer, tmp_path: Path) -> None:
    model = logistic_trainer.obtain((), 1, lambda *_: None).copy_to(torch.device("cpu"))
    assert isinstance(model.network, LogisticHeads)
    model.network.residual.copy_(torch.arange(6) / 10)
    model.network.removals.fill_(4)
    save_model(model, tmp_path / "m", {})
    loaded = read_model(tmp_path / "m")
    assert loaded.family == model.family
    assert all(torch.equal(t, loaded.network.state_dict()[name]) for name, t in model.network.state_dict().items())
    assert isinstance(model.family, LogisticFamily)
    spent = math.sqrt(0.55) / removal_budget(model.family.architecture)
    assert model_about(tmp_path / "m")["budget_spent"] == pytest.approx(spent)


def test_a_text_corpus_is_refused(logistic_trainer: Trainer, snapshot: Snapshot) -> None:
    with pytest.raises(CorpusError, match="holds text"):
        TrainingData.prepare(logistic_trainer.training_data.recipe, snapshot)


def test_they_are_not_stacked_and_their_size_is_known_before(logistic_trainer: Trainer) -> None:
    training_data = logistic_trainer.training_data
    assert not can_be_vectorised(training_data)
    parameters = sum(p.numel() for p in training_data.family.build(0).parameters())
    assert training_data.footprint.parameters == parameters == 6 * 17


def test_a_folder_that_says_nothing_is_no_error(tmp_path: Path) -> None:
    assert model_about(tmp_path / "gone") == {}
    (tmp_path / "lethe.json").write_text("[1]")
    assert model_about(tmp_path) == {}


def test_only_the_perturbations_size_is_kept_not_the_perturbation(logistic_trainer: Trainer, tmp_path: Path) -> None:
    model = logistic_trainer.obtain((), 1, lambda *_: None)
    assert set(model.family.weights(model.network)) == {"weight", "residual", "removals"}
    louder = replace(logistic_trainer.training_data.recipe, architecture=LogisticArchitecture(perturbation=5.0))
    assert louder.digest() != logistic_trainer.training_data.recipe.digest()
    save_model(model, tmp_path / "m", {})
    assert sorted(f.name for f in (tmp_path / "m").iterdir()) == ["lethe.json", "model.safetensors"]
