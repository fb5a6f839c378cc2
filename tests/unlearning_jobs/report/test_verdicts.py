"""What a verdict says in a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from unlearning_jobs.engine.contracts import Evaluation, ProcessCheck, Verdict
from unlearning_jobs.report.verdicts import verdict_sentence

CLAIMS = ("do not contradict", "do not show that the model was damaged")
CHECKS: dict[str, Any] = {"exact": "executed_again", "certified": "certificate"}


def said(outcome: Any, guarantee: str, *, gap: float | None) -> str:
    process = (ProcessCheck(CHECKS[guarantee], held=True, sentence="It was made so."),) if guarantee in CHECKS else ()
    evaluation = Evaluation(Verdict(outcome, None, ()), gap, (), None, (), (), (), process=process)
    return verdict_sentence(evaluation, guarantee)


@pytest.mark.parametrize(
    ("guarantee", "sentence"),
    [
        ("exact", "took no part. Nothing could be measured that might have contradicted it."),
        ("certified", "Nothing could be measured, so nothing is known about damage to the model."),
    ],
)
def test_a_result_that_nothing_could_be_compared_with_is_not_said_to_be_uncontradicted(
    guarantee: str, sentence: str
) -> None:
    assert sentence in said("passed", guarantee, gap=None)
    assert not [claim for claim in CLAIMS if claim in said("passed", guarantee, gap=None)]
    assert [claim for claim in CLAIMS if claim in said("passed", guarantee, gap=2.7)]


@pytest.mark.parametrize("guarantee", ["exact", "certified", "empirical"])
def test_a_model_whose_answers_are_no_numbers_failed_by_a_sentence_that_says_so(guarantee: str) -> None:
    assert "answers are no numbers" in said("failed", guarantee, gap=None)
