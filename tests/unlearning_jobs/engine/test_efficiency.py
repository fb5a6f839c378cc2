"""What unlearning cost, as a share of training again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.unlearning_jobs.engine.conftest import with_recipe
from unlearning_jobs.engine.contracts import ResourceUsage
from unlearning_jobs.engine.efficiency import Costs, mean_usage, share, start_stopwatch
from unlearning_jobs.engine.training.cache import Trainer


@pytest.fixture
def costs(leaf_trainer: Trainer, tmp_path: Path) -> Costs:
    return Costs(replace(with_recipe(leaf_trainer, epochs=2), cache=tmp_path))


def quiet(*_: object) -> None:
    """Take no notice."""


def busy(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def test_a_stopwatch_gives_wall_time_and_no_device_time_on_a_cpu() -> None:
    stop = start_stopwatch(torch.device("cpu"))
    busy(0.05)
    spent = stop()
    assert 0.05 <= spent.wall_seconds < 0.5
    assert spent.device_seconds is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_the_device_has_a_clock_of_its_own() -> None:
    device = torch.device("cuda")
    matrix = torch.ones(2048, 2048, device=device)
    stop = start_stopwatch(device)
    for _ in range(20):
        matrix = (matrix @ matrix).clamp(max=1)
    spent = stop()
    assert spent.device_seconds is not None
    assert 0 < spent.device_seconds <= spent.wall_seconds + 0.01


def test_nothing_is_said_before_anything_was_unlearned(costs: Costs) -> None:
    assert costs.efficiency() is None


def test_the_shares_are_those_of_an_oracle_trained_in_the_same_run(costs: Costs) -> None:
    exclude = costs.trainer.training_data.ids[:12]
    with costs.unlearn():
        costs.counter.add(300)
        costs.counter.add(30, backwards=False)
        busy(0.02)
    costs.retrain(exclude, 5, quiet)
    report = costs.efficiency()
    assert report is not None
    assert report.retraining is not None
    passes = costs.trainer.training_data.recipe.epochs * (len(costs.trainer.training_data.ids) - 12)
    assert report.retraining.examples == passes
    assert report.examples_share == pytest.approx(310 / passes)
    assert report.wall_share == pytest.approx(report.unlearning.wall_seconds / report.retraining.wall_seconds)
    assert report.unlearning.wall_seconds >= 0.02
    assert (report.retrainings, report.device_share, report.note) == (1, None, "")


def test_an_oracle_from_the_cache_is_no_measure_and_it_says_so(costs: Costs) -> None:
    costs.trainer.obtain((), 5, quiet)
    with costs.unlearn():
        costs.counter.add(0)
    costs.retrain((), 5, quiet)
    report = costs.efficiency()
    assert report is not None
    assert (report.retraining, report.wall_share, report.examples_share) == (None, None, None)
    assert "not known" in report.note


def test_what_a_method_trains_is_its_own_cost_and_what_it_finds_in_the_cache_is_said(costs: Costs) -> None:
    with costs.unlearn():
        costs.train((), 5, quiet)
    report = costs.efficiency()
    assert report is not None
    assert report.unlearning.examples == costs.trainer.training_data.recipe.epochs * len(costs.trainer.training_data.ids)
    assert "came from the cache" not in report.note
    assert report.from_cache == 0
    with costs.unlearn():
        costs.train((), 5, quiet)
    again = costs.efficiency()
    assert again is not None
    assert "came from the cache" in again.note
    assert again.from_cache == 1


def test_a_training_that_was_resumed_is_no_measure(costs: Costs) -> None:
    def killed(done: int, total: int, _loss: float) -> None:
        if done > total / 2:
            raise KeyboardInterrupt

    hurried = replace(costs.trainer, checkpoint_seconds=0.0)
    with pytest.raises(KeyboardInterrupt):
        hurried.obtain((), 6, killed)
    costs.retrain((), 6, quiet)
    assert costs.retrainings == []


def test_a_method_that_counts_nothing_says_so(costs: Costs) -> None:
    with costs.unlearn():
        busy(0)
    report = costs.efficiency()
    assert report is not None
    assert report.unlearning.examples is None
    assert "does not count" in report.note


def parts() -> Iterator[ResourceUsage]:
    yield ResourceUsage(1.0, 0.5, 100)
    yield ResourceUsage(3.0, 1.5, 300)


def test_means_are_per_quantity() -> None:
    assert mean_usage(list(parts())) == ResourceUsage(2.0, 1.0, 200)
    assert mean_usage([]) is None
    assert mean_usage([ResourceUsage(2.0)]) == ResourceUsage(2.0)


def test_a_share_of_nothing_or_of_something_unknown_is_unknown() -> None:
    assert share(1.0, 4.0) == 0.25
    assert share(0.0, 4.0) == 0.0
    assert share(1.0, 0.0) is share(1.0, None) is share(None, 1.0) is None
