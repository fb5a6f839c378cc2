"""Contracts about private training: what is out of range is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from compliance.formats.results import Certificate
from unlearning_jobs.engine.contracts import (
    ClassifierArchitecture,
    JobResult,
    LlamaArchitecture,
    LogisticArchitecture,
    Recipe,
)
from unlearning_jobs.engine.contracts.privacy import Privacy
from unlearning_jobs.engine.contracts.sharding import Sharding
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.schema import json_schema

CLASSIFIER = Recipe("classifier", ClassifierArchitecture("mlp"), 1, 8, 0.1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"noise_multiplier": 0.0},
        {"noise_multiplier": float("inf")},
        {"noise_multiplier": 1.0, "max_gradient_norm": 0.0},
        {"noise_multiplier": 1.0, "delta": 0.0},
        {"noise_multiplier": 1.0, "delta": 9e-10},
        {"noise_multiplier": 1.0, "delta": 0.11},
        {"noise_multiplier": 1.0, "delta": float("nan")},
        {"noise_multiplier": 1.0, "records_per_person": 0},
    ],
)
def test_private_training_without_noise_bounds_or_delta_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        Privacy(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"regularisation": 0.0},
        {"perturbation": 0.0},
        {"perturbation": float("nan")},
        {"epsilon": 0.0},
        {"epsilon": 1.5},
        {"delta": 0.0},
        {"delta": 0.11},
    ],
)
def test_certified_removal_out_of_its_theorems_range_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="Certified removal needs"):
        LogisticArchitecture(**wrong)


@pytest.mark.parametrize(
    "changes",
    [
        {"family": "causal_lm", "architecture": LlamaArchitecture(64, 1, 2, 128)},
        {"family": "logistic", "architecture": LogisticArchitecture()},
        {"precision": "bfloat16"},
        {"sharding": Sharding(shards=2)},
    ],
)
def test_only_float32_classifiers_are_trained_privately(changes: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="trained privately"):
        replace(CLASSIFIER, privacy=Privacy(1.0), **changes)


def test_a_recipe_without_privacy_keeps_its_digest_and_one_with_it_comes_back_from_json() -> None:
    assert "privacy" not in CLASSIFIER.to_json()
    private = replace(CLASSIFIER, privacy=Privacy(1.5, records_per_person=3))
    assert Recipe.from_json(private.to_json()) == private
    assert private.digest() != CLASSIFIER.digest()
    logistic = Recipe("logistic", LogisticArchitecture(), 1, 8, 0.1)
    assert Recipe.from_json(logistic.to_json()) == logistic


def test_a_certificate_comes_back_from_json_and_is_part_of_the_results_schema() -> None:
    certificate = Certificate("in words", 1.0, 1e-5, 3, 0.5, ("so far",), ("nothing else",))
    assert Certificate.from_json(certificate.to_json()) == certificate
    assert set(certificate.to_json()) == set(json_schema(JobResult)["$defs"]["Certificate"]["properties"])
