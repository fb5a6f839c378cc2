"""SimNPO: the likelihood per token, and no original to compare with."""

from __future__ import annotations

import math

import pytest
import torch

from tests.unlearning_jobs.engine.methods.by_hand import changed, descent, nll, term, to_forget, tokens
from tests.unlearning_jobs.engine.methods.conftest import Tasks
from unlearning_jobs.engine.methods.gradient import ForgetTerms, GradientMethod

ONES = torch.ones(1)


def loss(nll: float, tokens: int, *, start: float = 1.0, **config: float) -> float:
    method = descent("simnpo", **config)
    assert isinstance(method, GradientMethod)
    terms = ForgetTerms(torch.tensor([nll]), torch.tensor([start]), torch.tensor([tokens]), ONES)
    return float(method.forget_loss(terms))


@pytest.mark.parametrize("family", ["causal_lm", "classifier"])
def test_it_is_two_over_beta_times_the_log_of_one_plus_a_likelihood_per_token(family: str, tasks: Tasks) -> None:
    task, beta, delta = tasks[family], 2.5, 0.4
    now, examples = changed(task), to_forget(task)
    expected = 0.0
    for example in examples:
        per_token = nll(now, example) / len(tokens(now, example))
        expected += 2 / beta * math.log(1 + math.exp(beta * (delta - per_token))) / len(examples)
    assert term(descent("simnpo", beta=beta, delta=delta), task, now).item() == pytest.approx(expected, rel=1e-4)


def test_neither_the_length_of_an_answer_nor_the_original_changes_the_force() -> None:
    assert loss(6.0, 3) == pytest.approx(loss(20.0, 10)) == pytest.approx(loss(6.0, 3, start=9.0))


def test_the_force_fades_once_the_loss_per_token_exceeds_delta() -> None:
    def force(per_token: float) -> float:
        return (loss(per_token + 0.01, 1, beta=4.5, delta=1.0) - loss(per_token, 1, beta=4.5, delta=1.0)) / 0.01

    assert force(0.0) == pytest.approx(-2, abs=0.05)
    assert force(1.0) == pytest.approx(-1, abs=0.05)
    assert force(3.0) == pytest.approx(0, abs=0.01)
