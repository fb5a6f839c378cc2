"""Keeping a privately trained model: what the certificate says, and when there is none."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from tests.unlearning_jobs.engine.methods.conftest import Task, task
from unlearning_jobs.engine.catalogue import Facts, expected_cost, obstacles
from unlearning_jobs.engine.contracts import MethodChoice, Recipe, UnlearningStep
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.methods import CertifiedMethod
from unlearning_jobs.engine.methods.dp_sgd import DpSgd
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel

METHOD = DpSgd(max_epsilon=3.0, max_delta=1e-3)


def steps(*made: tuple[str, int]) -> tuple[UnlearningStep, ...]:
    """Earlier steps by method and number of records."""
    return tuple(UnlearningStep(MethodChoice(name), tuple(f"x{i}" for i in range(count))) for name, count in made)


@pytest.fixture
def job(private_trainer: Trainer, leaves_to_forget: tuple[str, ...]) -> Task:
    return task(private_trainer, private_trainer.obtain((), 1, lambda *_: None), leaves_to_forget[:3])


@pytest.fixture
def recipe(private_trainer: Trainer) -> Recipe:
    return private_trainer.training_data.recipe


def test_the_model_stays_as_it_is(job: Task) -> None:
    assert METHOD.unlearn(job.model, job.context, lambda _: None) is job.model
    assert isinstance(METHOD, CertifiedMethod)


@pytest.mark.parametrize(
    ("earlier", "records"),
    [((), 3), ((("dp_sgd", 2), ("dp_sgd", 1)), 6), ((("npo", 5), ("retrain", 4), ("dp_sgd", 1)), 4)],
)
def test_the_certificate_is_for_everybody_erased_since_training(
    job: Task, earlier: tuple[tuple[str, int], ...], records: int
) -> None:
    certificate = METHOD.certificate(job.model, replace(job.context, earlier=steps(*earlier)))
    one = job.model.privacy
    assert one is not None
    assert certificate.records == records
    assert certificate.epsilon == pytest.approx(records * one.epsilon)
    assert certificate.delta == pytest.approx(1e-5 * sum(math.exp(i * one.epsilon) for i in range(records)))
    assert certificate.budget_spent == pytest.approx(max(certificate.epsilon / 3.0, certificate.delta / 1e-3))
    assert any("more than 12 examples" in sentence for sentence in certificate.assumptions)


def test_beyond_the_budget_only_retraining_is_left(job: Task) -> None:
    with pytest.raises(ObstacleError, match=r"budget is spent: 103 examples.*Retrain"):
        METHOD.certificate(job.model, replace(job.context, earlier=steps(("dp_sgd", 100))))
    with pytest.raises(ObstacleError, match="budget is spent"):
        DpSgd(max_epsilon=3.0, max_delta=1e-9).certificate(job.model, job.context)


def test_a_model_that_is_not_private_is_refused(job: Task, leaf_model: TrainedModel) -> None:
    with pytest.raises(ObstacleError, match="not trained privately"):
        METHOD.certificate(leaf_model, job.context)


def test_a_step_with_other_means_ends_the_promise(job: Task) -> None:
    with pytest.raises(ObstacleError, match="An earlier step, npo"):
        METHOD.certificate(job.model, replace(job.context, earlier=steps(("npo", 1))))


def test_obstacles_are_known_before_the_work(recipe: Recipe) -> None:
    facts = Facts(recipe, forget=3, retain=200, held_out=10, epsilon=0.2)
    assert obstacles("dp_sgd", facts) == []
    assert expected_cost("dp_sgd", facts) == 0
    assert obstacles("dp_sgd", facts, {"max_epsilon": 0.5}) != []
    spent = replace(facts, earlier=steps(("dp_sgd", 20)))
    assert any("23 examples" in found for found in obstacles("dp_sgd", spent))
    assert any(
        "came after the model's training" in f for f in obstacles("dp_sgd", replace(facts, earlier=steps(("npo", 1))))
    )
    public = replace(facts, recipe=replace(recipe, privacy=None))
    assert any("not trained privately" in found for found in obstacles("dp_sgd", public))
    assert obstacles("dp_sgd", replace(facts, epsilon=None)) == []  # known when the model is read
