"""Certificates that promise nothing, or something else than was agreed; each correctly signed and logged."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compliance.evidence.agreements import contradictions
from compliance.evidence.agreements.certificates import ENDED_BY, EPSILON_OF_ONE, PROMISED
from compliance.evidence.agreements.judged import JUDGEMENT
from compliance.evidence.recomputed.privacy import training_epsilon
from compliance.formats.certificates import DEFINITIONS
from compliance.formats.contracts import parse, plain
from compliance.formats.results import Certificate
from compliance.formats.rules import certificate_check
from unlearning_jobs.engine.contracts import ClassifierArchitecture, Recipe
from unlearning_jobs.engine.contracts.privacy import Privacy
from unlearning_jobs.engine.privacy_budget import budget_share, group_privacy
from unlearning_jobs.engine.training.private import privacy_loss

from .judged_again import Lie, call, judge_again, method_is, reasons, set_recipe, ship, verified
from .retold import Real, Retold
from .test_measured import ALONE, told

pytestmark = pytest.mark.django_db
NUMBERS = "the certificate promises other numbers than the recipe"
ENDED = "the promise of the certificate ended before"
COST = "the certificate has another epsilon than the training cost"
PRIVACY = Privacy(noise_multiplier=5.0)
PRIVATE = Recipe("classifier", ClassifierArchitecture("mlp"), 1, 8, 0.1, privacy=PRIVACY)
TRAINED_ON = 20
"""Examples of the corpus: 17 remain, and 3 are forgotten."""
LIMITS = {"max_epsilon": 3.0, "max_delta": 1e-3}


def certified(**changes: Any) -> Lie:
    """The engine's verdict, as if it had trusted the changed certificate."""

    def change(retold: Retold) -> None:
        verdict = judge_again(retold).verdict
        retold.results[2]["certificate"] |= changes
        certificate = parse(Certificate, retold.results[2]["certificate"])
        check = certificate_check(certificate)
        retold.results[2]["evaluation"]["process"] = [plain(check)]
        first, *others = verdict.reasons
        call(retold, replace(verdict, reasons=(replace(first, sentence=check.sentence), *others)))

    return change


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"epsilon": -5.0, "delta": 40.0}, "the verdict does not follow"),
        ({"epsilon": 1e300, "delta": 1.0}, "the verdict does not follow"),
        ({"delta": 0.11}, "the verdict does not follow"),
        ({"budget_spent": 7.0}, "the verdict does not follow"),
        ({"budget_spent": -1.0}, "the verdict does not follow"),
        ({"assumptions": []}, "the verdict does not follow"),
        ({"epsilon": 0.0, "delta": 0.0}, "the verdict does not follow"),
        ({"budget_spent": 0.0}, "the verdict does not follow"),
        ({"epsilon": 0.5}, NUMBERS),
        ({"definition": "Identical."}, "the certificate has the words of no bound of this method"),
        ({"definition": DEFINITIONS["dp_sgd"][0]}, "the certificate has the words of no bound of this method"),
    ],
)
def test_a_certificate_that_promises_nothing_or_something_else_releases_nothing(
    real: Real, tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    lies = {"spec": method_is("certified_removal"), "result": certified(**changes)}
    assert reason in reasons(verified(real, tmp_path, lies))


@pytest.mark.parametrize(
    ("architecture", "reason"),
    [({}, ""), ({"epsilon": 2.0}, NUMBERS), ({"perturbation": 0.0}, NUMBERS)],
    ids=["honest", "beyond its proof", "no noise"],
)
def test_a_recipe_by_which_removal_is_not_proved_certifies_nothing(
    tmp_path: Path, architecture: dict[str, float], reason: str
) -> None:
    story = told(tmp_path, ALONE, method="certified_removal")
    [one] = story.reports.values()
    one.spec["recipe"]["architecture"] |= architecture
    one.result["certificate"]["epsilon"] = architecture.get("epsilon", 1.0)
    found = " ".join(contradictions(story, [pair for pair in JUDGEMENT if pair.first is PROMISED]))
    assert reason in found
    assert bool(found) == bool(reason)


def privately_trained(noise: float = PRIVACY.noise_multiplier) -> Lie:
    def change(retold: Retold) -> None:
        method_is("dp_sgd")(retold)
        set_recipe(retold, replace(PRIVATE, privacy=Privacy(noise)))
        for method in (retold.specs[2]["method"], retold.reports[2]["method"]):
            method["config"] = dict(LIMITS)

    return change


def of_a_group(one: float | None = None, **changes: Any) -> Lie:
    """The certificate for three examples, by the engine's accounting or by another epsilon of one."""
    cost = privacy_loss(PRIVATE, TRAINED_ON).epsilon if one is None else one
    epsilon, delta = group_privacy(cost, PRIVACY.delta, 3)
    numbers = {"epsilon": epsilon, "delta": delta, "budget_spent": budget_share(epsilon, delta, **LIMITS)}
    return certified(**(numbers | changes))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({}, ""), ({"delta": 1e-5}, NUMBERS), ({"epsilon": 0.4}, NUMBERS), ({"budget_spent": 0.1}, NUMBERS)],
    ids=["honest", "delta of one example", "another epsilon", "less of the budget"],
)
def test_the_numbers_of_private_training_follow_from_one_another(
    real: Real, tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    found = reasons(verified(real, tmp_path, {"spec": privately_trained(), "result": of_a_group(**changes)}))
    assert reason in found
    assert bool(found) == bool(reason)


@pytest.mark.parametrize(
    ("noise", "one"),
    [(5.0, 0.5), (5.0, 0.8), (0.0001, 0.5), (0.0001, 1.0)],
    ids=["less than it cost", "more than it cost", "hardly any noise", "hardly any noise, and more"],
)
def test_the_epsilon_of_private_training_follows_from_its_noise_and_its_steps(
    real: Real, tmp_path: Path, noise: float, one: float
) -> None:
    assert COST in reasons(verified(real, tmp_path, {"spec": privately_trained(noise), "result": of_a_group(one)}))


@pytest.mark.parametrize("certifying", ["dp_sgd", "certified_removal"])
@pytest.mark.parametrize(
    ("earlier", "ended"),
    [(["itself"], False), (["npo"], True), (["npo", "retrain", "itself"], False), (["retrain", "npo", "itself"], True)],
    ids=["itself", "another", "another, trained again", "trained again, another"],
)
def test_another_methods_step_ends_the_promise_of_a_certificate_until_the_next_training(
    tmp_path: Path, certifying: str, earlier: list[str], *, ended: bool
) -> None:
    story = told(tmp_path, ALONE, method=certifying)
    [one] = story.reports.values()
    methods = [certifying if name == "itself" else name for name in earlier]
    one.spec["earlier"] = [{"method": {"name": name, "config": {}}, "forget_ids": []} for name in methods]
    found = " ".join(contradictions(story, [pair for pair in JUDGEMENT if pair.first is ENDED_BY]))
    assert (ENDED in found) == ended
    assert bool(found) == ended


@pytest.mark.parametrize("name", ["tokenizer.json", "adapter_model.safetensors"])
def test_a_method_that_keeps_the_weights_adds_and_changes_no_other_file(real: Real, tmp_path: Path, name: str) -> None:
    def another_file(retold: Retold) -> None:
        of_a_group()(retold)
        retold.results[2]["files"][f"model/{name}"] = "6" * 64
        ship(retold, retold.results[2]["base_files"]["model.safetensors"])

    found = reasons(verified(real, tmp_path, {"spec": privately_trained(), "result": another_file}))
    assert "the method leaves the model as it is, and the result has other files" in found


@pytest.mark.parametrize(
    ("base", "reason"),
    [
        ({}, "the method leaves the model as it is, and the result has other files"),
        ({"model.safetensors": "5" * 64}, "the job began with other files than those of the specified model"),
        (None, "the job began with other files than those of the specified model"),
    ],
    ids=["other weights", "and called those of the base", "and nothing said of the base"],
)
def test_a_method_that_keeps_the_weights_ships_those_of_the_base(
    real: Real, tmp_path: Path, base: dict[str, str] | None, reason: str
) -> None:
    def other_weights(retold: Retold) -> None:
        of_a_group()(retold)
        ship(retold, "5" * 64)
        began = retold.results[2]["base_files"]
        retold.results[2]["base_files"] = None if base is None else began | base

    assert reason in reasons(verified(real, tmp_path, {"spec": privately_trained(), "result": other_weights}))


def test_a_model_that_another_method_changed_after_its_private_training_is_not_released(real: Real, tmp_path: Path) -> None:
    def changed_since(retold: Retold) -> None:
        privately_trained()(retold)
        retold.specs[2]["earlier"] = [{"method": {"name": "npo", "config": {}}, "forget_ids": []}]

    found = reasons(verified(real, tmp_path, {"spec": changed_since, "result": of_a_group()}))
    assert ENDED in found
    assert COST not in found


@pytest.mark.parametrize(("delta", "reason"), [(1e-5, ""), (1e-12, COST), (0.11, COST)])
def test_no_private_training_is_accounted_for_beyond_the_bounds_of_delta(tmp_path: Path, delta: float, reason: str) -> None:
    story = told(tmp_path, ALONE, method="dp_sgd")
    [one] = story.reports.values()
    recipe = PRIVATE.to_json()
    one.spec["recipe"] = recipe | {"privacy": recipe["privacy"] | {"delta": delta}}
    examples = one.result["train_examples"] + len(one.spec["forget_ids"])
    cost = training_epsilon(PRIVACY.noise_multiplier, min(1.0, 8 / examples), math.ceil(examples / 8), delta)
    one.result["certificate"]["epsilon"] = cost * one.result["certificate"]["records"]
    found = " ".join(contradictions(story, [pair for pair in JUDGEMENT if pair.first is EPSILON_OF_ONE]))
    assert reason in found
    assert bool(found) == bool(reason)


def test_training_that_costs_nothing_promises_nothing(real: Real, tmp_path: Path) -> None:
    found = reasons(verified(real, tmp_path, {"spec": privately_trained(0.0001), "result": of_a_group(0.0)}))
    assert "the verdict does not follow" in found
    assert COST in found
