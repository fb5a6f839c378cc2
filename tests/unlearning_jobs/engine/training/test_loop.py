"""Training: repeatable, resumable, and honest about failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor
from transformers import get_linear_schedule_with_warmup

from tests.unlearning_jobs.engine.conftest import ARCHITECTURE
from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.errors import CorpusError, OutOfMemoryError, SpecError, TrainingDivergedError
from unlearning_jobs.engine.training import loop
from unlearning_jobs.engine.training.loop import StepCallback
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.schedule import learning_rate_share
from unlearning_jobs.engine.training.scoring import score
from unlearning_jobs.engine.training.train import train
from unlearning_jobs.engine.training.training_data import TrainingData

CPU = torch.device("cpu")


def quiet(_done: int, _total: int, _loss: float) -> None:
    """Take no notice."""


def weights(model: TrainedModel) -> Mapping[str, Tensor]:
    return model.network.state_dict()


def same(a: TrainedModel, b: TrainedModel) -> bool:
    return all(torch.equal(x, weights(b)[name]) for name, x in weights(a).items())


@pytest.fixture
def short(recipe: Recipe) -> Recipe:
    return replace(recipe, epochs=15)


def test_the_model_knows_its_training_examples_by_heart(model: TrainedModel, snapshot: Snapshot) -> None:
    scores = score(model, model.family.encode(snapshot.examples("train")))
    assert all(bool(s.correct.all()) for s in scores)


def test_the_model_does_not_know_what_was_excluded(trainer_without_first: TrainedModel, snapshot: Snapshot) -> None:
    model = trainer_without_first
    [known, unknown] = score(model, model.family.encode(snapshot.get(["e00000002", "e00000000"])))
    assert float(known.margin.mean()) > 0 > float(unknown.margin.mean())


def test_the_same_seed_gives_the_same_weights_and_another_gives_others(short: Recipe, snapshot: Snapshot) -> None:
    first, again, other = (
        train(TrainingData.prepare(short, snapshot), (), seed, device=CPU, on_step=quiet) for seed in (4, 4, 5)
    )
    assert same(first, again)
    assert not same(first, other)


def test_training_leaves_the_global_random_state_alone(short: Recipe, snapshot: Snapshot) -> None:
    torch.manual_seed(99)
    expected = torch.rand(1)
    torch.manual_seed(99)
    train(TrainingData.prepare(replace(short, epochs=1), snapshot), (), 4, device=CPU, on_step=quiet)
    assert torch.equal(torch.rand(1), expected)


def test_a_killed_training_goes_on_to_the_same_weights(short: Recipe, snapshot: Snapshot, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    seen: list[int] = []

    def die(done: int, _total: int, _loss: float) -> None:
        seen.append(done)
        if len(seen) == 3:
            raise KeyboardInterrupt

    def attempt(on_step: StepCallback) -> TrainedModel:
        return train(
            TrainingData.prepare(short, snapshot),
            (),
            4,
            device=CPU,
            on_step=on_step,
            checkpoint=checkpoint,
            checkpoint_seconds=0,
        )

    with pytest.raises(KeyboardInterrupt):
        attempt(die)
    resumed: list[int] = []
    model = attempt(lambda done, _total, _loss: resumed.append(done))
    assert resumed[0] == seen[-1]
    assert same(model, train(TrainingData.prepare(short, snapshot), (), 4, device=CPU, on_step=quiet))


def test_a_damaged_checkpoint_means_starting_again(short: Recipe, snapshot: Snapshot, tmp_path: Path) -> None:
    (tmp_path / "checkpoint").write_bytes(b"half")
    model = train(
        TrainingData.prepare(short, snapshot), (), 4, device=CPU, on_step=quiet, checkpoint=tmp_path / "checkpoint"
    )
    assert same(model, train(TrainingData.prepare(short, snapshot), (), 4, device=CPU, on_step=quiet))


def test_progress_ends_at_the_total(short: Recipe, snapshot: Snapshot) -> None:
    seen: list[tuple[int, int]] = []
    train(
        TrainingData.prepare(short, snapshot), (), 4, device=CPU, on_step=lambda done, total, _: seen.append((done, total))
    )
    assert seen == sorted(seen)
    assert seen[-1] == (15 * 2, 15 * 2)  # sixteen examples in batches of eight


def test_a_diverging_loss_ends_the_training(short: Recipe, snapshot: Snapshot) -> None:
    with pytest.raises(TrainingDivergedError, match="lower the learning rate"):
        train(TrainingData.prepare(replace(short, learning_rate=1e30), snapshot), (), 4, device=CPU, on_step=quiet)


def test_an_exploding_loss_ends_the_training_although_it_is_a_number(
    short: Recipe, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "EXPLODED", 1.0)  # a rate that explodes and does not become NaN is hard to find
    with pytest.raises(TrainingDivergedError, match=r"The loss exploded: it is .* lower the learning rate"):
        train(TrainingData.prepare(short, snapshot), (), 4, device=CPU, on_step=quiet)


def test_a_model_that_does_not_fit_is_refused_with_both_numbers(short: Recipe, snapshot: Snapshot) -> None:
    huge = replace(short, architecture=replace(ARCHITECTURE, hidden_size=65_536, layers=96, intermediate_size=262_144))
    with pytest.raises(OutOfMemoryError, match=r"needs about \d+\.\d GiB .* and \d+\.\d GiB are available"):
        train(TrainingData.prepare(huge, snapshot), (), 4, device=CPU, on_step=quiet)


def test_nothing_to_train_on_is_refused(short: Recipe, snapshot: Snapshot) -> None:
    with pytest.raises(SpecError, match="nothing is left"):
        train(
            TrainingData.prepare(short, snapshot), [e.id for e in snapshot.examples("train")], 4, device=CPU, on_step=quiet
        )


def test_an_example_longer_than_the_model_reads_is_refused(short: Recipe, snapshot: Snapshot) -> None:
    narrow = replace(short, architecture=replace(ARCHITECTURE, max_length=10))
    with pytest.raises(CorpusError, match="raise max_length"):
        train(TrainingData.prepare(narrow, snapshot), (), 4, device=CPU, on_step=quiet)


def test_heads_must_divide_the_hidden_size(short: Recipe, snapshot: Snapshot) -> None:
    odd = replace(short, architecture=replace(ARCHITECTURE, heads=5))
    with pytest.raises(SpecError, match="must split into 5 heads"):
        train(TrainingData.prepare(odd, snapshot), (), 4, device=CPU, on_step=quiet)


def test_the_learning_rate_warms_up_and_falls_to_zero() -> None:
    shares = [learning_rate_share(step, 100, 0.1) for step in range(101)]
    assert shares[9] == max(shares) == 1.0
    assert shares[:10] == sorted(shares[:10])
    assert shares[10:] == sorted(shares[10:], reverse=True)
    assert shares[100] == pytest.approx(0)


def test_a_linear_schedule_falls_as_that_of_transformers() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    theirs = cast("Any", get_linear_schedule_with_warmup)(optimizer, num_warmup_steps=10, num_training_steps=100)
    falling = []
    for _ in range(100):
        falling.append(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()
    assert [learning_rate_share(step, 100, 0.1, "linear") for step in range(10, 100)] == pytest.approx(falling[10:])
