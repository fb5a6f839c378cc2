"""Models of others are judged by the margins of Lethe's own evaluations, and nothing is called passed."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unlearning_jobs.engine.evaluation.conftest import FIRST_ORACLE, outputs_at
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.evaluation.outputs import ModelKey, Outputs
from unlearning_jobs.engine.evaluation.statistics import STATISTICS
from unlearning_jobs.engine.judging import Judgement, judge


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def without(outputs: Outputs, *models: ModelKey) -> Outputs:
    return outputs.only([model for model, _ in outputs.values if model not in models])


@pytest.mark.parametrize("several", [True, False])
@pytest.mark.parametrize(
    ("position", "outcome", "direction"),
    [(0.0, "alike", None), (1.0, "different", "undershot"), (-1.0, "different", "overshot")],
)
def test_a_model_is_judged_by_where_it_lies_between_original_and_oracles(
    rng: np.random.Generator, position: float, outcome: str, direction: str | None, *, several: bool
) -> None:
    found = judge(outputs_at(position, rng, m=4 if several else 1, spread=0.1), "causal_lm")
    assert (found.outcome, found.direction, found.assurance) == (outcome, direction, "behavioural")


def test_with_fewer_than_four_oracles_numbers_are_given_and_nothing_is_decided(rng: np.random.Generator) -> None:
    found = judge(outputs_at(0.0, rng, m=1, n=3), "causal_lm")
    assert (found.outcome, found.findings) == ("undecided", ())
    assert "There are 3 oracles" in found.reasons[0]
    assert {metric.name for metric in found.metrics} >= {"probability"}


def test_an_unlearned_model_is_not_alike_where_its_original_is_too(rng: np.random.Generator) -> None:
    found = judge(outputs_at(0.0, rng, m=1, gap=0.05, spread=0.4), "causal_lm")
    assert found.outcome == "undecided"


def test_without_retained_examples_nothing_is_decided(rng: np.random.Generator) -> None:
    outputs = outputs_at(0.0, rng)
    outputs.ids = {"forget": outputs.ids["forget"]}
    outputs.values = {key: table for key, table in outputs.values.items() if key[1] == "forget"}
    assert judge(outputs, "causal_lm").outcome == "undecided"


def test_a_missing_margin_decides_nothing(rng: np.random.Generator) -> None:
    outputs = outputs_at(0.0, rng)
    outputs.values[ModelKey("oracle", FIRST_ORACLE), "forget"][0, STATISTICS.index("margin")] = np.nan
    assert judge(outputs, "causal_lm").outcome == "undecided"


def test_no_oracle_and_no_original_are_refused(rng: np.random.Generator) -> None:
    outputs = outputs_at(0.0, rng, m=2, n=1)
    with pytest.raises(SpecError, match="no model of the group oracle"):
        judge(without(outputs, ModelKey("oracle", FIRST_ORACLE)), "causal_lm")
    with pytest.raises(SpecError, match="1 originals and 2 unlearned models"):
        judge(without(outputs, ModelKey("original", 2)), "causal_lm")


def test_a_judgement_says_that_others_made_the_models_and_reads_back(rng: np.random.Generator) -> None:
    found = judge(outputs_at(0.0, rng), "causal_lm")
    assert any("Others made these models" in one for one in found.does_not_show)
    assert not any("passed" in one for one in (found.outcome, *found.reasons))
    assert Judgement.from_json(found.to_json()) == found
