"""Private training: the accountant's epsilon, and noise and clipping where they should be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from opacus import GradSampleModule
from opacus.accountants import PRVAccountant, RDPAccountant
from scipy.optimize import brentq
from scipy.stats import norm
from torch import Tensor, nn

from tests.unlearning_jobs.engine.conftest import with_recipe
from unlearning_jobs.engine.contracts import ClassifierArchitecture, Recipe
from unlearning_jobs.engine.contracts.privacy import Privacy
from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.errors import ObstacleError, SpecError, TrainingDivergedError
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel, read_model, save_model
from unlearning_jobs.engine.training.private import privacy_loss, sampling_rate, train_privately
from unlearning_jobs.engine.training.train import train
from unlearning_jobs.engine.training.training_data import TrainingData
from unlearning_jobs.engine.training.vectorised import can_be_vectorised

CPU = torch.device("cpu")
RATE = 0.1


def corpus(folder: Path, features: np.ndarray, salt: bytes = b"test" * 8) -> Snapshot:
    """These rows, in three classes by turns."""
    folder.mkdir()
    np.savez(folder / "rows.npz", x=features.astype(np.float32), y=np.arange(len(features)) % 3)
    return Snapshot.open(snapshot_create([folder / "rows.npz"], folder / "snapshot", salt=salt).path)


def one_step(batch: int, privacy: Privacy) -> Recipe:
    """Plain gradient descent; with all examples in the batch, a single step at the full learning rate."""
    return Recipe("classifier", ClassifierArchitecture("mlp", width=32), 1, batch, RATE, optimizer="sgd", privacy=privacy)


def trained(recipe: Recipe, snapshot: Snapshot, seed: int = 1) -> TrainedModel:
    return train(TrainingData.prepare(recipe, snapshot), (), seed, device=CPU, on_step=lambda *_: None)


def flat(model: TrainedModel) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.network.parameters()])


def rows(count: int = 12) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(count, 16))


@pytest.mark.parametrize(("noise", "batch", "epochs"), [(2.0, 64, 10), (1.5, 200, 3)])
def test_epsilon_is_that_of_opacus_own_accountant(noise: float, batch: int, epochs: int) -> None:
    recipe = replace(one_step(batch, Privacy(noise)), epochs=epochs)
    loss = privacy_loss(recipe, 1437)
    prv, rdp = PRVAccountant(), RDPAccountant()
    for _ in range(epochs * math.ceil(1437 / batch)):
        for accountant in (prv, rdp):
            accountant.step(noise_multiplier=noise, sample_rate=batch / 1437)
    assert loss.epsilon == pytest.approx(prv.get_epsilon(delta=1e-5), rel=1e-9)
    assert loss.epsilon < rdp.get_epsilon(delta=1e-5)
    assert (loss.steps, loss.sampling_rate) == (prv.history[0][2], batch / 1437)


def test_epsilon_is_near_the_published_one_for_digits() -> None:
    """A noise multiplier of 2, 898 steps at a rate of 0.0445: 3.07."""
    recipe = replace(one_step(64, Privacy(2.0)), epochs=39)
    assert privacy_loss(recipe, 1437).epsilon == pytest.approx(3.07, abs=0.06)


@pytest.mark.parametrize(("noise", "epochs"), [(2.0, 1), (5.0, 40)])
def test_epsilon_of_full_batches_is_that_of_the_gaussian_mechanism(noise: float, epochs: int) -> None:
    """With everybody in every batch, so many steps are one Gaussian mechanism (Balle and Wang 2018, theorem 8)."""
    mu = math.sqrt(epochs) / noise

    def delta(epsilon: float) -> float:
        return float(norm.cdf(mu / 2 - epsilon / mu) - math.exp(epsilon) * norm.cdf(-mu / 2 - epsilon / mu))

    exact = brentq(lambda epsilon: delta(epsilon) - 1e-5, 1e-3, 50)
    found = privacy_loss(replace(one_step(12, Privacy(noise)), epochs=epochs), 12).epsilon
    assert exact <= found <= exact + 0.03


def test_too_little_noise_promises_nothing_and_none_is_not_private() -> None:
    with pytest.raises(SpecError, match=r"epsilon of about \d+, which promises nothing; raise noise_multiplier"):
        privacy_loss(one_step(4, Privacy(0.01)), 12)
    with pytest.raises(SpecError, match="not private"):
        privacy_loss(replace(one_step(4, Privacy(4.0)), privacy=None), 12)


def test_a_batch_larger_than_the_corpus_takes_everybody() -> None:
    assert sampling_rate(one_step(50, Privacy(1.0)), 12) == 1.0
    assert sampling_rate(one_step(3, Privacy(4.0)), 12) == 0.25


def test_one_example_moves_a_step_by_no_more_than_its_clipped_gradient(tmp_path: Path) -> None:
    """Same secret, same batch, same noise: what differs is one example, however far off it is."""
    changed = rows()
    changed[5] *= 1000
    clipped = 0.5
    recipe = one_step(12, Privacy(2.0, max_gradient_norm=clipped))

    def stepped(folder: Path, features: np.ndarray) -> Tensor:
        training_data = TrainingData.prepare(recipe, corpus(folder, features))
        family, network = training_data.family, training_data.family.build(1).train()
        train_privately(network, training_data.data, family, recipe, 5, device=CPU, on_step=lambda *_: None)
        return flat(TrainedModel(network, family))

    moved = float((stepped(tmp_path / "a", rows()) - stepped(tmp_path / "b", changed)).norm())
    assert 1e-4 < moved <= RATE * 2 * clipped / 12 + 1e-6


def test_the_noise_of_a_step_has_the_size_that_the_accountant_counts(tmp_path: Path) -> None:
    recipe = one_step(12, Privacy(50.0, max_gradient_norm=0.2))
    training_data = TrainingData.prepare(recipe, corpus(tmp_path / "c", rows()))
    start = TrainedModel(training_data.family.build(1), training_data.family)
    moved = flat(train(training_data, (), 1, device=CPU, on_step=lambda *_: None)) - flat(start)
    expected = RATE * 50.0 * 0.2 / 12
    assert float(moved.std()) == pytest.approx(expected, rel=0.15)  # of 643 numbers
    assert abs(float(moved.mean())) < 4 * expected / math.sqrt(len(moved))


def test_steps_without_anybody_are_noise_alone(tmp_path: Path) -> None:
    seen: list[float] = []
    training_data = TrainingData.prepare(one_step(1, Privacy(4.0)), corpus(tmp_path / "c", rows()))
    model = train(training_data, (), 1, device=CPU, on_step=lambda _done, _total, loss: seen.append(loss))
    assert bool(torch.isfinite(flat(model)).all())
    drawn = torch.stack([torch.rand(12, generator=torch.Generator().manual_seed(0)) for _ in range(12)]) < 1 / 12
    assert not bool(drawn.any(dim=1).all())  # at this rate some steps draw nobody
    assert len(seen) == 2


def test_a_seed_decides_batches_and_noise(tmp_path: Path) -> None:
    snapshot, recipe = corpus(tmp_path / "c", rows()), one_step(4, Privacy(4.0))
    first, again, other = (flat(trained(recipe, snapshot, seed)) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_whoever_knows_the_seed_and_the_data_but_not_the_salt_cannot_repeat_the_noise(tmp_path: Path) -> None:
    recipe = one_step(12, Privacy(4.0))
    first, second = (flat(trained(recipe, corpus(tmp_path / n, rows(), n.encode() * 32))) for n in ("a", "b"))
    assert not torch.allclose(first, second, atol=1e-3)


def test_the_loss_of_privacy_survives_the_folder_and_not_a_change(tmp_path: Path) -> None:
    model = trained(one_step(4, Privacy(4.0)), corpus(tmp_path / "c", rows()))
    save_model(model, tmp_path / "m", {})
    assert model.privacy is not None
    assert read_model(tmp_path / "m").privacy == model.privacy
    assert model.copy_to(CPU).privacy is None


def test_batch_normalisation_is_refused_before_any_training(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    folder.mkdir()
    np.savez(folder / "x.npz", x=np.zeros((6, 8, 8), dtype=np.uint8), y=np.arange(6) % 2)
    snapshot = Snapshot.open(snapshot_create([folder / "x.npz"], folder / "snapshot").path)
    mixing = ClassifierArchitecture("cnn", width=8, normalisation="batch")
    with pytest.raises(ObstacleError, match=r"BatchNorm2d.*use group normalisation"):
        TrainingData.prepare(replace(one_step(3, Privacy(4.0)), architecture=mixing), snapshot)
    grouped = replace(one_step(3, Privacy(4.0)), architecture=replace(mixing, normalisation="group"))
    assert trained(grouped, snapshot).privacy is not None


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
def test_the_gradient_of_every_text_is_its_own(note_trainer: Trainer) -> None:
    """Opacus' per-example gradients of an encoder, embeddings and all, against those of each text passed alone."""
    family, data = note_trainer.training_data.family, note_trainer.training_data.data
    network, chosen = family.build(1), range(5)

    def loss(of: nn.Module, positions: Sequence[int]) -> Tensor:
        predictions = family.predict(of, data.batch(positions, CPU))
        return F.cross_entropy(predictions.logits, predictions.labels, reduction="sum")

    names, parameters = zip(*network.named_parameters(), strict=True)
    alone = [torch.autograd.grad(loss(network, [place]), parameters) for place in chosen]
    separate = GradSampleModule(network, loss_reduction="sum")
    torch.autograd.backward(loss(separate, chosen))
    found = dict(network.named_parameters())
    for number, name in enumerate(names):
        expected = torch.stack([gradients[number] for gradients in alone])
        assert torch.allclose(found[name].grad_sample, expected, atol=1e-5), name  # type: ignore[attr-defined]  # Opacus


def test_a_classifier_of_texts_trains_privately_and_repeats(note_trainer: Trainer) -> None:
    training_data = with_recipe(note_trainer, epochs=1, privacy=Privacy(4.0)).training_data
    first, again = (train(training_data, (), 1, device=CPU, on_step=lambda *_: None) for _ in range(2))
    assert torch.equal(flat(first), flat(again))
    assert first.privacy == privacy_loss(training_data.recipe, len(training_data.ids))


def test_a_diverging_loss_ends_the_training(tmp_path: Path) -> None:
    recipe = replace(one_step(4, Privacy(4.0)), learning_rate=1e30)
    with pytest.raises(TrainingDivergedError, match="lower the learning rate"):
        trained(recipe, corpus(tmp_path / "c", rows()))


def test_private_models_are_not_stacked(leaf_trainer: Trainer) -> None:
    assert can_be_vectorised(leaf_trainer.training_data)
    assert not can_be_vectorised(with_recipe(leaf_trainer, privacy=Privacy(1.0)).training_data)
