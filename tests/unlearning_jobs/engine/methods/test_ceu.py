"""Cross entropy unlearning: the model's own answers without the right one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.unlearning_jobs.engine.methods.by_hand import (
    Token,
    changed,
    descent,
    gradient,
    rows,
    term,
    three_answers,
    to_forget,
    tokens,
)
from tests.unlearning_jobs.engine.methods.conftest import Tasks


def without_right(token: Token) -> NDArray[np.float64]:
    target = token.probabilities.copy()
    target[token.right] = 0
    return np.asarray(target / target.sum())


@pytest.mark.parametrize("family", ["causal_lm", "classifier"])
@pytest.mark.parametrize("skipped", [0, 2])
def test_it_is_the_cross_entropy_from_the_other_answers_in_their_proportions(
    family: str, skipped: int, tasks: Tasks
) -> None:
    task = tasks[family]
    now = changed(task)
    losses = []
    for example in to_forget(task):
        own = tokens(now, example)
        for place, token in enumerate(own):
            acts = place >= skipped or place == len(own) - 1
            losses.append(-(without_right(token) * np.log(token.probabilities)).sum() if acts else 0.0)
    assert term(descent("ceu", skipped=skipped), task, now).item() == pytest.approx(np.mean(losses), rel=1e-4)


def test_the_right_token_loses_what_all_others_gain_in_proportion() -> None:
    answers = three_answers()
    for row, token in zip(gradient(descent("ceu", skipped=0), answers).double().numpy(), rows(answers), strict=True):
        assert row == pytest.approx(token.probabilities - without_right(token), abs=1e-5)
        assert row[token.right] == pytest.approx(token.p, abs=1e-5)
        assert (np.delete(row, token.right) < 0).all()


def test_the_first_tokens_of_every_answer_are_left_alone_and_its_last_never() -> None:
    answers = three_answers()
    moved = {skipped: gradient(descent("ceu", skipped=skipped), answers).abs().sum(-1) > 0 for skipped in (0, 1, 2, 9)}
    assert moved[0].all()
    assert moved[1].tolist() == [False, True, True, True, False, True]
    assert moved[2].tolist() == moved[9].tolist() == [False, False, True, True, False, True]


def test_a_certain_answer_keeps_the_gradient_finite() -> None:
    answers = three_answers()
    answers.logits[torch.arange(6), answers.labels] = 200.0
    assert torch.isfinite(gradient(descent("ceu"), answers)).all()
