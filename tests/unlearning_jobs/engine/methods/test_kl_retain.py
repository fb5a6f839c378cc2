"""Gradient ascent held by the original's answers."""

from __future__ import annotations

from typing import cast

import pytest
import torch
from torch import Tensor

from tests.unlearning_jobs.engine.methods.conftest import Tasks
from unlearning_jobs.engine.catalogue import METHODS as CATALOGUE
from unlearning_jobs.engine.contracts import MethodChoice
from unlearning_jobs.engine.methods import ExampleCounter, make_method
from unlearning_jobs.engine.methods.gradient import ForgetTerms
from unlearning_jobs.engine.methods.kl_retain import KlRetain
from unlearning_jobs.engine.training.model import TrainedModel

CPU = torch.device("cpu")
METHOD = cast("KlRetain", make_method(MethodChoice("kl_retain")))


def retain_term(tasks: Tasks, family: str, now: TrainedModel) -> Tensor:
    model, context = tasks[family].model, tasks[family].context
    data = context.training_data.without(context.exclude_ids)
    batch = data.batch(range(8), CPU)
    return METHOD.retain_loss(model, batch, now.family.predict(now.network, batch), ExampleCounter())


def test_at_the_start_the_retain_term_is_zero_and_pulls_nowhere(tasks: Tasks) -> None:
    for family in CATALOGUE["kl_retain"].families:
        now = tasks[family].model.copy_to(CPU)
        term = retain_term(tasks, family, now)
        gradients = torch.autograd.grad(term, list(now.network.parameters()), allow_unused=True)
        assert abs(term.item()) < 1e-6
        assert max(float(g.abs().max()) for g in gradients if g is not None) < 1e-5


def test_away_from_the_start_it_pulls_back(tasks: Tasks) -> None:
    now = tasks["classifier"].model.copy_to(CPU)
    with torch.no_grad():
        for parameter in now.network.parameters():
            parameter.mul_(0.7)
    before = retain_term(tasks, "classifier", now)
    torch.autograd.backward(before)
    with torch.no_grad():
        for parameter in now.network.parameters():
            assert parameter.grad is not None
            parameter.sub_(0.01 * parameter.grad)
    assert 0 < retain_term(tasks, "classifier", now).item() < before.item()


def test_the_forget_term_is_ascent() -> None:
    terms = ForgetTerms(torch.tensor([3.0, 8.0]), torch.tensor([1.0, 2.0]), torch.tensor([4, 6]), torch.ones(2))
    assert METHOD.forget_loss(terms).item() == pytest.approx(-11 / 10)


def test_the_first_step_is_that_of_ascent_alone(tasks: Tasks) -> None:
    model, context = tasks["classifier"].model, tasks["classifier"].context
    options = {"steps": 1, "floor": "none", "forget_batch": 64}
    held, free = (
        make_method(MethodChoice("kl_retain", {**options, "retain_weight": weight})).unlearn(model, context, lambda _: None)
        for weight in (5.0, 0.0)
    )
    for a, b, start in zip(*(m.network.parameters() for m in (held, free, model)), strict=True):
        # Adam's first step is as long for a tiny gradient as for a large one, so the signs are what can be compared.
        moved = (b - start).abs() > 1e-7
        agree = torch.sign(a - start)[moved] == torch.sign(b - start)[moved]
        assert agree.float().mean() > 0.95
