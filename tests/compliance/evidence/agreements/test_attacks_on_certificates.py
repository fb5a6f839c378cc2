"""Certificates that promise nothing, or something else than was agreed; each correctly signed and logged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compliance.formats.certificates import DEFINITIONS
from compliance.formats.contracts import parse, plain
from compliance.formats.results import Certificate
from compliance.formats.rules import certificate_check
from unlearning_jobs.engine.contracts import ClassifierArchitecture, Recipe
from unlearning_jobs.engine.contracts.privacy import Privacy
from unlearning_jobs.engine.privacy_budget import budget_share, group_privacy

from .judged_again import Lie, call, judge_again, method_is, reasons, set_recipe, verified
from .retold import Real, Retold

pytestmark = pytest.mark.django_db
NUMBERS = "the certificate promises other numbers than the recipe"
PRIVACY = Privacy(noise_multiplier=2.0)
LIMITS = {"max_epsilon": 3.0, "max_delta": 1e-3}


def certified(**changes: Any) -> Lie:
    """The engine's verdict, as if it had trusted the changed certificate."""

    def told(retold: Retold) -> None:
        verdict = judge_again(retold).verdict
        retold.results[2]["certificate"] |= changes
        certificate = parse(Certificate, retold.results[2]["certificate"])
        check = certificate_check(certificate)
        retold.results[2]["evaluation"]["process"] = [plain(check)]
        first, *others = verdict.reasons
        call(retold, replace(verdict, reasons=(replace(first, sentence=check.sentence), *others)))

    return told


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"epsilon": -5.0, "delta": 40.0}, "the verdict does not follow"),
        ({"epsilon": 1e300, "delta": 1.0}, "the verdict does not follow"),
        ({"budget_spent": 7.0}, "the verdict does not follow"),
        ({"budget_spent": -1.0}, "the verdict does not follow"),
        ({"assumptions": []}, "the verdict does not follow"),
        ({"epsilon": 0.0, "delta": 0.0}, NUMBERS),
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


def privately_trained(retold: Retold) -> None:
    method_is("dp_sgd")(retold)
    set_recipe(retold, Recipe("classifier", ClassifierArchitecture("mlp"), 1, 8, 0.1, privacy=PRIVACY))
    for method in (retold.specs[2]["method"], retold.reports[2]["method"]):
        method["config"] = dict(LIMITS)


def of_a_group(**changes: Any) -> Lie:
    epsilon, delta = group_privacy(0.5, PRIVACY.delta, 3)
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
    told = reasons(verified(real, tmp_path, {"spec": privately_trained, "result": of_a_group(**changes)}))
    assert reason in told
    assert bool(told) == bool(reason)
