"""Steps in parts: whatever a method descends, its steps are those of whole batches, also when memory runs out in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.unlearning_jobs.engine.methods.by_hand import changed
from tests.unlearning_jobs.engine.methods.cases import CASES, few_steps
from tests.unlearning_jobs.engine.methods.conftest import Task, Tasks
from unlearning_jobs.engine.families.weights import learned
from unlearning_jobs.engine.methods import Context, ExampleCounter
from unlearning_jobs.engine.training.model import TrainedModel

OF_TEXT = [case for case in CASES if case[1] in {"causal_lm", "text_classifier"}]


def by_sgd(task: Task, **changes: Any) -> Context:
    """The task with an optimiser whose steps are as long as the gradient says, so that a wrong share shows."""
    data = task.context.training_data
    recipe = replace(data.recipe, optimizer="sgd", batch_size=6, **changes)
    other = changed(task)
    return replace(
        task.context, training_data=replace(data, recipe=recipe), train=lambda *_: other, counter=ExampleCounter()
    )


def movement(before: TrainedModel, after: TrainedModel) -> Tensor:
    """How far each weight that learns has come, (weights,)."""
    pairs = zip(learned(before.network), learned(after.network), strict=True)
    return torch.cat([(new.detach() - old.detach()).flatten() for old, new in pairs])


@contextmanager
def memory_for(examples: int, network: type[nn.Module]) -> Iterator[list[int]]:
    """Lets memory run out where more examples than this pass through such a network. Yields how many did pass."""
    passed: list[int] = []
    original = network.__call__

    def call(self: nn.Module, *inputs: Any, **named: Any) -> Any:
        examples_now = len(inputs[0] if inputs else named["input_ids"])
        if examples_now > examples:
            message = "CUDA out of memory. Tried to allocate 2.00 GiB."
            raise torch.OutOfMemoryError(message)
        passed.append(examples_now)
        return original(self, *inputs, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "__call__", call)
        yield passed


@pytest.mark.parametrize(("name", "family"), OF_TEXT)
def test_a_step_in_parts_is_that_of_the_whole_batch(name: str, family: str, tasks: Tasks) -> None:
    task = tasks[family]
    whole, one = (
        movement(task.model, few_steps(name).unlearn(task.model, by_sgd(task, micro_batch=most), lambda _: None))
        for most in (0, 1)
    )
    assert float(whole.norm()) > 1e-6
    assert float((whole - one).norm()) < 2e-3 * float(whole.norm())


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("npo", "causal_lm"),
        ("npo", "finetuned_lm"),
        ("npo", "finetuned_lm in shards"),
        ("rmu", "causal_lm"),
        ("kl_retain", "causal_lm"),
        ("salun", "causal_lm"),
    ],
)
def test_layers_that_compute_again_leave_the_steps_as_they_are(name: str, family: str, tasks: Tasks) -> None:
    task = tasks[family]
    plain, again = (
        movement(task.model, few_steps(name).unlearn(task.model, by_sgd(task, checkpointing=on), lambda _: None))
        for on in (False, True)
    )
    assert float(plain.norm()) > 0
    assert float((plain - again).norm()) < 1e-3 * float(plain.norm())


@pytest.mark.parametrize("name", ["npo", "dpo", "pdu", "rmu", "salun", "scrub"])
def test_a_step_whose_memory_runs_out_is_taken_in_smaller_parts(name: str, tasks: Tasks) -> None:
    task = tasks["causal_lm"]
    context, plenty = by_sgd(task), by_sgd(task)
    expected = movement(task.model, few_steps(name).unlearn(task.model, plenty, lambda _: None))
    with memory_for(2, type(task.model.network.model)) as passed:  # type: ignore[arg-type]  # a Llama's
        found = movement(task.model, few_steps(name).unlearn(task.model, context, lambda _: None))
    assert max(passed) <= 2
    assert float((expected - found).norm()) < 2e-3 * float(expected.norm())
    assert (plenty.counter.micro_batch, context.counter.micro_batch) == (0, 2)


def test_one_example_that_does_not_fit_ends_the_run(tasks: Tasks) -> None:
    task = tasks["causal_lm"]
    result = None
    with memory_for(0, type(task.model.network.model)), pytest.raises(torch.OutOfMemoryError):  # type: ignore[arg-type]  # as above
        result = few_steps("gradient_ascent").unlearn(task.model, by_sgd(task), lambda _: None)
    assert result is None
