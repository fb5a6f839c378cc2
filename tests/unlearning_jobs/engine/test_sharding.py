"""Placement and cost, against closed forms and simulated deletions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlearning_jobs.engine.contracts import ClassifierArchitecture, LlamaArchitecture, Recipe, SumsArchitecture
from unlearning_jobs.engine.contracts.placement import expected_share
from unlearning_jobs.engine.contracts.sharding import Placement, Sharding, place_examples, slice_epochs
from unlearning_jobs.engine.corpora.create import example_id
from unlearning_jobs.engine.errors import SpecError

DRAWS = 20_000


def names(count: int) -> list[str]:
    return [example_id(i) for i in range(count)]


def cost_of(placement: Placement, epochs: tuple[int, ...], deleted: set[int]) -> float:
    """Share of all examples passed that lie in stages which have seen a deleted example."""
    again = total = 0
    for shard in placement:
        for stage, passes in enumerate(epochs):
            seen = [position for part in shard[: stage + 1] for position in part]
            total += passes * len(seen)
            again += passes * len(seen) * bool(deleted.intersection(seen))
    return again / total


def expected_share_by_rates(placement: Placement, epochs: Sequence[int], rates: Sequence[float]) -> float:
    """Expected share of one batch of deletions, in which every example is deleted independently with its own rate."""
    again = total = 0.0
    for shard in placement:
        examples, untouched = 0, 1.0
        for part, passes in zip(shard, epochs, strict=True):
            examples += len(part)
            untouched *= math.prod(1 - rates[position] for position in part)
            total += passes * examples
            again += passes * examples * (1 - untouched)
    return again / total


def mean_and_error(costs: list[float]) -> tuple[float, float]:
    return float(np.mean(costs)), 4 * float(np.std(costs)) / math.sqrt(len(costs)) + 1e-12


@given(st.integers(1, 9), st.integers(1, 6), st.integers(0, 80))
def test_every_example_has_one_place_and_the_parts_are_of_one_size(shards: int, slices: int, more: int) -> None:
    ids = names(shards * slices + more)
    placement = place_examples(Sharding(shards, slices), ids)
    assert sorted(p for shard in placement for part in shard for p in part) == list(range(len(ids)))
    sizes = [sum(map(len, shard)) for shard in placement]
    assert max(sizes) - min(sizes) <= 1
    for shard in placement:
        assert len(shard) == slices
        assert max(map(len, shard)) - min(map(len, shard)) <= 1


def test_random_placement_knows_no_neighbours() -> None:
    placement = place_examples(Sharding(10), names(2000))
    shard_of = {position: number for number, [part] in enumerate(placement) for position in part}
    together = sum(shard_of[i] == shard_of[i + 1] for i in range(1999)) / 1999
    assert together == pytest.approx(1 / 10, abs=4 * math.sqrt(0.09 / 1999))


@given(st.integers(1, 60), st.integers(1, 20))
def test_all_stages_together_cost_as_much_as_plain_training(epochs: int, slices: int) -> None:
    if 2 * epochs < slices + 1:
        with pytest.raises(SpecError, match=f"use at least {math.ceil((slices + 1) / 2)}"):
            slice_epochs(epochs, slices)
        return
    stages = slice_epochs(epochs, slices)
    assert len(stages) == slices
    assert min(stages) >= 1
    assert max(stages) - min(stages) <= 1
    assert sum(e * (r + 1) / slices for r, e in enumerate(stages)) == pytest.approx(epochs, abs=1)


def test_epochs_that_divide_are_exact() -> None:
    assert slice_epochs(40, 1) == (40,)
    assert slice_epochs(6, 3) == (3, 3, 3)
    assert slice_epochs(5, 3) == (3, 2, 3)  # 2.5 each


@given(st.integers(1, 50), st.integers(1, 50))
def test_one_request_costs_its_shard_times_two_thirds_and_a_bit(shards: int, slices: int) -> None:
    assert expected_share(Sharding(shards, slices), 1) == pytest.approx((2 / 3 + 1 / (3 * slices)) / shards)


@given(st.integers(1, 50), st.integers(0, 200))
def test_a_batch_costs_the_shards_that_it_touches(shards: int, requests: int) -> None:
    assert expected_share(Sharding(shards), requests) == pytest.approx(1 - (1 - 1 / shards) ** requests)


@pytest.mark.parametrize(("shards", "slices", "requests"), [(1, 1, 1), (5, 1, 3), (4, 5, 1), (6, 3, 10), (3, 8, 2)])
def test_the_closed_form_is_what_simulated_deletions_cost(shards: int, slices: int, requests: int) -> None:
    rng = np.random.default_rng(5)
    first = np.full((DRAWS, shards), slices)  # earliest slice that each draw touches
    for _ in range(requests):
        here = (np.arange(DRAWS), rng.integers(shards, size=DRAWS))
        first[here] = np.minimum(first[here], rng.integers(slices, size=DRAWS))
    stage_cost = np.arange(1, slices + 1) / (shards * slices * (slices + 1) / 2)  # stage r trains on r slices
    costs = (stage_cost * (np.arange(slices) >= first[..., None])).sum((1, 2))
    mean, error = mean_and_error(costs.tolist())
    assert expected_share(Sharding(shards, slices), requests) == pytest.approx(mean, abs=error)


def test_the_expected_cost_by_rates_is_what_simulated_deletions_cost() -> None:
    rng = np.random.default_rng(6)
    rates = np.where(rng.random(60) < 0.2, 0.1, 0.01)
    placement, epochs = place_examples(Sharding(5, 3), names(60)), slice_epochs(5, 3)
    costs = [cost_of(placement, epochs, set(np.flatnonzero(rng.random(60) < rates).tolist())) for _ in range(2000)]
    mean, error = mean_and_error(costs)
    assert expected_share_by_rates(placement, epochs, rates.tolist()) == pytest.approx(mean, abs=error)


@pytest.mark.parametrize("often", [0.001, 0.05, 0.9])
def test_likely_deletions_cost_less_where_they_are_put_together_and_late(often: float) -> None:
    ids, epochs = names(400), slice_epochs(10, 4)
    likely = np.random.default_rng(7).choice(400, size=15, replace=False)
    rates = [often if i in likely else often / 1000 for i in range(400)]
    by_rate = Sharding(5, 4, placement="by_expected_deletion", deletion_rates=dict(zip(ids, rates, strict=True)))
    placement = place_examples(by_rate, ids)
    assert set(likely) <= set(placement[-1][-1]), "twenty fit into the last slice"
    cost = expected_share_by_rates(placement, epochs, rates)
    at_random = expected_share_by_rates(place_examples(Sharding(5, 4), ids), epochs, rates)
    assert cost < 0.7 * at_random


def test_examples_without_a_rate_are_the_least_likely() -> None:
    sharding = Sharding(2, 2, placement="by_expected_deletion", deletion_rates={"e00000003": 0.2, "e00000001": 0.1})
    assert place_examples(sharding, names(8))[1][1] == (1, 3)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"shards": 0}, "at least one shard"),
        ({"shards": 2, "slices": 0}, "one slice"),
        ({"shards": 2, "placement": "by_expected_deletion"}, "needs deletion_rates"),
        ({"shards": 2, "deletion_rates": {"e00000001": 0.5}}, "random placement must have none"),
        ({"shards": 2, "placement": "by_expected_deletion", "deletion_rates": {"e00000001": 1.5}}, "from 0 to 1"),
        ({"shards": 2, "placement": "by_expected_deletion", "deletion_rates": {"e00000001": math.nan}}, "from 0 to 1"),
        ({"shards": "2"}, "must be a whole number"),
        ({"shards": 2, "aggregation": "sum"}, "one of vote, mean, merge"),
    ],
)
def test_a_sharding_that_makes_no_sense_is_refused(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SpecError, match=complaint):
        Sharding.from_json(fields)


def test_there_must_be_an_example_for_every_slice() -> None:
    with pytest.raises(SpecError, match="11 training examples cannot fill 4 shards of 3 slices"):
        place_examples(Sharding(4, 3), names(11))


def test_a_rate_for_nobody_is_refused() -> None:
    sharding = Sharding(2, placement="by_expected_deletion", deletion_rates={"e00000009": 0.5})
    with pytest.raises(SpecError, match="not a training example"):
        place_examples(sharding, names(8))


def test_a_recipe_refuses_shards_that_it_cannot_train() -> None:
    recipe = Recipe("classifier", ClassifierArchitecture("mlp"), 3, 8, 1e-3)
    with pytest.raises(SpecError, match="3 epochs are too few for 6 slices"):
        replace(recipe, sharding=Sharding(2, 6))
    with pytest.raises(SpecError, match=r"Each of 2 shards would be a whole language model; set sharding\.shards to 1"):
        Recipe("causal_lm", LlamaArchitecture(64, 1, 2, 128), 3, 8, 1e-3, sharding=Sharding(2))
    with pytest.raises(SpecError, match="Language models cannot vote"):
        Recipe("causal_lm", LlamaArchitecture(64, 1, 2, 128), 3, 8, 1e-3, sharding=Sharding(1, 2, aggregation="vote"))
    with pytest.raises(SpecError, match="or a classifier can be trained in shards and slices, and this is a summation"):
        Recipe("summation", SumsArchitecture("ridge"), 1, 8, 0.0, sharding=Sharding(1))
