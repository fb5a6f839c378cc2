"""Methods count the examples that the catalogue says they will."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unlearning_jobs.engine.methods.conftest import Tasks
from unlearning_jobs.engine.catalogue import Facts, expected_cost
from unlearning_jobs.engine.contracts import MethodChoice
from unlearning_jobs.engine.methods import ExampleCounter, make_method

QUICK = {"steps": 3}


@pytest.mark.parametrize(
    ("name", "config"),
    [
        *((name, QUICK) for name in ("simnpo", "idk_dpo", "wga", "satimp", "ceu", "undial", "pdu", "rmu")),
        ("task_vector", {"epochs": 2}),
    ],
)
def test_what_is_counted_is_what_was_expected(name: str, config: dict[str, int], tasks: Tasks) -> None:
    task = tasks["causal_lm"]
    context = replace(task.context, counter=ExampleCounter())
    make_method(MethodChoice(name, config)).unlearn(task.model, context, lambda _: None)
    recipe, forget, retain = context.training_data.recipe, len(context.forget_ids), len(context.retain_ids)
    facts = Facts(recipe, forget=forget, retain=retain, held_out=len(context.held_out_ids))
    assert context.counter.examples is not None
    assert context.counter.examples / (recipe.epochs * retain) == pytest.approx(expected_cost(name, facts, config))
