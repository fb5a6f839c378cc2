"""What the advisor says of the placement of examples, against deletions that are drawn and counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.unlearning_jobs.engine.test_sharding import cost_of, mean_and_error, names
from unlearning_jobs.engine.advisor import Situation, about_placement, advise
from unlearning_jobs.engine.catalogue import Facts
from unlearning_jobs.engine.contracts import LlamaArchitecture, Protocol, Recipe
from unlearning_jobs.engine.contracts.placement import expected_share, placement_cost, touched_share
from unlearning_jobs.engine.contracts.sharding import Sharding, place_examples, slice_epochs

EXAMPLES = 240
RATES = dict(zip(names(EXAMPLES)[::12], np.linspace(0.01, 0.4, EXAMPLES // 12).tolist(), strict=True))
BY_RATE = Sharding(1, 4, placement="by_expected_deletion", deletion_rates=RATES)
AT_RANDOM = Sharding(1, 4)
RECIPE = Recipe("causal_lm", LlamaArchitecture(64, 1, 2, 128), 10, 8, 1e-3, sharding=BY_RATE)
FACTS = Facts(RECIPE, forget=1, retain=EXAMPLES - 1, held_out=20, trained_seconds=60.0)


@pytest.mark.parametrize("requests", [1, 4])
@pytest.mark.parametrize("sharding", [BY_RATE, replace(BY_RATE, shards=3), replace(AT_RANDOM, shards=3)])
def test_the_expected_cost_is_what_deletions_by_the_rates_cost(sharding: Sharding, requests: int) -> None:
    rng, ids, epochs = np.random.default_rng(11), names(EXAMPLES), slice_epochs(10, sharding.slices)
    placement = place_examples(sharding, ids)
    rates = np.array([sharding.deletion_rates.get(i, 0.0) for i in ids]) + (not sharding.deletion_rates)
    costs = [
        cost_of(placement, epochs, set(rng.choice(EXAMPLES, size=requests, p=rates / rates.sum()).tolist()))
        for _ in range(3000)
    ]
    mean, error = mean_and_error(costs)
    assert expected_share(sharding, requests, EXAMPLES) == pytest.approx(mean, abs=error + 0.01)


def test_likely_deletions_cost_the_last_stage_and_unlikely_ones_more() -> None:
    cost = placement_cost(BY_RATE, EXAMPLES)
    assert cost.own == pytest.approx(0.4), "the last of four stages"
    assert cost.at_random == pytest.approx(2 / 3 + 1 / 12)


def test_rates_of_nothing_are_as_good_as_none() -> None:
    nothing = replace(BY_RATE, deletion_rates=dict.fromkeys(RATES, 0.0))
    assert expected_share(nothing, 3, EXAMPLES) == pytest.approx(expected_share(AT_RANDOM, 3))


@pytest.mark.parametrize("sharding", [BY_RATE, Sharding(5, 3)])
def test_what_known_examples_cost_is_counted_without_those_that_are_gone(sharding: Sharding) -> None:
    ids, epochs = names(EXAMPLES), slice_epochs(10, sharding.slices)
    placement = place_examples(sharding, ids)
    forget = [ids[placement[0][0][0]], ids[placement[-1][-1][-1]]]
    known = touched_share(sharding, 10, ids, forget)
    assert known == pytest.approx(cost_of(placement, epochs, {ids.index(i) for i in forget}), abs=0.01)
    whole_shard = [ids[position] for part in placement[0] for position in part]
    if sharding.shards > 1:
        assert touched_share(sharding, 10, ids, whole_shard[:1], whole_shard) == 0.0, "nothing is left to train again"


def test_the_sentences_say_placement_and_cost_in_percent() -> None:
    own, touched = map(str, about_placement(replace(FACTS, touched=0.4)))
    assert "shards: 1, slices of each: 4" in own
    assert "is expected to cost 40 % of a training; with the examples at random places it would be 75 %." in own
    assert touched.startswith("Deleting these examples costs 40 % of a training if every stage is still saved")
    [alone] = map(str, about_placement(replace(FACTS, recipe=replace(RECIPE, sharding=AT_RANDOM))))
    assert "lie at random" in alone
    assert "expected to cost 75 % of a training" in alone
    assert list(about_placement(replace(FACTS, recipe=replace(RECIPE, sharding=None)))) == []


def test_the_cost_of_a_method_follows_the_stages_that_saw_the_examples() -> None:
    protocol = Protocol((), (11, 12, 13, 14))
    costs = []
    for touched in (0.1, None, 1.0):
        situation = Situation(replace(FACTS, touched=touched), annex=protocol, measured=protocol)
        [advice] = (advice for advice in advise(situation) if advice.method == "replay")
        assert advice.forecast is not None
        costs.append(advice.forecast.unlearning.middle)
    assert costs == [pytest.approx(0.1), pytest.approx(0.4), pytest.approx(1.0)]
