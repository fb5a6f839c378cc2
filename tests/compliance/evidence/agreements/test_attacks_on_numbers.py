"""Models that answer with numbers, or with none, told as if it were otherwise; each story correctly signed and logged."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from compliance.formats.rules import not_finite, without_annex
from compliance.formats.verdicts import Verdict
from tests import staging
from unlearning_jobs.engine.contracts import JobSpec

from .judged_again import Lie, call, judge_again, method_is, reasons, verified
from .retold import Real, Retold
from .test_attacks_on_results import nothing_was_unlearned

pytestmark = pytest.mark.django_db
FAILED, RELEASED = 1, 2
"""The attempts of the real bundle."""
HALF = "the evaluation lacks a part that it must have"
FINITE = "the raw outputs are numbers and the result says that they are not"
GROUPS = "the verdict does not follow from which models gave no numbers"
EMPTY: dict[str, object] = {
    **dict.fromkeys(("gap", "permutation", "examples", "influence", "precision")),
    **dict.fromkeys(("estimands", "controls", "metrics", "sets", "vetoes"), ()),
}


def no_numbers(group: str, attempt: int) -> Lie:
    def told(retold: Retold) -> None:
        for row in retold.outputs[attempt]:
            if row["group"] == group:
                row["margin"] = math.nan

    return told


def judged(attempt: int) -> Lie:
    return lambda retold: (judge_again(retold, attempt), None)[1]


def called(verdict: Callable[[Retold], Verdict], attempt: int, **parts: object) -> Lie:
    """What the engine found, with another verdict and without some of its parts."""

    def told(retold: Retold) -> None:
        judge_again(retold, attempt)
        retold.results[attempt]["evaluation"].update(parts)
        call(retold, verdict(retold), attempt)

    return told


def released_anyway(retold: Retold) -> Verdict:
    """The verdict of an exact result that no model could be compared with."""
    return without_annex(staging.process(JobSpec.from_json(retold.specs[RELEASED]), "passed"), "exact")


def destroyed(_retold: Retold) -> Verdict:
    return not_finite(["unlearned"])


def without_oracles(_retold: Retold) -> Verdict:
    return not_finite(["oracle"])


@pytest.mark.parametrize(
    ("lies", "reason"),
    [
        ({"result": called(without_oracles, FAILED, permutation=None)}, HALF),
        ({"result": called(destroyed, FAILED, permutation=None)}, HALF),
        ({"result": called(destroyed, FAILED, gap=None)}, HALF),
        (
            {"result": called(destroyed, FAILED, **EMPTY)},
            "the raw outputs are numbers and the result says that they are not",
        ),
        (
            {
                "outputs": nothing_was_unlearned,
                "spec": method_is("retrain"),
                "result": called(released_anyway, RELEASED, permutation=None),
            },
            HALF,
        ),
        (
            {
                "outputs": no_numbers("unlearned", RELEASED),
                "spec": method_is("retrain"),
                "result": called(released_anyway, RELEASED),
            },
            GROUPS,
        ),
        ({"outputs": no_numbers("unlearned", FAILED), "result": called(without_oracles, FAILED)}, GROUPS),
        ({"outputs": no_numbers("oracle", FAILED), "result": called(destroyed, FAILED)}, GROUPS),
    ],
    ids=[
        "failed, called inconclusive",
        "failed, called destroyed",
        "no gap",
        "numbers, called none",
        "an untouched original, released as exact",
        "a destroyed model, released as exact",
        "a destroyed model, called inconclusive",
        "oracles without numbers, called a destroyed model",
    ],
)
def test_whether_and_which_models_gave_no_numbers_cannot_be_told_otherwise(
    real: Real, tmp_path: Path, lies: dict[str, Lie], reason: str
) -> None:
    assert reason in reasons(verified(real, tmp_path, lies))


@pytest.mark.parametrize("group", ["original", "unlearned", "oracle"])
def test_what_the_engine_says_about_a_group_without_numbers_is_accepted(real: Real, tmp_path: Path, group: str) -> None:
    lies = {"outputs": no_numbers(group, FAILED), "result": judged(FAILED)}
    assert reasons(verified(real, tmp_path, lies)) == ""


@pytest.mark.parametrize("method", ["retrain", "replay", "certified_removal"])
@pytest.mark.parametrize("broken", ["oracle", ""])
def test_an_exact_or_certified_result_is_accepted_with_an_annex_and_without(
    real: Real, tmp_path: Path, method: str, broken: str
) -> None:
    lies = {"outputs": no_numbers(broken, RELEASED), "spec": method_is(method), "result": judged(RELEASED)}
    assert reasons(verified(real, tmp_path, lies)) == ""
