"""How an exact result was made follows from the numbers of its second training, or from what earlier versions said of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compliance.evidence.agreements import Story, ToldReport, contradictions
from compliance.evidence.agreements.judged import BESIDE, JUDGEMENT
from compliance.evidence.agreements.processes import EARLIER_NEAR, EARLIER_OTHER
from compliance.formats.contracts import parse, plain
from compliance.formats.errors import FormatError
from compliance.formats.findings import Evaluation
from compliance.formats.processes import training_checks
from compliance.formats.results import SecondTraining
from compliance.formats.rules import possible_verdicts
from tests import staging
from tests.factories import PROTOCOL

from .test_measured import ALONE, DIGEST, told

SAID_OTHERWISE = "the process says something else than the second training shows"
OTHER_EXAMPLES = "the second training was on other examples than remain"
REMAINING = f"17 remaining examples, whose manifest has the digest {staging.RETAINED}, was given none of the 3 examples"
NONE_GIVEN = f"A training from nothing on the {REMAINING} to forget."
RESTS_ON = (
    f"The result rests on 17 training examples, whose manifest has the digest {staging.RETAINED}; none of the 3 examples to"
    " forget is among them."
)
BIT_BY_BIT = "That training gave the same weights as the result, bit by bit."
SAME = (
    BIT_BY_BIT,
    "That training gave the same weights as the result up to rounding, by at most 1e-05.",
    "That training gave the same weights as the result up to rounding, by at most 3e-08.",
    "A second training from nothing gave the same weights, bit by bit.",
    "A second training from nothing gave the same weights up to rounding; the largest difference is 6e-08.",
)


@pytest.fixture
def exact(tmp_path: Path) -> ToldReport:
    """An exact result, as the engine writes it."""
    return told(tmp_path, ALONE).reports["item-1", 1]


def wrong(one: ToldReport) -> str:
    """What is wrong with a result, once its verdict follows from what it says about its process."""
    evaluation = one.result["evaluation"]
    verdict = possible_verdicts(parse(Evaluation, evaluation), one.protocol, one.report.method.guarantee)[0]
    evaluation["verdict"] = plain(verdict)
    told_it = replace(one, report=replace(one.report, verdict=verdict))
    pairs = [pair for pair in (*JUDGEMENT, *BESIDE) if "version" not in pair.name]
    story = Story("LE-1", (), reports={("item-1", 1): told_it})
    return " ".join(contradictions(story, pairs))


def trained_otherwise(one: ToldReport, **values: Any) -> str:
    """What is wrong if the second training is another one, and the process says just that."""
    training = one.result["second_training"] | values
    one.result["second_training"] = training
    one.result["evaluation"]["process"] = plain(training_checks(parse(SecondTraining, training)))
    return wrong(one)


def in_sentences(one: ToldReport, given: str, executed: str, *, held: bool | None = True, version: int = 2) -> str:
    """What is wrong if the result is of a version that told of its process in sentences."""
    del one.result["second_training"]
    one.result["version"] = version
    names = (("forget_set_absent", True, given), ("executed_again", held, executed))
    one.result["evaluation"]["process"] = [{"name": n, "held": h, "sentence": sentence} for n, h, sentence in names]
    return wrong(one)


def test_what_the_engine_says_about_an_exact_result_agrees(exact: ToldReport) -> None:
    assert wrong(exact) == ""
    assert trained_otherwise(exact, method_weights=staging.WEIGHTS, difference=0.0) == ""


def test_an_invented_sentence_does_not(exact: ToldReport) -> None:
    absent, again = exact.result["evaluation"]["process"]
    absent["sentence"] = "A training from nothing on the 3 remaining examples was given all of the 99 examples to forget."
    again["sentence"] = "That training gave other weights; everything was erased, and nobody's data remain anywhere."
    assert SAID_OTHERWISE in wrong(exact)


def test_a_training_that_was_given_what_is_to_be_forgotten_is_not_held(exact: ToldReport) -> None:
    exact.result["second_training"]["given"] = 1
    assert SAID_OTHERWISE in wrong(exact)
    assert trained_otherwise(exact, given=1) == ""
    assert exact.result["evaluation"]["verdict"]["outcome"] == "failed"


@pytest.mark.parametrize("values", [{"examples": 18}, {"manifest": DIGEST}, {"forget_examples": 4}])
def test_a_training_on_other_examples_than_remain_is_noticed(exact: ToldReport, values: dict[str, Any]) -> None:
    assert OTHER_EXAMPLES in trained_otherwise(exact, **values)


def test_another_model_than_that_training_gave_is_noticed(exact: ToldReport) -> None:
    assert "the result is another model than the second training gave" in trained_otherwise(exact, weights=DIGEST)


def test_no_exact_result_does_without_and_no_other_has_one(exact: ToldReport, tmp_path: Path) -> None:
    training = exact.result.pop("second_training")
    assert SAID_OTHERWISE in wrong(exact)
    empirical = told(tmp_path, PROTOCOL).reports["item-1", 1]
    assert wrong(empirical) == ""
    empirical.result["second_training"] = training
    assert SAID_OTHERWISE in wrong(empirical)


@pytest.mark.parametrize("given", [NONE_GIVEN, RESTS_ON])
@pytest.mark.parametrize("executed", SAME)
def test_what_earlier_versions_said_is_read_word_for_word(exact: ToldReport, given: str, executed: str) -> None:
    assert in_sentences(exact, given, executed) == ""


@pytest.mark.parametrize("executed", EARLIER_OTHER)
def test_what_they_said_about_other_weights_is_held_to_what_it_meant(exact: ToldReport, executed: str) -> None:
    assert SAID_OTHERWISE in in_sentences(exact, NONE_GIVEN, executed)


@pytest.mark.parametrize("executed", EARLIER_OTHER)
def test_an_earlier_result_with_other_weights_agrees(exact: ToldReport, executed: str) -> None:
    assert in_sentences(exact, NONE_GIVEN, executed, held=EARLIER_OTHER[executed]) == ""


@pytest.mark.parametrize(
    ("given", "executed", "reason"),
    [
        ("A training from nothing was given none of the examples.", BIT_BY_BIT, SAID_OTHERWISE),
        (NONE_GIVEN.replace("none", "some"), BIT_BY_BIT, SAID_OTHERWISE),
        (NONE_GIVEN, "That training gave other weights; everything was erased.", SAID_OTHERWISE),
        (NONE_GIVEN, SAME[1].replace("1e-05", "9e-05"), SAID_OTHERWISE),
        (NONE_GIVEN, SAME[1].replace("1e-05", "0.3"), SAID_OTHERWISE),
        (NONE_GIVEN, EARLIER_NEAR, SAID_OTHERWISE),
        (NONE_GIVEN.replace("17", "18"), BIT_BY_BIT, OTHER_EXAMPLES),
        (NONE_GIVEN.replace("the 3", "the 99"), BIT_BY_BIT, OTHER_EXAMPLES),
        (NONE_GIVEN.replace("777", "888"), BIT_BY_BIT, OTHER_EXAMPLES),
        (RESTS_ON.replace("17", "18"), BIT_BY_BIT, OTHER_EXAMPLES),
    ],
)
def test_nobody_says_something_else_by_calling_it_earlier(exact: ToldReport, given: str, executed: str, reason: str) -> None:
    assert reason in in_sentences(exact, given, executed)


def test_nearly_the_same_weights_were_said_of_accelerators_alone(exact: ToldReport) -> None:
    on_accelerator = replace(exact, report=replace(exact.report, environment={"device": "cuda (H200)"}))
    assert in_sentences(on_accelerator, NONE_GIVEN, EARLIER_NEAR) == ""


def test_no_other_version_said_so(exact: ToldReport) -> None:
    on_accelerator = replace(exact, report=replace(exact.report, environment={"device": "cuda (H200)"}))
    assert SAID_OTHERWISE in in_sentences(on_accelerator, NONE_GIVEN, EARLIER_NEAR, version=1)


def test_an_earlier_result_with_a_second_training_in_numbers_is_none(exact: ToldReport) -> None:
    exact.result["version"] = 2
    assert SAID_OTHERWISE in wrong(exact)


@pytest.mark.parametrize("values", [{"retain_digest": "not a digest"}, {"parameters": -1}, {"train_examples": -1}])
def test_numbers_and_digests_that_cannot_be_are_no_result(exact: ToldReport, values: dict[str, Any]) -> None:
    exact.result.update(values)
    with pytest.raises(FormatError):
        wrong(exact)
