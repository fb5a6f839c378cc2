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
    assert "does not clearly know the forget set better" in found.reasons[0]


def test_original_and_unlearned_model_that_were_exchanged_decide_nothing(rng: np.random.Generator) -> None:
    outputs = outputs_at(0.0, rng, m=1, n=5, spread=0.1)
    exchanged = {"original": "unlearned", "unlearned": "original", "oracle": "oracle"}
    outputs.values = {
        (ModelKey(exchanged[model.group], model.seed), name): table  # type: ignore[arg-type]  # the three groups
        for (model, name), table in outputs.values.items()
    }
    found = judge(outputs, "causal_lm")
    assert (found.outcome, len(found.reasons)) == ("undecided", 1)
    assert "exchanged" in found.reasons[0]


def test_without_retained_examples_nothing_is_decided(rng: np.random.Generator) -> None:
    outputs = outputs_at(0.0, rng)
    outputs.ids = {"forget": outputs.ids["forget"]}
    outputs.values = {key: table for key, table in outputs.values.items() if key[1] == "forget"}
    assert judge(outputs, "causal_lm").outcome == "undecided"


def test_a_missing_margin_decides_nothing(rng: np.random.Generator) -> None:
    outputs = outputs_at(0.0, rng)
    outputs.values[ModelKey("oracle", FIRST_ORACLE), "forget"][0, STATISTICS.index("margin")] = np.nan
    found = judge(outputs, "causal_lm")
    assert found.outcome == "undecided"
    assert "not finite numbers" in found.reasons[0]


@pytest.mark.parametrize("examples", [slice(0, 1), slice(None)])
def test_an_unlearned_model_that_answers_with_no_number_is_destroyed(rng: np.random.Generator, examples: slice) -> None:
    outputs = outputs_at(0.0, rng)
    outputs.values[ModelKey("unlearned", 1), "retain"][examples, STATISTICS.index("margin")] = np.nan
    found = judge(outputs, "causal_lm")
    assert (found.outcome, "destroyed" in found.reasons[0]) == ("different", True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ModelKey("oracle", FIRST_ORACLE), ModelKey("oracle", FIRST_ORACLE + 1)),
        (ModelKey("oracle", FIRST_ORACLE), ModelKey("unlearned", 1)),
        (ModelKey("oracle", FIRST_ORACLE), ModelKey("original", 1)),
        (ModelKey("unlearned", 1), ModelKey("unlearned", 2)),
        (ModelKey("original", 1), ModelKey("original", 2)),
    ],
)
def test_a_model_that_is_given_twice_is_refused(rng: np.random.Generator, one: ModelKey, other: ModelKey) -> None:
    """One oracle under four names would show no spread, and an unlearned model is always like itself."""
    outputs = outputs_at(0.0, rng)
    for name in outputs.ids:
        outputs.values[other, name] = outputs.values[one, name].copy()
    with pytest.raises(SpecError, match="answer exactly alike"):
        judge(outputs, "causal_lm")


def test_a_model_in_which_nothing_was_unlearned_is_judged(rng: np.random.Generator) -> None:
    outputs = outputs_at(0.0, rng)
    assert judge(outputs.replaced("unlearned", by="original"), "causal_lm").outcome == "different"


def test_too_few_retained_examples_decide_nothing(rng: np.random.Generator) -> None:
    outputs = outputs_at(0.0, rng)
    outputs.ids["retain"] = outputs.ids["retain"][:4]
    for model, name in outputs.values:
        if name == "retain":
            outputs.values[model, name] = outputs.values[model, name][:4]
    found = judge(outputs, "causal_lm")
    assert (found.outcome, "4 retained examples" in found.reasons[0]) == ("undecided", True)


def test_one_unlearned_model_says_nothing_about_a_method(rng: np.random.Generator) -> None:
    alone, several = (judge(outputs_at(0.0, rng, m=m, spread=0.1), "causal_lm") for m in (1, 4))
    assert "for this model" in alone.reasons[0]
    assert "for the method and for the shipped model" in several.reasons[0]


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


def test_of_several_unlearned_models_none_may_be_an_original(rng: np.random.Generator) -> None:
    """A method that did nothing to some of them would be judged by the others."""
    outputs = outputs_at(0.0, rng, m=4, spread=0.1)
    for name in outputs.ids:
        outputs.values[ModelKey("unlearned", 3), name] = outputs.values[ModelKey("original", 4), name].copy()
    with pytest.raises(SpecError, match=r"unlearned 3 answer exactly like an original"):
        judge(outputs, "causal_lm")


def test_a_judgement_names_the_model_that_counts_as_shipped_and_says_what_the_owner_says(rng: np.random.Generator) -> None:
    alone, several = (judge(outputs_at(0.0, rng, m=m, spread=0.1), "causal_lm") for m in (1, 4))
    assert [any("the first of the unlearned models" in one for one in found.reasons) for found in (alone, several)] == [
        False,
        True,
    ]
    assert any("That the original is" in one for one in alone.does_not_show)
