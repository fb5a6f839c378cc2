"""JSON in, JSON out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from compliance.formats.canonical import canonical_json
from unlearning_jobs.engine.contracts import (
    ClassifierArchitecture,
    JobSpec,
    LlamaArchitecture,
    MethodChoice,
    ModelRef,
    Protocol,
    Recipe,
    SnapshotRef,
    UnlearningStep,
)
from unlearning_jobs.engine.contracts.sharding import Sharding
from unlearning_jobs.engine.errors import SpecError

SPEC = JobSpec(
    kind="unlearn",
    reference="r",
    snapshot=SnapshotRef("/s", "0" * 64),
    recipe=Recipe("causal_lm", LlamaArchitecture(64, 1, 2, 128), 10, 8, 1e-3, vocabulary_size=300),
    seed=1,
    cache="/c",
    model=ModelRef("/m", "1" * 64),
    earlier=(UnlearningStep(MethodChoice("npo", {"beta": 0.1}), ("e00000000",)),),
    forget_ids=("e00000001",),
    method=MethodChoice("retrain"),
    protocol=Protocol((2, 3), (4, 5, 6, 7, 8)),
)


def changed(path: str, value: Any) -> dict[str, Any]:
    data = SPEC.to_json()
    *parents, last = path.split(".")
    inner: Any = data
    for name in parents:
        inner = inner[int(name)] if name.isdecimal() else inner[name]
    inner[last] = value
    return data


def test_a_spec_comes_back_from_its_json() -> None:
    assert JobSpec.from_json(SPEC.to_json()) == SPEC
    assert JobSpec.from_json(SPEC.to_json()).digest() == SPEC.digest()


def test_a_recipe_with_shards_comes_back_from_its_json() -> None:
    sharding = Sharding(5, 3, aggregation="vote", placement="by_expected_deletion", deletion_rates={"e00000001": 0.5})
    recipe = Recipe("classifier", ClassifierArchitecture("mlp"), 10, 8, 1e-3, sharding=sharding)
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert recipe.digest() != replace(recipe, sharding=replace(sharding, aggregation="mean")).digest()


def test_a_recipe_without_shards_keeps_the_json_it_had_before_there_were_any() -> None:
    data = SPEC.recipe.to_json()
    assert "sharding" not in data
    assert Recipe.from_json(data) == Recipe.from_json({**data, "sharding": None}) == SPEC.recipe


def test_any_change_changes_the_digest() -> None:
    assert replace(SPEC, seed=9).digest() != SPEC.digest()


def test_a_protocol_stored_before_a_field_was_added_keeps_its_json_and_its_digest() -> None:
    stored = Protocol((2, 3), (4, 5, 6, 7, 8), metrics=("probability", "rouge_l")).to_json()
    assert "tuning_seeds" not in stored
    assert Protocol.from_json(stored).to_json() == stored
    tuned = Protocol((2, 3), (4, 5, 6, 7, 8), tuning_seeds=(9,))
    assert Protocol.from_json(tuned.to_json()) == tuned
    assert tuned.digest() != replace(tuned, tuning_seeds=()).digest()


@pytest.mark.parametrize("metrics", [None, (), ("klom",)])
def test_no_metrics_all_metrics_and_some_metrics_are_told_apart(metrics: tuple[str, ...] | None) -> None:
    protocol = Protocol((2, 3), (4, 5, 6, 7, 8), metrics=metrics)
    assert Protocol.from_json(protocol.to_json()).metrics == metrics


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("speed", 9, "no field 'speed'"),
        ("recipe.optimiser", "sgd", "Recipe.*no field 'optimiser'|no field 'optimiser'"),
        ("kind", "delete", "JobSpec.kind must be one of train, unlearn"),
        ("recipe.family", "diffusion", "recipe.family must be one of causal_lm"),
        ("seed", "1", "JobSpec.seed must be a whole number"),
        ("seed", True, "JobSpec.seed must be a whole number"),
        ("forget_ids", "e00000001", "forget_ids must be a list"),
        ("forget_ids", [1], r"forget_ids\[0\] must be text"),
        ("protocol.alpha", "small", "alpha must be a number"),
        ("snapshot", {"path": "/s"}, "JobSpec.snapshot lacks digest"),
        ("protocol.estimands.0.margin", None, "margin must be a number"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_name(path: str, value: object, complaint: str) -> None:
    with pytest.raises(SpecError, match=complaint):
        JobSpec.from_json(changed(path, value))


@pytest.mark.parametrize("data", [None, [], "spec", 5])
def test_a_spec_must_be_an_object(data: object) -> None:
    with pytest.raises(SpecError, match="must be an object"):
        JobSpec.from_json(data)


def test_canonical_json_is_sorted_compact_and_refuses_nan() -> None:
    assert canonical_json({"b": 1, "a": ["é", None]}) == '{"a":["é",null],"b":1}'.encode()
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))
