"""What methods cost by the table, and what models in shards need."""

from __future__ import annotations

from dataclasses import replace

import pytest

from unlearning_jobs.engine.catalogue import METHODS, expected_cost, obstacles
from unlearning_jobs.engine.contracts.sharding import Sharding

from .test_catalogue import FACTS, IN_SHARDS, RECIPE


@pytest.mark.parametrize(
    ("method", "config", "passes_over_retain", "passes_over_forget"),
    [
        ("finetune_retain", {"epochs": 3}, 3, 0),
        ("task_vector", {"epochs": 6}, 9 / 3, 6),
        ("noise_finetune", {"epochs": 2}, 2, 0),
        ("scrub", {"epochs": 6, "max_epochs": 2}, 6 * 4 / 3, 2 * 4 / 3),
        ("salun", {"epochs": 4}, 4, 5),
        ("partial_reset", {"epochs": 4, "variant": "prune_l1", "distillation": 0}, 4, 0),
        ("partial_reset", {"epochs": 4, "variant": "saliency"}, 4 * 4 / 3 + 1, 1),
        ("oracle_matching", {"epochs": 3, "oracles": 2, "retain_multiplier": 0}, 2 * 26, 3 + 2 / 3),
    ],
)
def test_a_pass_forwards_alone_costs_a_third(
    method: str, config: dict[str, object], passes_over_retain: float, passes_over_forget: float
) -> None:
    passes = passes_over_retain * FACTS.retain + passes_over_forget * FACTS.forget
    assert expected_cost(method, FACTS, config) == pytest.approx(passes / (RECIPE.epochs * FACTS.retain))


def test_costs_are_shares_of_retraining() -> None:
    costs = {name: expected_cost(name, FACTS) for name in METHODS}
    assert costs["retrain"] == 1.0
    assert costs["nothing"] == 0.0
    assert 0 < costs["gradient_ascent"] < costs["npo"] < 1
    assert costs["summation"] == pytest.approx(5 / 87)
    assert expected_cost("npo", FACTS, {"steps": 80}) == pytest.approx(2 * costs["npo"])


def test_sisa_needs_shards() -> None:
    [obstacle] = obstacles("sisa", replace(FACTS, recipe=replace(IN_SHARDS, sharding=None)))
    assert "was not trained in shards" in obstacle


def test_votes_have_no_gradient_to_follow() -> None:
    voting = replace(FACTS, recipe=replace(IN_SHARDS, sharding=Sharding(shards=20, aggregation="vote")))
    assert any("no gradient" in obstacle for obstacle in obstacles("npo", voting))
    assert obstacles("sisa", voting) == obstacles("retrain", voting) == []


def test_the_cost_of_sisa_is_that_of_deletions_at_random_places() -> None:
    facts = replace(FACTS, recipe=replace(IN_SHARDS, sharding=Sharding(shards=20)))
    assert expected_cost("sisa", facts) == pytest.approx(1 - (1 - 1 / 20) ** 5)
    assert expected_cost("sisa", FACTS) == 1.0
