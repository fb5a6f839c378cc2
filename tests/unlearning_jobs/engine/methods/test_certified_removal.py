"""Certified removal: near the truth, within its budget, and refused beyond it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch

from tests.unlearning_jobs.engine.conftest import with_recipe
from tests.unlearning_jobs.engine.methods.conftest import Task, task
from unlearning_jobs.engine.catalogue import Facts, obstacles
from unlearning_jobs.engine.contracts import (
    ClassifierArchitecture,
    LogisticArchitecture,
    MethodChoice,
    Recipe,
    UnlearningStep,
)
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.families.arrays import Arrays
from unlearning_jobs.engine.families.logistic import LogisticFamily, LogisticHeads
from unlearning_jobs.engine.families.one_vs_rest import gradient, solve
from unlearning_jobs.engine.methods import CertifiedMethod, Context
from unlearning_jobs.engine.methods.certified_removal import CertifiedRemoval
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel, read_model, save_model

METHOD = CertifiedRemoval(records_per_step=1)
NAME = "certified_removal"


def heads(model: TrainedModel) -> LogisticHeads:
    return cast("LogisticHeads", model.network)


def removed(model: TrainedModel, context: Context, method: CertifiedRemoval = METHOD) -> TrainedModel:
    return method.unlearn(model, context, lambda _: None)


def perturbation(job: Task) -> torch.Tensor:
    """That of the model to unlearn."""
    family, shape = cast("LogisticFamily", job.model.family), heads(job.model).weight.shape
    generator = torch.Generator().manual_seed(job.context.training_data.secret_seed((), 1))
    return family.architecture.perturbation * torch.randn(shape, generator=generator, dtype=torch.float64)


def part(context: Context, start: int, stop: int) -> Context:
    """The context of forgetting some of the records, after those before them were forgotten."""
    before, now = context.forget_ids[:start], context.forget_ids[start:stop]
    return replace(
        context,
        forget_ids=now,
        exclude_ids=(*before, *now),
        retain_ids=tuple(context.training_data.retained_ids((*before, *now))),
        earlier=(UnlearningStep(MethodChoice(NAME), before),) if before else (),
    )


@pytest.fixture
def job(logistic_trainer: Trainer, leaves_to_forget: tuple[str, ...]) -> Task:
    return task(logistic_trainer, logistic_trainer.obtain((), 1, lambda *_: None), leaves_to_forget)


def test_the_true_gradient_is_within_the_bound(job: Task) -> None:
    result, family = removed(job.model, job.context), cast("LogisticFamily", job.model.family)
    kept = family.examples(heads(result), family.encode(job.context.training_data.snapshot.get(job.context.retain_ids)))
    slope = gradient(heads(result).weight.detach(), kept, family.architecture.regularisation)
    left = (slope + perturbation(job)).norm(dim=1)
    assert bool((left <= heads(result).residual).all())
    assert float(left.norm()) > 1e-6  # the bound is not a bound on nothing


def test_the_result_is_much_nearer_to_the_optimum_without_the_records_than_the_model_was(job: Task) -> None:
    family, retained = cast("LogisticFamily", job.model.family), job.context.training_data.subset(job.context.retain_ids)
    kept = family.examples(heads(job.model), cast("Arrays", retained))
    optimum, _ = solve(kept, perturbation(job), family.architecture.regularisation)
    before, after = (
        float((heads(m).weight - optimum).detach().norm()) for m in (job.model, removed(job.model, job.context))
    )
    assert after < 0.05 * before


def test_the_certificate_states_what_the_recipe_fixed_and_what_is_used(job: Task) -> None:
    certificate = METHOD.certificate(removed(job.model, job.context), job.context)
    assert (certificate.epsilon, certificate.delta, certificate.records) == (1.0, 1e-4, 12)
    assert 0 < certificate.budget_spent <= 1
    assert isinstance(METHOD, CertifiedMethod)
    assert any("looking at the model" in sentence for sentence in certificate.not_covered)


def test_larger_steps_use_more_of_the_budget(job: Task) -> None:
    singly, together = (removed(job.model, job.context, CertifiedRemoval(records_per_step=n)) for n in (1, 12))
    assert heads(together).bound() > 1.5 * heads(singly).bound()


def test_a_second_unlearning_goes_on_where_the_folder_left_off(job: Task, tmp_path: Path) -> None:
    first = removed(job.model, part(job.context, 0, 5))
    save_model(first, tmp_path / "m", {})
    later = part(job.context, 5, 12)
    second, at_once = removed(read_model(tmp_path / "m"), later), removed(job.model, job.context)
    assert torch.allclose(heads(second).weight, heads(at_once).weight, atol=1e-9)
    assert heads(second).bound() == pytest.approx(heads(at_once).bound(), rel=0.01)  # its second part knows fewer rows
    certificates = METHOD.certificate(first, part(job.context, 0, 5)), METHOD.certificate(second, later)
    assert [c.records for c in certificates] == [5, 12]
    assert certificates[0].budget_spent < certificates[1].budget_spent


def test_a_spent_budget_is_refused(logistic_trainer: Trainer, job: Task) -> None:
    poor = with_recipe(logistic_trainer, architecture=LogisticArchitecture(regularisation=0.05, perturbation=0.01))
    poorer = task(poor, poor.obtain((), 1, lambda *_: None), job.context.forget_ids)
    with pytest.raises(ObstacleError, match=r"of its budget.*Retrain"):
        METHOD.certificate(removed(poorer.model, poorer.context), poorer.context)


def test_retraining_gives_a_fresh_budget(job: Task) -> None:
    before, now = part(job.context, 0, 5), part(job.context, 5, 12)
    fresh = job.context.train(before.exclude_ids, 1, lambda *_: None)
    context = replace(now, earlier=(UnlearningStep(MethodChoice("retrain"), before.forget_ids),))
    assert METHOD.certificate(removed(fresh, context), context).records == 7


def test_a_model_that_other_steps_made_is_refused(job: Task) -> None:
    with pytest.raises(ObstacleError, match="counts 0 removals"):
        METHOD.certificate(job.model, job.context)
    foreign = replace(job.context, earlier=(UnlearningStep(MethodChoice("nothing"), ("e00000001",)),))
    with pytest.raises(ObstacleError, match="An earlier step, nothing"):
        METHOD.certificate(removed(job.model, job.context), foreign)


def test_a_model_that_is_not_convex_is_refused(leaf_model: TrainedModel, job: Task) -> None:
    with pytest.raises(ObstacleError, match="convex"):
        removed(leaf_model, job.context)


def test_obstacles_are_known_before_the_work() -> None:
    logistic = Recipe("logistic", LogisticArchitecture(), 1, 8, 0.1)
    facts = Facts(logistic, forget=3, retain=80, held_out=10)
    assert obstacles(NAME, facts) == []
    network = replace(facts, recipe=Recipe("classifier", ClassifierArchitecture("mlp"), 1, 8, 0.1))
    assert any("convex loss only" in found for found in obstacles(NAME, network))
    assert any("is spent" in found for found in obstacles(NAME, replace(facts, budget_spent=1.2)))
    foreign = replace(facts, earlier=(UnlearningStep(MethodChoice("nothing"), ("a",)),))
    assert any("its promise ended there" in found for found in obstacles(NAME, foreign))
