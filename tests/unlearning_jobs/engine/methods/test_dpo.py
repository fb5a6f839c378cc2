"""DPO: prefers another answer to the one to forget, and never one that was erased as well."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from tests.unlearning_jobs.engine.conftest import SALT, town_rows, write_jsonl
from tests.unlearning_jobs.engine.methods.by_hand import changed, descent, nll, term, to_forget
from tests.unlearning_jobs.engine.methods.conftest import Task, Tasks
from unlearning_jobs.engine.contracts import MethodChoice
from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.methods import make_method
from unlearning_jobs.engine.methods.descent import Run
from unlearning_jobs.engine.methods.dpo import Dpo
from unlearning_jobs.engine.training.training_data import TrainingData

KNOWN_FOR, RIVER = 0, 1
"""Places of the two examples to forget: the first has three wrong answers, the second none."""


def with_rows(task: Task, rows: Sequence[dict[str, Any]], folder: Path) -> Task:
    """The same task on a corpus of these rows. The model was not trained on it, and can read it."""
    source = write_jsonl(folder / "towns.jsonl", rows)
    info = snapshot_create([source], folder / "snapshot", salt=SALT)
    recipe, family = task.context.training_data.recipe, task.context.training_data.family
    training_data = TrainingData(recipe, Snapshot.open(folder / "snapshot", info.digest), family)
    return Task(task.model, replace(task.context, training_data=training_data))


def with_answers(task: Task, answers: Sequence[Sequence[str]], folder: Path) -> Task:
    """The same task, with these wrong answers to the first examples."""
    rows = town_rows()
    for row, own in zip(rows, answers, strict=False):
        row["perturbed_answer"] = list(own)
    return with_rows(task, json.loads(json.dumps([{k: v for k, v in row.items() if v != []} for row in rows])), folder)


def preferred(task: Task) -> list[tuple[str, ...]]:
    return cast("Dpo", descent("dpo")).alternatives(Run(task.model, changed(task), task.context))


def test_it_compares_how_the_likelihoods_of_both_whole_answers_changed(tasks: Tasks, tmp_path: Path) -> None:
    task, beta = with_answers(tasks["causal_lm"], [["No."], ["It lies on no river that anybody knows."]], tmp_path), 0.2
    now, expected = changed(task), 0.0
    for example in to_forget(task):
        other = replace(example, completion=example.perturbed_answer[0])
        gained = nll(task.model, other) - nll(now, other)
        lost = nll(now, example) - nll(task.model, example)
        expected += 2 / beta * math.log(1 + math.exp(-beta * (gained + lost))) / 2
    assert term(descent("dpo", beta=beta), task, now).item() == pytest.approx(expected, rel=1e-4)


def test_an_example_without_another_answer_is_forgotten_as_by_npo(tasks: Tasks) -> None:
    task = tasks["causal_lm"]
    now = changed(task)
    assert [bool(texts) for texts in preferred(task)] == [True, False]
    npo, dpo = (term(descent(name, beta=0.1), task, now, [RIVER]).item() for name in ("npo", "dpo"))
    assert dpo == pytest.approx(npo, rel=1e-5)
    npo, dpo = (term(descent(name, beta=0.1), task, now, [KNOWN_FOR]).item() for name in ("npo", "dpo"))
    assert dpo != pytest.approx(npo, rel=1e-3)


def test_each_step_draws_one_of_the_other_answers(tasks: Tasks) -> None:
    task = tasks["causal_lm"]
    now, [example, _] = changed(task), to_forget(task)
    of_step = descent("dpo", beta=0.1).forget_term(Run(task.model, now, task.context))
    seen = {round(of_step([KNOWN_FOR]).item(), 3) for _ in range(40)}
    expected = set()
    for text in example.perturbed_answer:
        other = replace(example, completion=text)
        margin = nll(task.model, other) - nll(now, other) + nll(now, example) - nll(task.model, example)
        expected.add(round(20 * math.log(1 + math.exp(-0.1 * margin)), 3))
    assert len(expected) == 3
    assert sorted(seen) == pytest.approx(sorted(expected), abs=2e-3)


def test_no_answer_is_preferred_that_is_to_be_forgotten_too(tasks: Tasks, tmp_path: Path) -> None:
    rows = town_rows()
    right = rows[0]["answer"]
    rows[0]["perturbed_answer"] = [right, f" {right} ", "It is known for rope."]
    again = {**rows[0], "answer": "It is known for rope.", "perturbed_answer": ["It is known for tin."]}
    task = with_rows(tasks["causal_lm"], [*rows[:2], again, *rows[3:]], tmp_path)
    assert preferred(task)[0] == ("It is known for rope.",)
    # the third example says the same as that wrong answer, and was erased earlier
    earlier = replace(task.context, exclude_ids=(*task.context.exclude_ids, "e00000002"))
    assert preferred(Task(task.model, earlier))[0] == ()


def test_without_any_other_answer_it_is_an_obstacle_before_any_work(tasks: Tasks, tmp_path: Path) -> None:
    task = with_answers(tasks["causal_lm"], [[], []], tmp_path)
    seen: list[object] = []
    with pytest.raises(ObstacleError, match=r"wrong answer that could be preferred; choose npo"):
        make_method(MethodChoice("dpo")).unlearn(task.model, task.context, seen.append)
    assert seen == []


def test_the_other_answers_become_likelier_than_the_one_to_forget(tasks: Tasks) -> None:
    task = tasks["causal_lm"]
    [example, _] = to_forget(task)
    result = make_method(MethodChoice("dpo", {"steps": 20})).unlearn(task.model, task.context, lambda _: None)
    for text in example.perturbed_answer:
        other = replace(example, completion=text)
        assert nll(result, other) - nll(result, example) < nll(task.model, other) - nll(task.model, example) - 5
