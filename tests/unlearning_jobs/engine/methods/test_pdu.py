"""The primal-dual method: flat logits on the forget set, and a weight that follows the loss on the retain set."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
import torch

from tests.unlearning_jobs.engine.methods.by_hand import (
    CPU,
    all_tokens,
    changed,
    descent,
    gradient,
    rows,
    term,
    three_answers,
    tokens,
)
from tests.unlearning_jobs.engine.methods.conftest import Task, Tasks
from unlearning_jobs.engine.methods.descent import Run
from unlearning_jobs.engine.methods.pdu import Pdu
from unlearning_jobs.engine.training.model import TrainedModel


@pytest.mark.parametrize("family", ["causal_lm", "classifier"])
def test_the_forget_term_is_the_mean_squared_distance_of_the_largest_logit_from_the_mean(family: str, tasks: Tasks) -> None:
    task = tasks[family]
    now = changed(task)
    expected = np.mean([(token.logits.max() - token.logits.mean()) ** 2 for token in all_tokens(now, task)])
    assert term(descent("pdu"), task, now).item() == pytest.approx(expected, rel=1e-4)


def test_it_pulls_the_largest_logit_down_and_all_others_up() -> None:
    answers = three_answers()
    for row, token in zip(gradient(descent("pdu"), answers).numpy(), rows(answers), strict=True):
        largest = int(token.logits.argmax())
        assert row[largest] > 0
        assert (np.delete(row, largest) < 0).all()


def test_flat_logits_are_where_it_rests() -> None:
    answers = three_answers()
    answers.logits[:] = 2.5
    assert float(gradient(descent("pdu"), answers).abs().max()) == 0


def retain_loss(task: Task, model: TrainedModel) -> float:
    snapshot = task.context.training_data.snapshot
    losses = [-np.log(token.p) for e in snapshot.get(task.context.retain_ids) for token in tokens(model, e)]
    return float(np.mean(losses))


def retain_terms(task: Task, now: TrainedModel, steps: int, **config: float) -> list[float]:
    """What the retain term is at several steps at which the model stays as it is."""
    method = cast("Pdu", descent("pdu", **config))
    of_step = method.retain_term(Run(task.model, now, task.context))
    everything = list(range(len(task.context.retain_ids)))
    terms = []
    for _ in range(steps):
        of_step.begin()
        terms.append(of_step(everything).item())
        of_step.end()
    return terms


def test_the_weight_follows_the_excess_over_the_limit(tasks: Tasks) -> None:
    task = tasks["causal_lm"]
    now = changed(task)
    excess = retain_loss(task, now) - (retain_loss(task, task.model) + 0.1)
    assert excess > 0.1
    weights = [2.0, 2.0, 2.0, 2.0 + 3 * excess, 2.0 + 6 * excess]  # it rests for two steps
    found = retain_terms(task, now, 5, tolerance=0.1, dual_start=2.0, dual_step=3.0, dual_rest=2)
    assert found == pytest.approx([weight * excess for weight in weights], rel=1e-3)


def test_while_the_limit_is_kept_the_weight_falls_and_ends_at_zero(tasks: Tasks) -> None:
    task = tasks["classifier"]
    found = retain_terms(task, task.model.copy_to(CPU), 4, tolerance=0.5, dual_start=1.0, dual_step=0.8)
    assert found == pytest.approx([-0.5, 0.6 * -0.5, 0.2 * -0.5, 0.0], abs=1e-4)


def test_no_gradient_flows_through_the_weight(tasks: Tasks) -> None:
    task = tasks["classifier"]
    now = changed(task)
    parameters = list(now.network.parameters())
    of_step = descent("pdu", dual_start=3.0, dual_step=9.0).retain_term(Run(task.model, now, task.context))
    plain = descent("npo").retain_term(Run(task.model, now, task.context))
    constrained, free = (torch.autograd.grad(each([0, 1, 2]), parameters) for each in (of_step, plain))
    for ours, theirs in zip(constrained, free, strict=True):
        assert torch.allclose(ours, 3.0 * theirs, rtol=1e-4, atol=1e-6)
