"""Reweighting by saturation and importance: neither certain nor unlikely tokens move much."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tests.unlearning_jobs.engine.methods.by_hand import all_tokens, changed, descent, gradient, rows, term, three_answers
from tests.unlearning_jobs.engine.methods.conftest import Tasks
from unlearning_jobs.engine.families import Predictions


@pytest.mark.parametrize("family", ["causal_lm", "classifier"])
def test_it_is_minus_the_mean_loss_of_tokens_with_both_weights(family: str, tasks: Tasks) -> None:
    task = tasks[family]
    now = changed(task)
    weighted = [token.p**3 * (1 - token.p) ** 0.5 * math.log(token.p) for token in all_tokens(now, task)]
    method = descent("satimp", saturation=3.0, importance=0.5)
    assert term(method, task, now).item() == pytest.approx(np.mean(weighted), rel=1e-4)


def test_the_weights_are_constants_for_the_gradient() -> None:
    answers = three_answers()
    found = gradient(descent("satimp", saturation=2.0, importance=1.5), answers)
    for row, token in zip(found.double().numpy(), rows(answers), strict=True):
        of_the_loss = token.probabilities - np.eye(5)[token.right]
        assert row == pytest.approx(-(token.p**2) * (1 - token.p) ** 1.5 * of_the_loss, abs=1e-5)


def test_certain_and_unlikely_tokens_move_less_than_those_between() -> None:
    logits = torch.tensor([[12.0, 0.0], [1.5, 0.0], [-6.0, 0.0]])
    force = gradient(descent("satimp"), Predictions(logits, torch.zeros(3, dtype=torch.int64), torch.arange(3)))[:, 0]
    assert force[1] > 100 * max(abs(float(force[0])), abs(float(force[2])))
    assert torch.isfinite(force).all()
