"""Training and scoring in parts: as many examples at once as memory holds, and the same steps."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from tests.unlearning_jobs.engine.conftest import with_recipe
from tests.unlearning_jobs.engine.methods.test_parts import memory_for
from unlearning_jobs.engine.contracts import Privacy, Recipe
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.loop import StepCallback
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.parts import shares
from unlearning_jobs.engine.training.scoring import generate, mean_margins, score
from unlearning_jobs.engine.training.train import train
from unlearning_jobs.engine.training.training_data import TrainingData
from unlearning_jobs.engine.training.vectorised import can_be_vectorised

CPU = torch.device("cpu")


def quiet(_done: int, _total: int, _loss: float) -> None:
    """Take no notice."""


def trained(trainer: Trainer, micro_batch: int = 0, on_step: StepCallback = quiet) -> Tensor:
    """The weights after an epoch by an optimiser whose steps are as long as the gradient says."""
    shorter = with_recipe(trainer, epochs=1, optimizer="sgd", learning_rate=0.1, micro_batch=micro_batch).training_data
    return weights(train(shorter, (), 4, device=CPU, on_step=on_step))


def weights(model: TrainedModel) -> Tensor:
    return torch.cat([weight.detach().flatten() for weight in model.network.parameters()])


@pytest.mark.parametrize("micro_batch", [1, 3])
def test_a_training_in_parts_is_that_of_whole_batches(micro_batch: int, trainer: Trainer) -> None:
    losses: dict[int, list[float]] = {0: [], micro_batch: []}
    whole, parts = (trained(trainer, most, lambda *step, most=most: losses[most].append(step[2])) for most in losses)
    assert torch.allclose(whole, parts, atol=1e-5)
    assert losses[0] == pytest.approx(losses[micro_batch], rel=1e-5)


def test_when_memory_runs_out_no_example_is_skipped_and_it_is_said(
    trainer: Trainer, model: TrainedModel, caplog: pytest.LogCaptureFixture
) -> None:
    whole = trained(trainer)
    with memory_for(3, type(model.network.model)) as passed, caplog.at_level(logging.WARNING):  # type: ignore[arg-type]  # a Llama's
        found = trained(trainer)
    assert torch.allclose(whole, found, atol=1e-5)
    assert max(passed) <= 3
    assert sum(passed) == len(trainer.training_data.ids)
    assert [record.args for record in caplog.records] == [(8, 4), (4, 2)]


def test_any_other_error_ends_the_training(trainer: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        message = "shapes cannot be multiplied"
        raise RuntimeError(message)

    monkeypatch.setattr(type(trainer.training_data.family), "predict", fail)
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        trained(trainer)


def test_scores_and_answers_are_those_of_whole_batches_when_memory_runs_out(trainer: Trainer, model: TrainedModel) -> None:
    data, prompts = trainer.training_data.data, [[0, 70 + place] for place in range(5)]
    margins, answers = mean_margins(model, data), generate(model, prompts, 4)
    scores = score(model, data)
    with memory_for(3, type(model.network.model)) as passed:  # type: ignore[arg-type]  # as above
        assert mean_margins(model, data) == pytest.approx(margins, rel=1e-4)
        assert generate(model, prompts, 4) == answers
        for ours, theirs in zip(score(model, data), scores, strict=True):
            assert torch.allclose(ours.margin, theirs.margin, atol=1e-3)
    assert max(passed) <= 3


def test_a_part_counts_by_its_share_of_the_units() -> None:
    lengths = [5, 1, 2, 4, 3]

    def mean_of(positions: list[int]) -> Tensor:
        return torch.tensor(float(sum(position * lengths[position] for position in positions))) / units(positions)

    def units(positions: list[int]) -> int:
        return sum(lengths[position] for position in positions)

    everything = list(range(5))
    for most in (0, 1, 2, 3, 5, 9):
        total = sum(shares(mean_of, everything, units, most))  # type: ignore[arg-type]  # lists are sequences
        assert float(total) == pytest.approx(float(mean_of(everything)))


def test_a_recipe_that_says_nothing_of_it_keeps_its_digest(recipe: Recipe) -> None:
    assert "micro_batch" not in recipe.to_json()
    assert replace(recipe, micro_batch=2).digest() != recipe.digest()


def test_a_network_that_mixes_the_examples_of_a_batch_is_never_trained_in_parts(
    leaf_trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = leaf_trainer.training_data
    network = nn.Sequential(nn.Linear(16, 8), nn.BatchNorm1d(8), nn.Linear(8, 6))
    monkeypatch.setattr(type(data.family), "build", lambda *_: network)
    with pytest.raises(SpecError, match="batch normalisation"):
        TrainingData.prepare(replace(data.recipe, micro_batch=2), data.snapshot)
    with memory_for(3, nn.Sequential), pytest.raises(torch.OutOfMemoryError):
        train(data, (), 4, device=CPU, on_step=quiet)


def test_it_is_refused_where_batches_cannot_be_divided(recipe: Recipe, leaf_trainer: Trainer) -> None:
    with pytest.raises(SpecError, match=r"micro_batch is -1"):
        replace(recipe, micro_batch=-1)
    leaves = leaf_trainer.training_data.recipe
    with pytest.raises(SpecError, match="leave micro_batch out"):
        replace(leaves, micro_batch=2, privacy=Privacy(noise_multiplier=1.0, max_gradient_norm=1.0, delta=1e-3))
    assert not can_be_vectorised(with_recipe(leaf_trainer, micro_batch=2).training_data)
