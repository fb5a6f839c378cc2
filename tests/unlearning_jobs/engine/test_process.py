"""What is established about how a result was made."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.unlearning_jobs.engine.conftest import with_recipe
from unlearning_jobs.engine.contracts import JobSpec, MethodChoice, ProcessCheck, Protocol
from unlearning_jobs.engine.process import process_checks
from unlearning_jobs.engine.running import RunningJob
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel

ALONE = Protocol((), (11, 12, 13, 14), metrics=())
JobOf = Callable[[Trainer, str], RunningJob]


def quiet(_: object) -> None:
    """Take no notice."""


@pytest.fixture
def job_of(leaf_spec: JobSpec, tmp_path: Path) -> JobOf:
    """A job of a method, with a cache of its own."""

    def make(trainer: Trainer, method: str) -> RunningJob:
        own = replace(trainer, cache=tmp_path / "cache")
        recipe = own.training_data.recipe
        spec = replace(leaf_spec, recipe=recipe, method=MethodChoice(method), protocol=ALONE, cache=str(own.cache))
        return RunningJob(spec, tmp_path, quiet, own)

    return make


@pytest.fixture
def short(leaf_trainer: Trainer) -> Trainer:
    return with_recipe(leaf_trainer, epochs=2)


def checks(job: RunningJob, unlearned: TrainedModel | None = None) -> tuple[ProcessCheck, ...]:
    """What is established about the result, or about a model that is passed off as the result."""
    original = job.original(job.spec.seed, quiet)
    made = job.unlearn_production(original, quiet)
    return process_checks(job, original, unlearned or made, job.certificate(made), quiet)[0]


def nudged(model: TrainedModel, by: float) -> TrainedModel:
    """The model with other weights."""
    network = copy.deepcopy(model.network)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(by)
    return replace(model, network=network)


def test_a_retraining_is_executed_again_and_is_the_same_bit_by_bit(job_of: JobOf, short: Trainer) -> None:
    job = job_of(short, "retrain")
    absent, again = checks(job)
    assert (absent.name, absent.held, again.name, again.held) == ("forget_set_absent", True, "executed_again", True)
    assert "bit by bit" in again.sentence
    retained = short.training_data.retained_ids(job.spec.forget_ids)
    assert f"on the {len(retained)} remaining examples" in absent.sentence
    assert job.snapshot.manifest_digest(retained) in absent.sentence


def test_the_original_passed_off_as_the_result_does_not_hold(job_of: JobOf, short: Trainer) -> None:
    job = job_of(short, "retrain")
    _, again = checks(job, job.original(job.spec.seed, quiet))
    assert again.held is False
    assert "the original model, unchanged" in again.sentence


def test_an_original_that_lay_in_the_cache_as_the_retraining_is_noticed(job_of: JobOf, short: Trainer) -> None:
    """The second training takes nothing from there."""
    job = job_of(short, "retrain")
    job.trainer.keep(job.original(job.spec.seed, quiet), job.spec.forget_ids, job.spec.seed)
    _, again = checks(job)
    assert again.held is False


@pytest.mark.parametrize("by", [1e-7, 1e-3, float("nan")])
def test_a_result_that_is_not_repeated_is_made_again_and_the_new_one_is_shipped(
    job_of: JobOf, short: Trainer, by: float
) -> None:
    """As if the cache had been filled on a machine that computes otherwise."""
    job = job_of(short, "retrain")
    original = job.original(job.spec.seed, quiet)
    made = job.unlearn_production(original, quiet)
    (_, again), shipped = process_checks(job, original, nudged(made, by), None, quiet)
    assert again.held is True
    is_rounding = by < 1e-6
    assert ("up to rounding" in again.sentence) is is_rounding
    same = [torch.equal(a, b) for a, b in zip(shipped.network.parameters(), made.network.parameters(), strict=True)]
    assert all(same) is not is_rounding


def test_a_model_of_another_kind_is_never_shipped(job_of: JobOf, short: Trainer, leaf_model: TrainedModel) -> None:
    job = job_of(short, "retrain")
    foreign = replace(leaf_model, network=torch.nn.Linear(3, 2))
    (_, again), shipped = process_checks(job, job.original(job.spec.seed, quiet), foreign, None, quiet)
    assert again.held is True
    assert shipped is not foreign


def test_sums_that_were_subtracted_from_are_those_of_a_new_model_up_to_rounding(
    job_of: JobOf, sums_trainer: Trainer
) -> None:
    job = job_of(sums_trainer, "summation")
    _, again = checks(job)
    assert again.held is True
    assert "same weights" in again.sentence
    _, swapped = checks(job, job.original(job.spec.seed, quiet))
    assert swapped.held is False


def test_shards_are_trained_again_without_the_slices_that_were_kept(job_of: JobOf, sharded_trainer: Trainer) -> None:
    _, again = checks(job_of(with_recipe(sharded_trainer, epochs=3), "sisa"))
    assert (again.held, "bit by bit" in again.sentence) == (True, True)


def test_a_certificate_is_named_with_its_numbers_and_its_absence_does_not_hold(
    job_of: JobOf, logistic_trainer: Trainer
) -> None:
    job = job_of(logistic_trainer, "certified_removal")
    job = replace(job, spec=replace(job.spec, forget_ids=job.spec.forget_ids[:2]))
    original = job.original(job.spec.seed, quiet)
    unlearned = job.unlearn_production(original, quiet)
    certificate = job.certificate(unlearned)
    assert certificate is not None
    [given], _ = process_checks(job, original, unlearned, certificate, quiet)
    assert (given.name, given.held) == ("certificate", True)
    assert f"epsilon {certificate.epsilon:.3g}" in given.sentence
    assert "for 2 examples" in given.sentence
    [missing], _ = process_checks(job, original, unlearned, None, quiet)
    assert missing.held is False


@pytest.mark.parametrize("method", ["nothing", "gradient_ascent"])
def test_nothing_is_established_about_methods_that_only_measurements_can_judge(
    job_of: JobOf, short: Trainer, leaf_model: TrainedModel, method: str
) -> None:
    assert process_checks(job_of(short, method), leaf_model, leaf_model, None, quiet) == ((), leaf_model)
