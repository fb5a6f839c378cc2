"""Task vectors: what a copy learned of the forget set is taken back, as far as the retain loss allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.unlearning_jobs.engine.methods.conftest import Task, Tasks
from unlearning_jobs.engine.contracts import MethodChoice, Progress
from unlearning_jobs.engine.methods import make_method
from unlearning_jobs.engine.methods.task_vector import subtract
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import mean_margins, score


def unlearned(task: Task, **config: Any) -> TrainedModel:
    return make_method(MethodChoice("task_vector", config)).unlearn(task.model, task.context, lambda _: None)


def moved(task: Task, result: TrainedModel) -> Tensor:
    """How far every weight moved, in one row."""
    pairs = zip(result.network.parameters(), task.model.network.parameters(), strict=True)
    return torch.cat([(a - b).detach().flatten() for a, b in pairs])


def retain_loss(task: Task, model: TrainedModel) -> float:
    retain = model.family.encode(task.context.training_data.snapshot.get(task.context.retain_ids))
    return -float(torch.cat([s.log_probability for s in score(model, retain)]).mean())


class Counting(nn.Module):
    """Weights, a parameter of whole numbers, and a normalisation with statistics."""

    def __init__(self, value: float, steps: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((2, 3), value))
        self.steps = nn.Parameter(torch.tensor([steps]), requires_grad=False)
        self.norm = nn.BatchNorm1d(3)
        self.norm.running_var.fill_(value)  # type: ignore[union-attr]  # it has statistics


def test_alpha_times_the_difference_is_subtracted_from_weights_and_from_nothing_else() -> None:
    start, tuned = Counting(1.0, 4), Counting(1.5, 9)
    result = Counting(1.0, 4)
    subtract(result, start, tuned, 3.0)
    assert torch.equal(result.weight, torch.full((2, 3), 1.0 - 3.0 * 0.5))
    assert result.steps.tolist() == [4]
    assert torch.equal(torch.as_tensor(result.norm.running_var), torch.ones(3))


def test_the_weights_move_against_what_the_copy_learned(tasks: Tasks) -> None:
    # With a tolerance that nothing exceeds, alpha is the most, and twice the most moves every weight twice as far.
    task = tasks["classifier"]
    once, twice = (moved(task, unlearned(task, most=most, tolerance=100.0, epochs=2)) for most in (0.5, 1.0))
    assert float(once.norm()) > 0
    assert torch.allclose(twice, 2 * once, atol=1e-5)


@pytest.mark.parametrize("family", ["causal_lm", "classifier", "text_classifier"])
def test_it_goes_as_far_as_the_retain_loss_allows(family: str, tasks: Tasks) -> None:
    task, tolerance = tasks[family], 0.05
    limit = retain_loss(task, task.model) + tolerance
    result = unlearned(task, most=50.0, tolerance=tolerance)
    assert float(moved(task, result).norm()) > 0
    assert retain_loss(task, result) <= limit + 1e-5
    further = task.model.copy_to(task.context.device)
    with torch.no_grad():
        pairs = zip(further.network.parameters(), result.network.parameters(), strict=True)
        for weights, ours in pairs:
            weights.add_(ours - weights, alpha=20.0)
    assert retain_loss(task, further) > limit


def test_with_no_room_the_model_stays_as_it_is(tasks: Tasks) -> None:
    task = tasks["causal_lm"]
    result = unlearned(task, tolerance=0.0, most=1000.0)
    assert retain_loss(task, result) <= retain_loss(task, task.model) + 1e-6


def test_the_forget_set_gets_less_likely_and_the_retain_set_stays(tasks: Tasks) -> None:
    task = tasks["causal_lm"]
    result = unlearned(task)
    for ids, fallen in ((task.context.forget_ids, 2.0), (task.context.retain_ids, -100)):
        data = task.model.family.encode(task.context.training_data.snapshot.get(ids))
        before, after = (sum(mean_margins(model, data)) / len(data) for model in (task.model, result))
        assert after < before - fallen
        assert after > 0 or ids == task.context.forget_ids


def test_the_curves_and_margins_are_those_of_the_result_and_not_of_the_tuned_copy(tasks: Tasks) -> None:
    task = tasks["causal_lm"]
    noted: list[tuple[int, Mapping[str, float]]] = []
    seen: list[Progress] = []
    context = replace(task.context, on_margins=lambda step, margins: noted.append((step, margins)))
    result = make_method(MethodChoice("task_vector")).unlearn(task.model, context, seen.append)
    start, end = ({**margins} for _, margins in (noted[0], noted[-1]))
    forget = task.model.family.encode(context.training_data.snapshot.get(context.forget_ids))
    assert list(start.values()) == pytest.approx(mean_margins(task.model, forget), rel=1e-4)
    assert list(end.values()) == pytest.approx(mean_margins(result, forget), rel=1e-4)
    assert max(step for step, _ in noted) == 8
    assert all(value < max(start.values()) + 0.1 for _, margins in noted for value in margins.values())
    assert {p.done > p.total - 8 for p in seen if p.point} == {True}
    assert {p.done > p.total - 8 for p in seen if not p.point} == {False}
