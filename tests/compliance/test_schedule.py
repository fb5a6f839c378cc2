"""What runs by itself, by the clock: whatever repairs, signs, copies or compares is on the schedule."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from celery import Task

import compliance.tasks
import requests_app.tasks
import unlearning_jobs.tasks
from compliance.celery import app
from requests_app.services.suppression_ends import POLICY_TASK
from unlearning_jobs.queue import COMPARE_TASK

MODULES = (compliance.tasks, requests_app.tasks, unlearning_jobs.tasks)
PERIODIC = {
    "compliance.record_checkpoint": "signing",
    "requests_app.requests_reconcile": "default",
    "unlearning_jobs.jobs_reconcile": "default",
    "unlearning_jobs.ledger_copy": "default",
    "unlearning_jobs.snapshots_check": "matching",
}
"""The queue of each: nothing else may take what needs keys, or what waits for a corpus."""
RUNG = {COMPARE_TASK, POLICY_TASK}
"""Need no row, and somebody rings for them."""
PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", PERIODIC)
def test_each_of_them_is_on_the_schedule_once(name: str) -> None:
    assert [entry["task"] for entry in app.conf.beat_schedule.values()].count(name) == 1


def test_whatever_needs_no_row_is_on_the_schedule_or_is_rung_for() -> None:
    assert {task.name for task in tasks() if not signature(task.run).parameters} == {*PERIODIC, *RUNG}


def test_every_entry_of_the_schedule_names_a_task_that_needs_no_row_and_comes_again() -> None:
    known = {task.name: task for task in tasks()}
    for entry in app.conf.beat_schedule.values():
        assert not signature(known[entry["task"]].run).parameters
        assert entry.get("args", ()) == ()
        assert entry["schedule"] > 0


def test_what_is_on_the_schedule_goes_to_the_workers_that_its_task_is_for() -> None:
    queues = {task.name: vars(type(task))["queue"] for task in tasks()}
    assert {name: queues[name] for name in PERIODIC} == PERIODIC
    for entry in app.conf.beat_schedule.values():
        assert entry.get("options", {}).get("queue", queues[entry["task"]]) == PERIODIC[entry["task"]]
    assert {*queues.values()} <= {queue.name for queue in app.conf.task_queues}


def test_every_reconciler_is_called_by_what_is_on_the_schedule() -> None:
    """What a lost message leaves undone is found by them alone."""
    calls = called_by_function()
    reached = {"requests_reconcile", "jobs_reconcile"}
    for _ in range(3):
        reached |= {name for caller in reached for name in calls[caller]}
    found = {name for name in calls if name.endswith("_reconcile")}
    assert found == {
        *("requests_reconcile", "searches_reconcile", "samples_reconcile", "store_erasures_reconcile"),
        *("jobs_reconcile", "indexes_reconcile", "destruction_reconcile"),
    }
    assert found <= reached


def tasks() -> Iterator[Task[..., Any]]:
    """Every task of the project."""
    for module in MODULES:
        names = {task.name for task in vars(module).values() if getattr(task, "name", None) in app.tasks}
        yield from (app.tasks[name] for name in sorted(names) if app.tasks[name].__module__ == module.__name__)


def called_by_function() -> dict[str, set[str]]:
    """What the functions of services and tasks call, by their names; a task and its service may have the same."""
    calls = defaultdict[str, set[str]](set)
    for path in [*PROJECT.glob("*/services/*.py"), *PROJECT.glob("*/tasks.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = [alias for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names]
        own = {alias.asname or alias.name: alias.name for alias in imported}
        for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
            called = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
            calls[function.name] |= {own.get(name.id, name.id) for name in called if isinstance(name, ast.Name)}
    return calls
