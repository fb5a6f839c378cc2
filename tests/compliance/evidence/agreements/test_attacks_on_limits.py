"""What a result does not show follows from what was asked for: nothing is left out, added or turned round."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from compliance.evidence.agreements import contradictions
from compliance.evidence.agreements.judged import BESIDE
from compliance.evidence.recomputed.power import detectable_effect
from compliance.formats.limits import DECLARED as SAID_DECLARED
from compliance.formats.limits import FROM_CHECKPOINT, METRICS_OF_ATTACKS, asked_metrics
from compliance.formats.results import START_FROM_BASE
from tests.factories import PROTOCOL
from unlearning_jobs.engine.catalogue import ATTACKS, metrics_of
from unlearning_jobs.engine.contracts.families import families_that
from unlearning_jobs.engine.evaluation.power import minimum_detectable_effect

from .judged_again import reasons, set_protocol, verified
from .retold import Real, Retold
from .test_measured import DECLARED, PAIRED, again, evaluation_of, told

FOLLOW = "the limits are not those that follow from what was asked for and done"
Lie = Callable[[Retold], None]


def says(change: Callable[[list[str]], object]) -> dict[str, Lie]:
    """Both attempts, and the reports about them, say something else that they do not show."""

    def apply(retold: Retold) -> None:
        for attempt, result in retold.results.items():
            change(result["evaluation"]["limits"])
            retold.reports[attempt]["does_not_show"] = result["evaluation"]["limits"]

    return {"result": apply}


def all_specs(**changes: Any) -> dict[str, Lie]:
    def apply(retold: Retold) -> None:
        for spec in retold.specs.values():
            spec.update(changes)

    return {"spec": apply}


def protocols(**changes: Any) -> dict[str, Lie]:
    def apply(retold: Retold) -> None:
        for attempt in retold.specs:
            set_protocol(retold, attempt, **changes)

    return {"spec": apply}


def declared(retold: Retold) -> None:
    """The model was declared, and nothing that follows from that is said."""
    for attempt in retold.specs:
        set_protocol(retold, attempt, assurance="declared")
        retold.specs[attempt]["assurance"] = "declared"
    retold.first("model.registered")["data"]["assurance"] = "declared"


LIES: Mapping[str, tuple[dict[str, Lie], str]] = {
    "one limit is kept": (says(lambda limits: limits.__delitem__(slice(1, None))), FOLLOW),
    "everything was shown": (says(lambda limits: limits.__setitem__(slice(None), ["Everything was shown."])), FOLLOW),
    "one more than there is": (says(lambda limits: limits.append(SAID_DECLARED)), FOLLOW),
    "a checkpoint that nothing started from": (says(lambda limits: limits.append(FROM_CHECKPOINT)), FOLLOW),
    "another order": (says(lambda limits: limits.reverse()), FOLLOW),
    "a larger effect is found": (
        says(lambda limits: limits.__setitem__(5, limits[5].replace("finds a difference of ", "finds a difference of 1"))),
        FOLLOW,
    ),
    "declared, and not said": ({"spec": declared}, FOLLOW),
    "an attack that is not reported": (protocols(relearning=5), FOLLOW),
    "a metric that is not reported": (protocols(metrics=["rouge_l"]), FOLLOW),
    "metrics that nobody asked for": (protocols(metrics=[]), "metrics are reported that nobody asked for"),
    "something imported by an unlearning": (
        all_specs(artefact={"path": "/imports/x", "digest": "1" * 64}),
        "An import names its artefact, and no other job has one",
    ),
    "a checkpoint for random weights": (all_specs(base="/checkpoints/sailor"), "starts from random weights"),
}


@pytest.mark.parametrize("name", LIES)
@pytest.mark.django_db
def test_a_result_that_says_otherwise_what_it_does_not_show_fails(real: Real, tmp_path: Path, name: str) -> None:
    lies, reason = LIES[name]
    assert reason in reasons(verified(real, tmp_path, lies))


@pytest.mark.parametrize(
    "protocol", [DECLARED, PAIRED, replace(PROTOCOL, relearning=5)], ids=["declared", "paired", "attack"]
)
def test_what_the_engine_says_is_what_follows(tmp_path: Path, protocol: Any) -> None:
    story = told(tmp_path, protocol)
    assert contradictions(story, BESIDE) == []
    limits = evaluation_of(story)["limits"]
    assert (SAID_DECLARED in limits) == (protocol.assurance == "declared")
    assert any("The protocol asks for relearning, and nothing is reported" in one for one in limits) == (
        protocol.relearning > 0
    )
    for place in range(len(limits)):
        evaluation_of(story)["limits"] = limits[:place] + limits[place + 1 :]
        assert FOLLOW in " ".join(contradictions(again(story), BESIDE))


def test_limits_of_earlier_versions_are_as_they_were(tmp_path: Path) -> None:
    story = told(tmp_path, PROTOCOL)
    [one] = story.reports.values()
    one.result["version"] = 3
    evaluation_of(story)["limits"] = ["It is about this model."]
    assert FOLLOW not in " ".join(contradictions(again(story), BESIDE))


@pytest.mark.parametrize(
    ("unlearned", "oracles", "alpha"), [*product((2, 4, 7, 20), (4, 8, 30), (0.1, 0.05, 0.0125, 0.001)), (2, 1, 0.05)]
)
def test_the_verifier_computes_the_smallest_difference_as_the_engine_does(
    unlearned: int, oracles: int, alpha: float
) -> None:
    expected = minimum_detectable_effect(unlearned, oracles, alpha=alpha)
    assert math.isclose(detectable_effect(unlearned, oracles, alpha), expected, rel_tol=1e-4, abs_tol=1e-4)


def test_what_a_protocol_asks_for_is_reported_whatever_else_it_lists() -> None:
    protocol = replace(PROTOCOL, metrics=("probability",), relearning=5)
    assert asked_metrics(protocol) == metrics_of(protocol, "causal_lm") == ("probability", "relearning")
    assert asked_metrics(PROTOCOL) == ()


def test_families_and_attacks_are_those_of_the_engine() -> None:
    assert set(families_that(lambda family: family.starts_from_base)) == START_FROM_BASE
    assert {name: tuple(attack.metrics) for name, attack in ATTACKS.items()} == METRICS_OF_ATTACKS
