"""Losses are read several at a time, so that nobody waits for the device at each step; none is left out or comes late."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.errors import TrainingDivergedError
from unlearning_jobs.engine.training import loop
from unlearning_jobs.engine.training.loop import MOST_UNREAD, StepCallback, training_loop
from unlearning_jobs.engine.training.parts import Objective
from unlearning_jobs.engine.training.schedule import LearningRate, make_optimizer

STEPS = 34


@pytest.fixture(autouse=True)
def no_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "MOST_SECONDS", math.inf)


def run(
    recipe: Recipe,
    on_step: StepCallback,
    *,
    reads: Callable[[int], bool],
    bad: int = 0,
    begun: list[int] | None = None,
) -> list[int]:
    """Take steps of which the bad one's loss is no number. Return the steps that were begun."""
    network, begun = nn.Linear(2, 1), [] if begun is None else begun

    def loss_of(positions: Sequence[int]) -> Tensor:
        begun.append(positions[0])
        loss: Tensor = network(torch.ones(1, 2)).square().sum() * (math.nan if positions[0] == bad else 1)
        return loss

    plain = replace(recipe, optimizer="sgd")
    try:
        training_loop(
            network,
            [[step] for step in range(1, STEPS + 1)],
            Objective.of_positions(loss_of, len),
            recipe=plain,
            optimizer=make_optimizer(plain, network.parameters()),
            learning_rate=LearningRate.of(plain, STEPS),
            device=torch.device("cpu"),
            on_step=on_step,
            reads=reads,
        )
    except TrainingDivergedError as error:
        assert f"after {bad} of {STEPS} steps" in str(error)  # noqa: PT017  # the steps that were begun are wanted, too
    return begun


def test_each_loss_is_reported_in_order_and_at_most_ten_steps_later(recipe: Recipe) -> None:
    reported: list[int] = []
    begun = run(recipe, lambda done, _total, _loss: reported.append(done), reads=lambda _done: False)
    assert reported == begun == list(range(1, STEPS + 1))


def test_who_looks_at_the_network_is_called_before_the_next_step(recipe: Recipe) -> None:
    begun: list[int] = []
    at_call: dict[int, int] = {}

    def note(done: int, _total: int, _loss: float) -> None:
        at_call[done] = len(begun)

    run(recipe, note, reads=lambda done: done % 7 == 0, begun=begun)
    assert all(at_call[done] == done for done in range(7, STEPS, 7))
    assert at_call[8] == 14  # it waited for the others


@pytest.mark.parametrize("bad", [1, 5, 23, STEPS])
def test_a_loss_that_is_no_number_ends_the_run_soon(recipe: Recipe, bad: int) -> None:
    reported: list[int] = []
    begun = run(recipe, lambda done, _total, _loss: reported.append(done), reads=lambda _done: False, bad=bad)
    assert reported == list(range(1, bad))
    assert len(begun) < bad + MOST_UNREAD
