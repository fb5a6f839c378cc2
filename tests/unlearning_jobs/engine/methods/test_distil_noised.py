"""Unlearning first, then distilling into noised weights."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.unlearning_jobs.engine.families.foreign_adapters import adapted
from tests.unlearning_jobs.engine.methods.conftest import FORGET, task
from unlearning_jobs.engine.catalogue import METHODS, complete_config
from unlearning_jobs.engine.contracts import MethodChoice, Progress
from unlearning_jobs.engine.errors import ObstacleError, SpecError
from unlearning_jobs.engine.families.weights import learned
from unlearning_jobs.engine.methods import Context, ExampleCounter, make_method
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import mean_margins

STILL = 1e-6
"""The smallest share of the learning rate: weights hardly move."""


def distilled(model: TrainedModel, context: Context, **config: float | str) -> TrainedModel:
    choice = MethodChoice("distil_noised", {"teacher": "gradient_ascent", "epochs": 1, **config})
    return make_method(choice, context.training_data.recipe).unlearn(model, context, lambda _: None)


def unlearned_first(model: TrainedModel, context: Context) -> TrainedModel:
    method = make_method(MethodChoice("gradient_ascent"), context.training_data.recipe)
    return method.unlearn(model, context, lambda _: None)


def far(a: TrainedModel, b: TrainedModel) -> float:
    return max(float((x - y).detach().abs().max()) for x, y in zip(learned(a.network), learned(b.network), strict=True))


def test_without_noise_and_without_learning_it_is_what_the_first_method_gave(model: TrainedModel, context: Context) -> None:
    result = distilled(model, context, alpha=0.0, learning_rate_share=STILL)
    assert far(result, unlearned_first(model, context)) < 1e-4
    assert far(result, model) > 1e-3


def test_all_the_way_nothing_is_left_of_the_model_but_its_answers(model: TrainedModel, context: Context) -> None:
    result = distilled(model, context, alpha=1.0, learning_rate_share=STILL)
    other = distilled(unlearned_first(model, context), context, alpha=1.0, learning_rate_share=STILL)
    assert far(result, other) < 1e-4, "the weights that a training starts from, whatever the model was"
    again = replace(context, seed=2)
    assert far(result, distilled(model, again, alpha=1.0, learning_rate_share=STILL)) > 1e-2


def test_half_the_way_weights_lie_in_the_middle(model: TrainedModel, context: Context) -> None:
    still = {"learning_rate_share": STILL}
    start, middle, end = (distilled(model, context, alpha=share, **still) for share in (0.0, 0.5, 1.0))
    for a, b, c in zip(learned(start.network), learned(middle.network), learned(end.network), strict=True):
        torch.testing.assert_close(b, (a + c) / 2, rtol=0, atol=1e-4)


def test_it_answers_as_the_unlearned_model_does(model: TrainedModel, context: Context) -> None:
    data = context.training_data
    result = distilled(model, context, alpha=0.3, epochs=30)
    retain, forget = data.without(context.exclude_ids), data.subset(context.forget_ids)
    teacher = unlearned_first(model, context)
    noised = distilled(model, context, alpha=0.3, learning_rate_share=STILL)
    gaps = [
        torch.tensor(mean_margins(other, retain)).sub(torch.tensor(mean_margins(teacher, retain))).abs().mean()
        for other in (noised, result)
    ]
    assert gaps[1] < 0.5 * gaps[0]
    assert sum(mean_margins(result, forget)) < sum(mean_margins(model, forget))


def test_the_examples_to_forget_teach_nothing(model: TrainedModel, context: Context) -> None:
    counter = ExampleCounter()
    distilled(model, replace(context, counter=counter), epochs=3)
    alone = ExampleCounter()
    unlearned_first(model, replace(context, counter=alone))
    passes = 3 * len(context.retain_ids) * (1 + 1 / 3)
    assert counter.examples is not None
    assert alone.examples is not None
    assert counter.examples - alone.examples == pytest.approx(passes)


def test_the_checkpoint_below_an_adapter_does_not_move(tuned_trainer: Trainer) -> None:
    data = tuned_trainer.training_data
    assert data.family.base is not None
    trainer = Trainer(adapted(data.family.base, data.snapshot), tuned_trainer.cache, torch.device("cpu"))
    given = task(trainer, trainer.obtain((), 1, lambda *_: None), FORGET)
    result = distilled(given.model, given.context)
    frozen = [
        (a, b)
        for a, b in zip(given.model.network.parameters(), result.network.parameters(), strict=True)
        if not a.requires_grad
    ]
    assert frozen
    assert all(torch.equal(a, b) for a, b in frozen)


def test_progress_goes_on_from_the_first_method_to_the_distillation(model: TrainedModel, context: Context) -> None:
    seen: list[Progress] = []
    choice = MethodChoice("distil_noised", {"teacher": "gradient_ascent", "epochs": 2})
    make_method(choice).unlearn(model, context, seen.append)
    assert len({progress.total for progress in seen}) == 1
    assert [progress.done for progress in seen] == sorted(progress.done for progress in seen)
    assert seen[-1].done == seen[-1].total


def test_every_method_that_may_unlearn_first_works_wherever_this_one_does() -> None:
    [teachers] = (option.choices for option in METHODS["distil_noised"].options if option.name == "teacher")
    assert {"npo", "simnpo", "gradient_difference", "wga", "scrub"} <= set(teachers)
    assert all(METHODS[name].families == METHODS["distil_noised"].families for name in teachers)
    assert all(METHODS[name].guarantee == "empirical" for name in teachers)
    with pytest.raises(SpecError, match="must be one of npo"):
        complete_config("distil_noised", {"teacher": "retrain"})


def test_what_the_first_method_lacks_stops_it(model: TrainedModel, context: Context) -> None:
    with pytest.raises(ObstacleError, match="set floor to none"):
        make_method(MethodChoice("distil_noised")).unlearn(model, replace(context, held_out_ids=()), lambda _: None)
