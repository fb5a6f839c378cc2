"""Which examples a step of a descent takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import chain, islice

import pytest
import torch

from tests.unlearning_jobs.engine.methods.conftest import Task
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.families import Dataset
from unlearning_jobs.engine.methods.descent import batches_of


@pytest.fixture
def texts(tasks: Mapping[str, Task]) -> Dataset:
    """Forty examples; every other one is long."""
    task = tasks["causal_lm"]
    [example] = task.context.training_data.snapshot.get(task.context.forget_ids[:1])
    short, long = "a", "a b c d e f g h i j k l"
    made: list[Example] = [replace(example, completion=(short, long)[n % 2]) for n in range(40)]
    return task.model.family.encode(made)


def drawn(data: Dataset, most: int, count: int) -> list[list[int]]:
    return list(islice(batches_of(data, most, torch.Generator().manual_seed(3)), count))


def test_a_batch_holds_examples_of_about_the_same_length(texts: Dataset) -> None:
    batches = [texts.batch(chosen, torch.device("cpu")).inputs.shape[1] for chosen in drawn(texts, 10, 4)]
    assert len(set(batches)) == 2  # short ones and long ones, never together
    parities = [{position % 2 for position in chosen} for chosen in drawn(texts, 10, 4)]
    assert parities.count({0}) == parities.count({1}) == 2


def test_every_example_comes_once_before_any_comes_again(texts: Dataset) -> None:
    assert Counter(chain.from_iterable(drawn(texts, 10, 4))) == Counter(range(40))
    assert set(Counter(chain.from_iterable(drawn(texts, 10, 8))).values()) == {2}


def test_no_batch_is_small(texts: Dataset) -> None:
    """Forty examples in steps of at most 32 are two steps of 20, not one of 32 and one of 8."""
    assert [len(chosen) for chosen in drawn(texts, 32, 4)] == [20, 20, 20, 20]


def test_the_generator_decides(texts: Dataset) -> None:
    assert drawn(texts, 10, 6) == drawn(texts, 10, 6)
    assert drawn(texts, 10, 4) != drawn(texts, 10, 8)[4:]
