"""No door through which data become a model is forgotten: a test tries each that the code has with data that were erased."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from inspect import unwrap
from pathlib import Path
from types import FunctionType
from typing import Final

import pytest

from tests.unlearning_jobs import test_model_import as imports
from tests.unlearning_jobs.services import test_ledger as ledger
from tests.unlearning_jobs.services import test_ledger_doors as doors

PROJECT = Path(__file__).parents[3]
ROOMS = ("compliance", "requests_app", "unlearning_jobs", "demo")
MODELS = {"ModelVersion", "CorpusSnapshot"}
MAKING = {"create", "bulk_create", "get_or_create", "update_or_create"}
QUEUEING = {"training_start", "job_create"}

Door = tuple[str, Callable[..., object]]
DOORS: Final[dict[str, Door]] = {
    # A job is queued that makes a model.
    "trainings.model_train": (
        "model_train",
        doors.test_the_next_training_on_the_corpus_leaves_the_erased_examples_out,
    ),
    "trainings.training_start": ("model_train", doors.test_a_training_on_another_corpus_with_the_same_content_leaves_it_out),
    "retraining._retrain": (
        "model_retrain",
        doors.test_a_model_that_knows_it_is_taken_out_of_use_and_trained_again_without_it,
    ),
    "imports.model_import": (
        "model_import",
        imports.test_a_model_that_knows_what_was_erased_is_not_taken_over_unless_it_was_trained_without,
    ),
    "model_versions.unlearning_start": (
        "unlearning_start",
        doors.test_retain_sets_and_oracles_of_other_requests_do_without_it,
    ),
    # A version appears, or comes into use.
    "model_versions._version_of": (
        "job_result_accept",
        doors.test_a_training_that_ran_while_its_examples_were_erased_makes_no_active_model,
    ),
    "model_versions.model_version_release": (
        "model_version_release",
        doors.test_no_version_becomes_active_that_knows_what_the_one_in_use_does_not,
    ),
    # A corpus appears.
    "corpora._store": (
        "corpus_register",
        ledger.test_the_same_content_in_another_corpus_under_other_ids_is_the_same_erasure,
    ),
}
"""Each function that opens one; what it is called by, and the test that goes through it with data that were erased."""


def test_the_doors_of_the_code_are_those_that_are_tried() -> None:
    assert sorted(doors_of_the_code()) == sorted(DOORS)


@pytest.mark.parametrize("door", DOORS)
def test_the_test_of_a_door_goes_through_it(door: str) -> None:
    entry, test = DOORS[door]
    assert entry in called_from(test), f"{test.__name__} does not call {entry}"
    assert called_from(test) & {"unlearning_start", "erased_from"}, f"{test.__name__} erases nothing"


def doors_of_the_code() -> Iterator[str]:
    """Name the functions that queue a training or another job, make a version or a snapshot, or take one into use."""
    for room in ROOMS:
        for path in (PROJECT / room).rglob("*.py"):
            if "migrations" in path.parts:
                continue
            for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and opens_one(function):
                    yield f"{path.stem}.{function.name}"


def opens_one(function: ast.AST) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and (queues(node) or makes(node) or activates(node)):
            return True
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value and writes_state(node) and is_active(node.value):
            return True
    return False


def queues(call: ast.Call) -> bool:
    return name_of(call.func) in QUEUEING


def makes(call: ast.Call) -> bool:
    """`ModelVersion(...)`, `ModelVersion.objects.create(...)` and the like."""
    if isinstance(call.func, ast.Name):
        return call.func.id in MODELS
    names = {node.id for node in ast.walk(call.func) if isinstance(node, ast.Name)}
    return name_of(call.func) in MAKING and bool(names & MODELS)


def activates(call: ast.Call) -> bool:
    """`..._move(to=ModelState.ACTIVE)` and `....update(state=ModelState.ACTIVE)`; what reads filters by `state`, too."""
    words = {"to", "state"} if name_of(call.func) == "update" else {"to"}
    return any(keyword.arg in words and is_active(keyword.value) for keyword in call.keywords)


def writes_state(node: ast.Assign | ast.AnnAssign) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(part, ast.Attribute) and part.attr == "state" for target in targets for part in ast.walk(target))


def is_active(value: ast.AST) -> bool:
    return any(isinstance(part, ast.Attribute) and ast.unparse(part) == "ModelState.ACTIVE" for part in ast.walk(value))


def name_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def called_from(test: Callable[..., object]) -> set[str]:
    """Name what a test calls, itself or through helpers of the tests."""
    reached: set[str] = set()
    waiting: list[object] = [test]
    while waiting:
        function = unwrap(waiting.pop())  # type: ignore[arg-type]  # whatever has no wrapper is returned as it is
        if not isinstance(function, FunctionType) or function.__name__ in reached:
            continue
        reached.add(function.__name__)
        if function.__module__.startswith("tests."):
            waiting += [function.__globals__[name] for name in function.__code__.co_names if name in function.__globals__]
    return reached
