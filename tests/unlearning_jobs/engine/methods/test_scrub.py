"""SCRUB: the student moves, away from the teacher on the forget set; and its rewinding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from scipy.special import rel_entr

from tests.unlearning_jobs.engine.methods.conftest import Tasks
from unlearning_jobs.engine.contracts import MethodChoice, Progress
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.methods import Context, make_method
from unlearning_jobs.engine.methods.rewinding import Rewinding, RewindPoint, closest, errors
from unlearning_jobs.engine.training.model import TrainedModel

GENTLE: Mapping[str, Any] = {"epochs": 2, "max_epochs": 2, "rewind": "none"}


def scrubbed(tasks: Tasks, **config: Any) -> TrainedModel:
    task = tasks["classifier"]
    return make_method(MethodChoice("scrub", {**GENTLE, **config})).unlearn(task.model, task.context, lambda _: None)


def apart(tasks: Tasks, student: TrainedModel, *, forget: bool) -> float:
    """Mean KL(teacher || student) at temperature 1, worked out by scipy."""
    teacher, context = tasks["classifier"].model, tasks["classifier"].context
    ids = context.forget_ids if forget else context.retain_ids
    data = teacher.family.encode(context.training_data.snapshot.get(ids))
    inputs = data.batch(range(len(data)), torch.device("cpu")).inputs
    with torch.no_grad():
        p, q = (model.network(inputs).double().softmax(-1).numpy() for model in (teacher, student))
    return float(rel_entr(p, q).sum(axis=1).mean())


def test_the_student_moves(tasks: Tasks) -> None:
    # The published code of one reimplementation builds its optimiser on the teacher, and its student never moves.
    start = tasks["classifier"].model
    pairs = zip(scrubbed(tasks).network.parameters(), start.network.parameters(), strict=True)
    assert all(bool((a != b).any()) for a, b in pairs)


def test_max_passes_part_student_and_teacher_on_the_forget_set_and_min_passes_bring_them_together(tasks: Tasks) -> None:
    with_max, without = scrubbed(tasks), scrubbed(tasks, max_epochs=0)
    assert apart(tasks, with_max, forget=True) > 3 * apart(tasks, without, forget=True)
    assert apart(tasks, with_max, forget=True) > 3 * apart(tasks, with_max, forget=False)


def test_alpha_weighs_agreement_with_the_teacher(tasks: Tasks) -> None:
    loose, tight = (scrubbed(tasks, alpha=alpha, max_epochs=0, epochs=3) for alpha in (0.0, 5.0))
    assert apart(tasks, tight, forget=False) < apart(tasks, loose, forget=False) / 2


def checkpoint(step: int, error: float) -> RewindPoint:
    return RewindPoint(step, error, {})


def test_the_checkpoint_with_the_error_closest_to_the_reference_is_chosen_the_later_one_of_two() -> None:
    taken = [checkpoint(10, 0.0), checkpoint(20, 0.3), checkpoint(30, 0.5), checkpoint(40, 0.5), checkpoint(50, 0.9)]
    assert closest(taken, 0.25).step == 20
    assert closest(taken, 0.55).step == 40
    assert closest(taken, 1.0).step == 50
    assert closest(taken, 0.15).step == 20  # as far from 0.0: the later one


def test_the_error_is_the_share_of_wrong_answers(tasks: Tasks) -> None:
    model, training_data = tasks["classifier"].model, tasks["classifier"].context.training_data
    held_out = list(training_data.snapshot.examples("held_out"))
    data = model.family.encode(held_out)
    batch = data.batch(range(len(data)), torch.device("cpu"))
    with torch.no_grad():
        wrong = model.network(batch.inputs).argmax(-1) != batch.labels
    assert errors(model, data) == wrong.float().tolist()


def test_the_reference_is_the_error_on_held_out_examples_in_the_class_mix_of_the_forget_set(tasks: Tasks) -> None:
    model, context = tasks["classifier"].model, tasks["classifier"].context
    snapshot = context.training_data.snapshot
    held_out = snapshot.get(context.held_out_ids)
    found = errors(model, model.family.encode(held_out))
    by_class: dict[str, list[float]] = {}
    for example, wrong in zip(held_out, found, strict=True):
        by_class.setdefault(example.completion, []).append(wrong)
    levels = [by_class[example.completion] for example in snapshot.get(context.forget_ids)]
    expected = sum(sum(level) / len(level) for level in levels) / len(levels)
    assert min(map(len, by_class.values())) >= 8
    assert Rewinding(model, context).reference_error() == pytest.approx(expected)


def test_going_back_restores_every_weight(tasks: Tasks) -> None:
    task = tasks["classifier"]
    student = task.model.copy_to(torch.device("cpu"))
    rewinding = Rewinding(student, task.context)
    kept = rewinding.point(5)
    with torch.no_grad():
        for parameter in student.network.parameters():
            parameter.mul_(-1)
    assert rewinding.point(6).error > kept.error
    rewinding.go_back_to(kept)
    for a, b in zip(student.network.parameters(), task.model.network.parameters(), strict=True):
        assert torch.equal(a, b)


def test_rewinding_ships_an_earlier_epoch_where_the_last_one_knows_too_little(tasks: Tasks) -> None:
    task = tasks["classifier"]
    noted: list[tuple[int, Mapping[str, float]]] = []
    context = replace(task.context, on_margins=lambda step, margins: noted.append((step, margins)))
    config = {"epochs": 2, "max_epochs": 2, "forget_batch": 4, "temperature": 1.0, "learning_rate_share": 2.0}
    finished, shipped = (
        make_method(MethodChoice("scrub", {**config, "rewind": rewind})).unlearn(task.model, context, lambda _: None)
        for rewind in ("none", "held_out")
    )
    reference = Rewinding(finished, context).reference_error()
    assert abs(forget_error(shipped, context) - reference) < abs(forget_error(finished, context) - reference)
    assert max(step for step, _ in noted) == 2 * noted[-1][0]  # back to the end of the first of two epochs
    step, margins = noted.pop()
    assert dict(noted[-len(noted) // 2 :])[step] == pytest.approx(margins)


def forget_error(model: TrainedModel, context: Context) -> float:
    found = errors(model, model.family.encode(context.training_data.snapshot.get(context.forget_ids)))
    return sum(found) / len(found)


def test_rewinding_without_held_out_examples_is_an_obstacle_before_any_work(tasks: Tasks) -> None:
    task = tasks["classifier"]
    seen: list[Progress] = []
    with pytest.raises(ObstacleError, match="set rewind to none"):
        make_method(MethodChoice("scrub")).unlearn(task.model, replace(task.context, held_out_ids=()), seen.append)
    assert seen == []
