"""What is established about how a result was made."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from compliance.formats.errors import FormatError
from compliance.formats.processes import process_checks, training_checks
from tests.unlearning_jobs.engine.conftest import with_recipe
from unlearning_jobs.engine.artefacts import file_digest
from unlearning_jobs.engine.contracts import JobSpec, MethodChoice, Protocol, SecondTraining
from unlearning_jobs.engine.process import train_again
from unlearning_jobs.engine.running import RunningJob
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel, save_model, weights_digest

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


def made_again(job: RunningJob, unlearned: TrainedModel | None = None) -> tuple[SecondTraining, TrainedModel]:
    """What is established about the method's result, or about a model that is passed off as it, and what is shipped."""
    again, shipped = train_again(job, unlearned or retrained(job), quiet)
    assert again is not None
    return again, shipped


def retrained(job: RunningJob) -> TrainedModel:
    return job.unlearn_production(job.original(job.spec.seed, quiet), quiet)


def same(a: TrainedModel, b: TrainedModel) -> bool:
    return weights_digest(a) == weights_digest(b)


def sentences(again: SecondTraining) -> str:
    checks = training_checks(again)
    assert [(check.name, check.held) for check in checks] == [("forget_set_absent", True), ("executed_again", True)]
    return " ".join(check.sentence for check in checks)


def nudged(model: TrainedModel, by: float) -> TrainedModel:
    """The model with other weights."""
    network = copy.deepcopy(model.network)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(by)
    return replace(model, network=network)


def test_a_retraining_is_executed_again_and_is_the_same_bit_by_bit(job_of: JobOf, short: Trainer) -> None:
    job = job_of(short, "retrain")
    again, _ = made_again(job)
    retained = short.training_data.retained_ids(job.spec.forget_ids)
    assert (again.examples, again.manifest) == (len(retained), job.snapshot.manifest_digest(retained))
    assert (again.forget_examples, again.given, again.difference) == (len(job.spec.forget_ids), 0, 0)
    assert again.weights == again.method_weights
    assert f"on {len(retained)} examples, whose manifest has the digest {again.manifest}" in sentences(again)
    assert "bit by bit" in sentences(again)


def left_in(job: RunningJob) -> TrainedModel:
    """A model that still learned one of the examples to forget."""
    return job.train(job.spec.forget_ids[1:], job.spec.seed, quiet)


def of_the_cache(job: RunningJob) -> TrainedModel:
    """What the method gives if the original lies in the cache as the retraining."""
    job.trainer.keep(job.original(job.spec.seed, quiet), job.spec.forget_ids, job.spec.seed)
    return retrained(job)


@pytest.mark.parametrize(
    "passed_off",
    [
        left_in,
        of_the_cache,
        lambda job: job.original(job.spec.seed, quiet),
        lambda job: nudged(retrained(job), 1e-7),
        lambda job: nudged(retrained(job), 1e-3),
    ],
    ids=["one example left in", "the original from the cache", "the original", "up to rounding", "another model"],
)
def test_whatever_the_method_gave_the_model_of_the_second_training_is_shipped(
    job_of: JobOf, short: Trainer, passed_off: Callable[[RunningJob], TrainedModel]
) -> None:
    """However near it is: nothing shows what it was trained on."""
    job = job_of(short, "retrain")
    other = passed_off(job)
    again, shipped = made_again(job, other)
    assert again.weights == weights_digest(shipped) != again.method_weights == weights_digest(other)
    assert again.difference is not None
    assert again.difference > 0
    assert f"other weights, by at most {again.difference:.1g}" in sentences(again)
    assert same(shipped, retrained(job)), "what the cache held is not used again"


def test_a_model_of_another_kind_and_one_without_numbers_are_never_shipped(
    job_of: JobOf, short: Trainer, leaf_model: TrainedModel
) -> None:
    job = job_of(short, "retrain")
    for foreign in (replace(leaf_model, network=torch.nn.Linear(3, 2)), nudged(retrained(job), float("nan"))):
        again, shipped = made_again(job, foreign)
        assert again.difference is None
        assert "cannot be compared with it" in sentences(again)
        assert same(shipped, retrained(job))


def test_the_digest_is_that_of_the_file_that_is_saved(tmp_path: Path, leaf_model: TrainedModel) -> None:
    save_model(leaf_model, tmp_path / "model", {})
    assert file_digest(tmp_path / "model" / "model.safetensors") == weights_digest(leaf_model)


def test_sums_that_were_subtracted_from_are_those_of_a_new_model_up_to_rounding(
    job_of: JobOf, sums_trainer: Trainer
) -> None:
    job = job_of(sums_trainer, "summation")
    again, shipped = made_again(job)
    assert again.difference is not None
    assert again.difference < 1e-5
    assert weights_digest(shipped) == again.weights


def test_shards_are_trained_again_without_the_slices_that_were_kept(job_of: JobOf, sharded_trainer: Trainer) -> None:
    again, _ = made_again(job_of(with_recipe(sharded_trainer, epochs=3), "sisa"))
    assert again.weights == again.method_weights


def test_a_training_that_was_given_an_example_to_forget_contradicts_the_process(job_of: JobOf, short: Trainer) -> None:
    again, _ = made_again(job_of(short, "retrain"))
    absent, _ = training_checks(replace(again, given=1))
    assert absent.held is False
    assert f"was given 1 of the {again.forget_examples} examples to forget" in absent.sentence


@pytest.mark.parametrize(
    "change",
    [{"given": 99}, {"given": -1}, {"difference": -1.0}, {"difference": math.nan}, {"difference": 0.5}, {"weights": "x"}],
)
def test_what_no_training_can_give_is_no_second_training(job_of: JobOf, short: Trainer, change: dict[str, Any]) -> None:
    again, _ = made_again(job_of(short, "retrain"))
    with pytest.raises(FormatError):
        replace(again, **change)


def test_a_certificate_is_named_with_its_numbers_and_its_absence_does_not_hold(
    job_of: JobOf, logistic_trainer: Trainer
) -> None:
    job = job_of(logistic_trainer, "certified_removal")
    job = replace(job, spec=replace(job.spec, forget_ids=job.spec.forget_ids[:2]))
    unlearned = retrained(job)
    certificate = job.certificate(unlearned)
    assert certificate is not None
    assert train_again(job, unlearned, quiet) == (None, unlearned)
    [given] = process_checks("certified", certificate, None)
    assert (given.name, given.held) == ("certificate", True)
    assert f"epsilon {certificate.epsilon:.3g}" in given.sentence
    assert "for 2 examples" in given.sentence
    [missing] = process_checks("certified", None, None)
    assert missing.held is False


@pytest.mark.parametrize("method", ["nothing", "gradient_ascent"])
def test_nothing_is_established_about_methods_that_only_measurements_can_judge(
    job_of: JobOf, short: Trainer, leaf_model: TrainedModel, method: str
) -> None:
    assert train_again(job_of(short, method), leaf_model, quiet) == (None, leaf_model)
    assert process_checks("empirical", None, None) == process_checks("control", None, None) == ()
