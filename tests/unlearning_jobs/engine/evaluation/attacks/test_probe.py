"""The attack by a probe: a linear regression tells examples apart by the inside of a network."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
import torch

from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.evaluation.attacks import Target
from unlearning_jobs.engine.evaluation.attacks.probe import FOLDS, Probe, out_of_fold, ridge_scores
from unlearning_jobs.engine.evaluation.roc import auc
from unlearning_jobs.engine.training.model import TrainedModel

from .conftest import PROTOCOL, Sets, broken

RNG = np.random.default_rng(4)


def states_by_hand(model: TrainedModel, target: Target, name: str) -> list[list[float]]:
    """The mean state before each token of an answer, behind the second of three layers, sequence by sequence."""
    found = []
    for one in target.sequences(name).encoded:
        with torch.no_grad():
            network = cast("Any", model.network)
            states = network(input_ids=torch.tensor([one.ids]), output_hidden_states=True).hidden_states[2][0]
        found.append(states[one.start - 1 : len(one.ids) - 1].mean(0).tolist())
    return found


def test_the_scores_are_those_of_a_ridge_regression_on_the_mean_states_of_the_answers(
    deep: TrainedModel, sets: Sets, deep_recipe: Recipe
) -> None:
    target = Target(deep, sets, deep_recipe, PROTOCOL)
    found = Probe().carry_out(target)
    forget, held_out = (np.array(states_by_hand(deep, target, name)) for name in ("forget", "held_out"))
    expected = out_of_fold(forget, held_out, PROTOCOL.sample_seed)
    assert [*found["forget"]["probe"], *found["held_out"]["probe"]] == pytest.approx(expected.tolist(), abs=1e-3)
    assert (len(found["forget"]["probe"]), len(found["held_out"]["probe"])) == (12, 8)


@pytest.mark.parametrize("size", [3, 40])
def test_the_ridge_regression_is_that_of_the_textbook(size: int) -> None:
    """In its primal form, for few states and for more than there are examples."""
    states, sides, others = RNG.normal(2, 3, (12, size)), np.repeat([1.0, -1.0], [5, 7]), RNG.normal(2, 3, (4, size))
    x = (states - states.mean(0)) / states.std(0)
    z = (others - states.mean(0)) / states.std(0)
    weights = np.linalg.inv(x.T @ x + size * np.eye(size)) @ x.T @ (sides - sides.mean())
    assert ridge_scores(states, sides, others) == pytest.approx(z @ weights + sides.mean())


def test_no_example_has_a_part_in_its_own_score() -> None:
    ones, others = RNG.normal(size=(11, 6)), RNG.normal(size=(10, 6))
    before = out_of_fold(ones, others, 7)
    swapped = out_of_fold(np.concatenate([ones[:1] + 5.0, ones[1:]]), others, 7)
    assert swapped[0] != before[0]
    unchanged = np.isclose(before[1:], swapped[1:])
    assert unchanged.any(), "those in the same fold were fitted without it"
    assert not unchanged.all()
    assert FOLDS == 5


def test_what_differs_inside_is_told_apart_and_what_is_alike_is_not() -> None:
    alike, other = RNG.normal(size=(200, 10)), RNG.normal(size=(200, 10))
    same, apart = out_of_fold(alike, other, 1), out_of_fold(alike + 1.5, other, 1)
    assert auc(apart[:200], apart[200:]) > 0.95
    assert auc(same[:200], same[200:]) == pytest.approx(0.5, abs=0.1)
    constant = out_of_fold(np.ones((10, 3)), np.ones((10, 3)), 1)
    assert np.isfinite(constant).all(), "states that never vary"


def test_a_model_without_numbers_has_none_after_the_attack_either(
    deep: TrainedModel, sets: Sets, deep_recipe: Recipe
) -> None:
    found = Probe().carry_out(Target(broken(deep), sets, deep_recipe, PROTOCOL))
    assert np.isnan([*found["forget"]["probe"], *found["held_out"]["probe"]]).all()


def test_held_out_examples_are_scored_in_the_order_of_their_set(
    deep: TrainedModel, snapshot: Snapshot, deep_recipe: Recipe
) -> None:
    same = {"forget": list(snapshot.examples("train"))[:10], "held_out": list(snapshot.examples("train"))[:10]}
    found = Probe().carry_out(Target(deep, same, deep_recipe, PROTOCOL))
    assert len(found["forget"]["probe"]) == len(found["held_out"]["probe"]) == 10
