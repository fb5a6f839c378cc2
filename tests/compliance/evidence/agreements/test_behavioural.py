"""What is said of a model of which nobody declared how it was trained follows from its raw outputs, number by number."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compliance.evidence.agreements import Story, contradictions
from compliance.evidence.recomputed.models import Models
from compliance.evidence.recomputed.twins import judge_twins
from compliance.formats.contracts import parse
from compliance.formats.twins import TwinFinding
from compliance.formats.verdicts import Verdict
from tests.factories import PROTOCOL
from unlearning_jobs.engine.contracts import Protocol
from unlearning_jobs.engine.evaluation import twins
from unlearning_jobs.engine.evaluation.outputs import ModelKey, Outputs
from unlearning_jobs.engine.evaluation.statistics import STATISTICS

from .test_every_value import unnoticed
from .test_measured import BY_ITSELF, again, evaluation_of, found, told

BEHAVIOURAL = Protocol((), (), estimands=(), metrics=(), assurance="behavioural")
ORIGINAL, UNLEARNED = ModelKey("original", 7), ModelKey("unlearned", 7)


def clearly_known(outputs: Outputs) -> None:
    """The original knows the examples to forget clearly better than held-out ones."""
    outputs.values[ORIGINAL, "forget"][:, 0] += 3.0


def left_over(outputs: Outputs) -> None:
    clearly_known(outputs)
    outputs.values[UNLEARNED, "forget"][:, 0] = outputs.values[ORIGINAL, "forget"][:, 0]


def overshot(outputs: Outputs) -> None:
    clearly_known(outputs)
    outputs.values[UNLEARNED, "forget"][:, 0] -= 9.0


def like_twins(outputs: Outputs) -> None:
    clearly_known(outputs)
    outputs.values[UNLEARNED, "forget"][:, 0] = outputs.values[UNLEARNED, "held_out"][2:5, 0] + 0.001


def damaged(outputs: Outputs) -> None:
    like_twins(outputs)
    outputs.values[UNLEARNED, "retain"][:, STATISTICS.index("probability")] -= 0.3


def unknown(outputs: Outputs) -> None:
    outputs.values[ORIGINAL, "forget"][:, 0] = outputs.values[ORIGINAL, "held_out"][2:5, 0] + 0.001


CASES = {
    "left_over": left_over,
    "overshot": overshot,
    "nothing_found": like_twins,
    "damaged": damaged,
    "says_nothing": unknown,
}


def story(folder: Path, outcome: str) -> Story:
    return told(folder, BEHAVIOURAL, 1, CASES[outcome], method="npo")


@pytest.mark.parametrize("outcome", list(CASES))
def test_what_the_engine_found_is_computed_again_and_never_passes(tmp_path: Path, outcome: str) -> None:
    honest = story(tmp_path, outcome)
    evaluation = evaluation_of(honest)
    assert (evaluation["twins"]["outcome"], evaluation["verdict"]["outcome"]) == (outcome, "inconclusive")
    assert found(honest) == ""
    assert " ".join(contradictions(honest, BY_ITSELF)) == ""


@pytest.mark.parametrize("outcome", ["left_over", "nothing_found"])
def test_no_value_of_it_can_be_another_one(tmp_path: Path, outcome: str) -> None:
    honest = story(tmp_path, outcome)
    assert unnoticed(honest, evaluation_of(honest)) == set()


def lie(folder: Path, outcome: str, **changes: Any) -> str:
    liar = story(folder, outcome)
    evaluation_of(liar).update(changes)
    return " ".join([found(again(liar)), *contradictions(again(liar), BY_ITSELF)])


def test_nobody_says_that_nothing_was_found_where_something_is_left(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = evaluation_of(story(tmp_path / "other", "nothing_found"))
    said = lie(tmp_path, "left_over", twins=other["twins"], verdict=other["verdict"])
    assert "the raw outputs compare with held-out examples otherwise" in said
    only = lie(tmp_path, "left_over", twins=evaluation_of(story(tmp_path, "left_over"))["twins"] | {"outcome": "damaged"})
    assert "the comparison with held-out examples says something else than its numbers" in only


def test_nobody_says_that_it_passed_or_leaves_the_comparison_out(tmp_path: Path) -> None:
    passed = {"outcome": "passed", "direction": None, "reasons": [{"code": "within_margins", "sentence": "All is well."}]}
    assert "the evaluation reached another verdict" in lie(tmp_path, "nothing_found", verdict=passed)
    liar = story(tmp_path, "nothing_found")
    [(attempt, one)] = liar.reports.items()
    evaluation_of(liar)["verdict"] = passed
    liar = replace(liar, reports={attempt: replace(one, report=replace(one.report, verdict=parse(Verdict, passed)))})
    assert "the verdict does not follow from the findings" in " ".join(contradictions(liar, BY_ITSELF))
    assert "the raw outputs are numbers and the result says that they are not" in lie(tmp_path, "nothing_found", twins=None)
    limits = evaluation_of(story(tmp_path, "nothing_found"))["limits"]
    fewer = [limit for limit in limits if "Nobody declared" not in limit]
    assert len(fewer) < len(limits)
    assert "the limits are not those that follow" in lie(tmp_path, "nothing_found", limits=fewer)


def test_a_result_without_numbers_is_destroyed_and_nothing_is_compared(tmp_path: Path) -> None:
    def broken(outputs: Outputs) -> None:
        outputs.values[UNLEARNED, "retain"][:] = np.nan

    honest = told(tmp_path, BEHAVIOURAL, 1, broken, method="npo")
    assert evaluation_of(honest)["verdict"]["outcome"] == "failed"
    assert "twins" not in evaluation_of(honest)
    assert found(honest) == ""
    assert " ".join(contradictions(honest, BY_ITSELF)) == ""


def test_where_oracles_judge_no_twins_stand_beside_them(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    finding = evaluation_of(story(tmp_path / "other", "nothing_found"))["twins"]
    declared = told(tmp_path, PROTOCOL)
    evaluation_of(declared)["twins"] = finding
    assert "has one that it cannot have" in " ".join(contradictions(again(declared), BY_ITSELF))


@pytest.mark.parametrize(("forget", "held_out"), [(1, 120), (3, 8), (12, 5), (40, 60), (70, 200), (300, 40)])
@pytest.mark.parametrize("decimals", [9, 1])
def test_both_computations_agree_on_every_size_with_and_without_ties(forget: int, held_out: int, decimals: int) -> None:
    rng, outputs = np.random.default_rng(forget), Outputs()
    values: dict[Any, Any] = {}
    for model in (ORIGINAL, UNLEARNED):
        for name, size in (("forget", forget), ("held_out", held_out), ("retain", 9)):
            margins = np.round(rng.normal(0.5 * (name == "forget"), 1.0, size), decimals)
            rows = [dict.fromkeys(STATISTICS, 0.0) | {"margin": m, "probability": 1 / (1 + np.exp(-m))} for m in margins]
            outputs.add(model, name, [f"{name}{n}" for n in range(size)], rows)
            key = model.group, model.seed
            values |= {(key, name, one): [row[one] for row in rows] for one in ("margin", "probability")}
    computed = twins.judge_twins(outputs, BEHAVIOURAL)
    again_ = judge_twins(Models(values, (("original", 7), ("unlearned", 7)), 7), BEHAVIOURAL.alpha)
    assert again_.outcome == computed.outcome
    numbers = [name for name in TwinFinding.__dataclass_fields__ if name not in ("outcome", "smallest")]
    assert [getattr(again_, name) for name in numbers] == pytest.approx([getattr(computed, name) for name in numbers])
    assert again_.smallest == (None if computed.smallest is None else pytest.approx(computed.smallest))
