"""The loop of gradient-based methods, and the terms they descend, against their formulas."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from tests.unlearning_jobs.engine.conftest import with_recipe
from unlearning_jobs.engine.contracts import MethodChoice
from unlearning_jobs.engine.errors import ObstacleError, TrainingDivergedError
from unlearning_jobs.engine.methods import Context, make_method
from unlearning_jobs.engine.methods.gradient import ForgetTerms, GradientMethod
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import mean_margins, score

NLL, START, TOKENS = torch.tensor([3.0, 8.0]), torch.tensor([1.0, 10.0]), torch.tensor([4, 6])


def term(name: str, active: tuple[float, float] = (1.0, 1.0), **config: float) -> float:
    method = make_method(MethodChoice(name, config))
    assert isinstance(method, GradientMethod)
    return float(method.forget_loss(ForgetTerms(NLL, START, TOKENS, torch.tensor(active))))


def margins(model: TrainedModel, context: Context, ids: tuple[str, ...]) -> float:
    examples = context.training_data.snapshot.get(ids)
    found = mean_margins(model, model.family.encode(examples))
    return sum(found) / len(found)


def test_npo_is_two_over_beta_times_log_one_plus_the_likelihood_ratio_to_the_beta() -> None:
    beta = 0.3
    ratios = [math.exp(-3) / math.exp(-1), math.exp(-8) / math.exp(-10)]
    expected = 2 / beta * sum(math.log(1 + r**beta) for r in ratios) / 2
    assert term("npo", beta=beta) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["gradient_ascent", "gradient_difference"])
def test_ascent_is_minus_the_mean_loss_per_token(name: str) -> None:
    assert term(name) == pytest.approx(-(3 + 8) / 10)


@pytest.mark.parametrize("name", ["gradient_ascent", "gradient_difference", "npo"])
def test_a_resting_example_adds_nothing(name: str) -> None:
    assert term(name, active=(0.0, 0.0)) == 0.0
    assert term(name, active=(1.0, 0.0)) + term(name, active=(0.0, 1.0)) == pytest.approx(term(name))


@pytest.mark.parametrize("name", ["npo", "gradient_difference"])
def test_the_forget_set_gets_less_likely_and_the_retain_set_stays(name: str, model: TrainedModel, context: Context) -> None:
    result = make_method(MethodChoice(name)).unlearn(model, context, lambda _: None)
    forget, retain = context.forget_ids, context.retain_ids
    assert margins(result, context, forget) < margins(model, context, forget) - 2
    assert margins(result, context, retain) > 0


def test_the_floor_keeps_ascent_from_running_away(model: TrainedModel, context: Context) -> None:
    fallen = {}
    for floor in ("none", "held_out"):
        choice = MethodChoice("gradient_ascent", {"floor": floor, "steps": 20, "learning_rate_share": 0.2})
        result = make_method(choice).unlearn(model, context, lambda _: None)
        fallen[floor] = margins(result, context, context.forget_ids)
    assert fallen["none"] < fallen["held_out"] - 1


def test_a_floor_is_the_level_of_the_nearest_held_out_examples(model: TrainedModel, context: Context) -> None:
    method = make_method(MethodChoice("npo"))
    assert isinstance(method, GradientMethod)
    forget = context.training_data.snapshot.get(context.forget_ids)
    held_out = context.training_data.snapshot.get(context.held_out_ids)
    per_byte = [
        -float(s.log_probability.sum()) / len(e.completion.encode())
        for s, e in zip(score(model, model.family.encode(held_out)), held_out, strict=True)
    ]
    # There are eight held-out examples, and eight neighbours count: the floor is the mean of all.
    expected = [len(e.completion.encode()) * sum(per_byte) / len(per_byte) for e in forget]
    assert method._floors(model, context, forget) == pytest.approx(expected)


def test_a_floor_without_held_out_examples_is_an_obstacle(model: TrainedModel, context: Context) -> None:
    with pytest.raises(ObstacleError, match="set floor to none"):
        make_method(MethodChoice("npo")).unlearn(model, replace(context, held_out_ids=()), lambda _: None)


def test_a_diverging_loss_ends_the_run(model: TrainedModel, context: Context, trainer: Trainer) -> None:
    wild = replace(context, training_data=with_recipe(trainer, learning_rate=1e30).training_data)
    with pytest.raises(TrainingDivergedError, match="lower learning_rate_share"):
        make_method(MethodChoice("gradient_ascent")).unlearn(model, wild, lambda _: None)
