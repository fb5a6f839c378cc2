"""Weighted gradient ascent: the weight counts, and no gradient flows through it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tests.unlearning_jobs.engine.methods.by_hand import all_tokens, changed, descent, gradient, rows, term, three_answers
from tests.unlearning_jobs.engine.methods.conftest import Tasks


@pytest.mark.parametrize("family", ["causal_lm", "classifier"])
@pytest.mark.parametrize("beta", [0.5, 1.0])
def test_it_is_minus_the_mean_loss_of_tokens_weighted_by_their_probability(family: str, beta: float, tasks: Tasks) -> None:
    task = tasks[family]
    now = changed(task)
    expected = -np.mean([token.p**beta * -math.log(token.p) for token in all_tokens(now, task)])
    assert term(descent("wga", beta=beta), task, now).item() == pytest.approx(expected, rel=1e-4)


def test_without_the_weight_it_is_gradient_ascent(tasks: Tasks) -> None:
    task = tasks["causal_lm"]
    now = changed(task)
    plain = term(descent("gradient_ascent"), task, now)
    assert term(descent("wga", beta=0), task, now).item() == pytest.approx(plain.item(), rel=1e-5)


def test_the_weight_is_a_constant_for_the_gradient() -> None:
    answers = three_answers()
    found = gradient(descent("wga", beta=2.0), answers)
    for row, token in zip(found.double().numpy(), rows(answers), strict=True):
        of_the_loss = token.probabilities - np.eye(5)[token.right]
        assert row == pytest.approx(-(token.p**2) * of_the_loss, abs=1e-5)
        assert row[token.right] > 0  # descending it lowers the right token's logit


def test_what_rests_counts_as_zero_in_the_mean(tasks: Tasks) -> None:
    task = tasks["causal_lm"]
    method, now = descent("wga"), changed(task, 0.3)  # less likely than held-out texts
    assert term(method, task, now).item() < 0
    method.floor = "held_out"
    assert term(method, task, now).item() == 0
    assert torch.isclose(term(method, task, task.model), term(descent("wga"), task, task.model))
