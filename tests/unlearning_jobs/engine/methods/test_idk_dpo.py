"""DPO towards refusals: one for every example that asks something."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from tests.unlearning_jobs.engine.methods.by_hand import changed, descent, nll, term, to_forget
from tests.unlearning_jobs.engine.methods.conftest import Task, Tasks
from tests.unlearning_jobs.engine.methods.test_dpo import with_rows
from unlearning_jobs.engine.contracts import MethodChoice
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.methods import make_method
from unlearning_jobs.engine.methods.descent import Run
from unlearning_jobs.engine.methods.idk_dpo import REFUSALS, IdkDpo


def refusals(task: Task) -> list[tuple[str, ...]]:
    return cast("IdkDpo", descent("idk_dpo")).alternatives(Run(task.model, changed(task), task.context))


def test_every_example_gets_one_refusal_that_the_seed_decides(tasks: Tasks) -> None:
    task = tasks["causal_lm"]
    drawn = [refusals(Task(task.model, replace(task.context, seed=seed))) for seed in (1, 1, 2, 3, 4, 5)]
    assert drawn[0] == drawn[1]
    assert len({str(texts) for texts in drawn}) > 3
    assert all(len(own) == 1 and own[0] in REFUSALS for texts in drawn for own in texts)


def test_it_is_dpo_with_that_refusal(tasks: Tasks) -> None:
    task, beta = tasks["causal_lm"], 0.3
    now, expected = changed(task), 0.0
    for example, [refusal] in zip(to_forget(task), refusals(task), strict=True):
        other = replace(example, completion=refusal)
        margin = nll(task.model, other) - nll(now, other) + nll(now, example) - nll(task.model, example)
        expected += 2 / beta * math.log(1 + math.exp(-beta * margin)) / 2
    assert term(descent("idk_dpo", beta=beta), task, now).item() == pytest.approx(expected, rel=1e-4)


def test_the_refusal_becomes_likelier_than_the_answer(tasks: Tasks) -> None:
    task = tasks["causal_lm"]
    result = make_method(MethodChoice("idk_dpo")).unlearn(task.model, task.context, lambda _: None)
    for example, [refusal] in zip(to_forget(task), refusals(task), strict=True):
        other = replace(example, completion=refusal)
        assert nll(task.model, other) > nll(task.model, example) + 20
        assert nll(result, other) < nll(task.model, other) - 20


def test_a_text_without_a_prompt_asks_nothing_that_could_be_refused(tasks: Tasks, tmp_path: Path) -> None:
    texts = [{"text": f"Town number {number} lies on a river.", "split": "train"} for number in range(4)]
    task = with_rows(tasks["causal_lm"], [*texts, {"text": "So do others.", "split": "held_out"}], tmp_path)
    assert refusals(task) == [(), ()]
    with pytest.raises(ObstacleError, match=r"prompt that could be refused; choose npo"):
        make_method(MethodChoice("idk_dpo")).unlearn(task.model, task.context, lambda _: None)
