"""A method is added in the places that `engine.methods` lists, and then the conformance suite runs on it."""

from __future__ import annotations

from typing import ClassVar

import pytest
from torch import Tensor

from tests.unlearning_jobs.engine.methods import test_conformance as conformance
from tests.unlearning_jobs.engine.methods.conftest import Tasks
from unlearning_jobs.engine.catalogue import METHODS as CATALOGUE
from unlearning_jobs.engine.catalogue import Facts, MethodEntry, Option, expected_cost, obstacles
from unlearning_jobs.engine.catalogue.entry import Config, learns_by_gradient
from unlearning_jobs.engine.contracts import ProgressCallback
from unlearning_jobs.engine.contracts.families import FAMILY_DESCRIPTIONS
from unlearning_jobs.engine.families import Predictions
from unlearning_jobs.engine.methods import METHODS, Context
from unlearning_jobs.engine.methods.finetune import Pass, fine_tune
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import mean_margins

NAME = "doubt"


# 1. methods/doubt.py, and its line in methods/__init__.py
class Doubt:
    """Trains the model to find every answer to the examples to forget equally likely."""

    name: ClassVar[str] = NAME

    def __init__(self, *, epochs: int, learning_rate_share: float) -> None:
        self.epochs = epochs
        self.learning_rate_share = learning_rate_share

    def unlearn(self, model: TrainedModel, context: Context, on_progress: ProgressCallback) -> TrainedModel:
        result = model.copy_to(context.device)
        epoch = Pass(context.training_data.subset(context.forget_ids), 8, lambda predictions, *_: _surprise(predictions))
        fine_tune(result, [epoch] * self.epochs, context, on_progress, peak_share=self.learning_rate_share)
        return result


def _surprise(predictions: Predictions) -> Tensor:
    """Cross-entropy of the uniform distribution, a scalar."""
    return -predictions.logits.log_softmax(-1).mean()


# 2. catalogue/
def _cost(facts: Facts, config: Config) -> float:
    return float(config["epochs"] * facts.forget / (facts.recipe.epochs * facts.retain))


ENTRY = MethodEntry(
    NAME,
    "Doubt",
    "empirical",
    learns_by_gradient,
    "A method of this test",
    "Trains the model to find every answer to the examples to forget equally likely.",
    (
        Option("epochs", "int", 5, "Passes over the examples to forget.", 1, 1000),
        Option("learning_rate_share", "float", 0.5, "Peak learning rate as a share of the recipe's.", 1e-6, 100),
    ),
    cost=_cost,
)
FAMILIES = tuple(name for name, family in FAMILY_DESCRIPTIONS.items() if family.learns_by_gradient)


@pytest.fixture(autouse=True)
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, NAME, Doubt)
    monkeypatch.setitem(CATALOGUE, NAME, ENTRY)


def test_its_hyper_parameters_are_those_of_the_catalogue() -> None:
    conformance.test_a_configuration_survives_json(NAME)
    conformance.test_the_constructor_only_stores_hyper_parameters(NAME)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "check",
    [
        conformance.test_a_seeded_run_repeats,
        conformance.test_the_given_model_is_untouched,
        conformance.test_progress_reaches_its_total,
        conformance.test_gradient_methods_draw_all_three_curves,
        conformance.test_an_empty_forget_set_is_refused,
    ],
)
def test_it_does_what_every_method_must(check: conformance.Check, family: str, tasks: Tasks) -> None:
    check(NAME, family, tasks)


def test_it_is_offered_with_its_cost_where_it_works(tasks: Tasks) -> None:
    assert ENTRY.families == FAMILIES
    context = tasks["classifier"].context
    recipe = context.training_data.recipe
    facts = Facts(recipe, forget=len(context.forget_ids), retain=len(context.retain_ids), held_out=60)
    assert obstacles(NAME, facts) == []
    assert 0 < expected_cost(NAME, facts) < 1


def test_it_forgets(tasks: Tasks) -> None:
    model, context = tasks["classifier"].model, tasks["classifier"].context
    forget = context.training_data.subset(context.forget_ids)
    result = conformance.quick(NAME).unlearn(model, context, lambda _: None)
    assert sum(mean_margins(result, forget)) < sum(mean_margins(model, forget))
