"""The upper bound: seeds of its own, mean logits, and a student that comes near them."""

from __future__ import annotations

import weakref
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.unlearning_jobs.engine.methods.conftest import Tasks
from unlearning_jobs.engine.contracts import MethodChoice, Progress
from unlearning_jobs.engine.methods import ExampleCounter, make_method, oracle_matching
from unlearning_jobs.engine.methods.logit_regression import logits_of
from unlearning_jobs.engine.methods.oracle_matching import FIRST_SEED, add_to_mean, oracle_seeds
from unlearning_jobs.engine.training.loop import StepCallback
from unlearning_jobs.engine.training.model import TrainedModel


def test_its_seeds_are_nobody_elses() -> None:
    taken = {1, FIRST_SEED, FIRST_SEED + 2}
    assert oracle_seeds(taken, 3) == [FIRST_SEED + 1, FIRST_SEED + 3, FIRST_SEED + 4]
    assert oracle_seeds((), 2) == [FIRST_SEED, FIRST_SEED + 1]


def test_its_oracles_never_saw_the_forget_set_and_the_result_says_what_they_say_on_average(tasks: Tasks) -> None:
    task = tasks["classifier"]
    oracles: list[TrainedModel] = []
    asked: list[tuple[tuple[str, ...], int]] = []

    def train(exclude_ids: Collection[str], seed: int, on_step: StepCallback) -> TrainedModel:
        asked.append((tuple(exclude_ids), seed))
        oracles.append(task.context.train(exclude_ids, seed, on_step))
        return oracles[-1]

    context = replace(task.context, train=train, taken_seeds=frozenset({FIRST_SEED}))
    result = make_method(MethodChoice("oracle_matching", {"oracles": 2})).unlearn(task.model, context, lambda _: None)
    assert asked == [(context.exclude_ids, FIRST_SEED + 1), (context.exclude_ids, FIRST_SEED + 2)]

    forget = task.model.family.encode(context.training_data.snapshot.get(context.forget_ids))
    inputs = forget.batch(range(len(forget)), torch.device("cpu")).inputs
    with torch.no_grad():
        mean = torch.stack([oracle.network(inputs) for oracle in oracles]).mean(dim=0)
        before, after = (float((m.network(inputs) - mean).square().mean()) for m in (task.model, result))
    assert after < before / 10


def test_the_mean_that_is_kept_while_oracles_come_and_go_is_that_of_all_of_them() -> None:
    sizes = (3, 1, 7)  # answers of each example
    logits = [[100 * torch.randn(size, 50) for size in sizes] for _ in range(9)]
    mean: list[torch.Tensor] = []
    for number, of_one in enumerate(logits):
        add_to_mean(mean, [tensor.clone() for tensor in of_one], number)
    for place, kept in enumerate(mean):
        expected = torch.stack([of_one[place].double() for of_one in logits]).mean(0)
        torch.testing.assert_close(kept.double(), expected, rtol=1e-5, atol=1e-4)


def test_only_one_oracles_logits_are_in_memory_beside_the_mean(tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    task, alive = tasks["classifier"], []
    kept: list[weakref.ref[torch.Tensor]] = []

    def noted(*arguments: Any) -> list[torch.Tensor]:
        alive.append(sum(ref() is not None for ref in kept))
        logits = logits_of(*arguments)
        kept.extend(map(weakref.ref, logits))
        return logits

    monkeypatch.setattr(oracle_matching, "logits_of", noted)
    context = replace(task.context, train=lambda *_: task.model)
    method = make_method(MethodChoice("oracle_matching", {"oracles": 4, "epochs": 1}))
    method.unlearn(task.model, context, lambda _: None)
    assert len(set(alive[1:])) == 1  # after the first one, the mean and nothing else


def test_it_counts_its_oracles_progress_before_its_own(tasks: Tasks) -> None:
    task = tasks["classifier"]
    seen: list[Progress] = []
    config = {"oracles": 2, "epochs": 1, "batch": 16, "retain_multiplier": 3.0}
    make_method(MethodChoice("oracle_matching", config)).unlearn(task.model, task.context, seen.append)
    steps = -(-4 * len(task.context.forget_ids) // 16)
    assert {p.total for p in seen} == {200 + steps}
    assert [p.done for p in seen if p.point and p.point[0] == "loss"] == list(range(201, 201 + steps))


def test_where_little_remains_all_of_it_is_matched(tasks: Tasks) -> None:
    task, counter = tasks["classifier"], ExampleCounter()
    config = {"oracles": 1, "epochs": 1, "batch": 64, "retain_multiplier": 1000.0}
    context = replace(task.context, counter=counter)
    make_method(MethodChoice("oracle_matching", config)).unlearn(task.model, context, lambda _: None)
    assert counter.examples == pytest.approx((1 + 1 / 3) * len(context.training_data.ids))
