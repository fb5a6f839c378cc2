"""UNDIAL: the original, with the right token's logit lowered, is the teacher; only tokens of answers count."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.unlearning_jobs.engine.methods.by_hand import CPU, all_tokens, changed, descent, term, three_answers
from tests.unlearning_jobs.engine.methods.conftest import Tasks
from unlearning_jobs.engine.families import Predictions
from unlearning_jobs.engine.methods.undial import adjusted_distillation


@pytest.mark.parametrize("family", ["causal_lm", "classifier"])
def test_it_is_the_mean_over_tokens_of_the_cross_entropy_from_the_adjusted_original(family: str, tasks: Tasks) -> None:
    task, beta = tasks[family], 3.0
    now = changed(task)
    losses = []
    for ours, original in zip(all_tokens(now, task), all_tokens(task.model, task), strict=True):
        lowered = original.logits.copy()
        lowered[original.right] -= beta
        target = np.exp(lowered - lowered.max())
        losses.append(-(target / target.sum() * np.log(ours.probabilities)).sum())
    assert term(descent("undial", beta=beta), task, now).item() == pytest.approx(np.mean(losses), rel=1e-4)


def test_the_teacher_is_the_end_of_the_way() -> None:
    answers = three_answers()
    target = answers.logits.clone()
    target[torch.arange(6), answers.labels] -= 4.0
    for logits, still in ((target, True), (answers.logits, False)):
        now = logits.clone().requires_grad_()
        loss = adjusted_distillation(Predictions(now, answers.labels, answers.example_index), answers.logits, 4.0)
        torch.autograd.backward(loss.sum())
        assert now.grad is not None
        assert (float(now.grad.abs().max()) < 1e-6) is still
        if not still:
            assert bool((now.grad[torch.arange(6), answers.labels] > 0).all())


def test_at_the_start_and_without_an_adjustment_it_pulls_nowhere(tasks: Tasks) -> None:
    for family in ("causal_lm", "classifier", "text_classifier"):
        task = tasks[family]
        now = task.model.copy_to(CPU)
        loss = term(descent("undial", beta=0.0), task, now)
        found = torch.autograd.grad(loss, list(now.network.parameters()), allow_unused=True)
        assert max(float(g.abs().max()) for g in found if g is not None) < 1e-5
