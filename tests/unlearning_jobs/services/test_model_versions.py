"""What a model version keeps of its training, and a job of its own cost."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.factories import model_version, unlearning_job
from tests.staging import job_completed, result_write
from unlearning_jobs.engine.contracts import JobResult, JobSpec
from unlearning_jobs.models import Job
from unlearning_jobs.services.model_versions import job_costs, job_result_accept
from unlearning_jobs.services.runs import job_claim

pytestmark = pytest.mark.django_db


def result_of(job: Job, folder: Path) -> JobResult:
    return result_write(folder, JobSpec.from_json(job.spec), "passed")


def accepted(job: Job, result: JobResult) -> Job:
    claim = job_claim(job_id=job.pk, worker="worker-1")
    return job_result_accept(claim=claim, result=result, result_sha256="0" * 64, output="jobs/1/run-1")


def test_a_completed_job_keeps_its_device_and_what_unlearning_and_evaluation_took(artefacts: Path) -> None:
    assert artefacts.name == "artefacts"
    job = job_completed(unlearning_job())
    result = JobResult.from_json(json.loads((artefacts / job.output / "result.json").read_bytes()))
    assert result.evaluation is not None
    assert result.evaluation.precision is not None
    assert job.costs == {
        "device": "cpu",
        "unlearning_seconds": 12.0,
        "evaluation_seconds": 0.012,
        "look": 1,
        "precision": result.evaluation.precision.to_json(),
        "accuracies": {},
    }


def test_a_job_that_went_on_from_an_earlier_run_keeps_no_seconds(tmp_path: Path) -> None:
    result = result_of(unlearning_job(), tmp_path)
    costs = job_costs(result, run=2)
    assert (costs["unlearning_seconds"], costs["evaluation_seconds"]) == (None, None)


def test_an_unlearning_from_the_cache_keeps_no_seconds(tmp_path: Path) -> None:
    result = result_of(unlearning_job(), tmp_path)
    assert result.efficiency is not None
    cached = replace(result, efficiency=replace(result.efficiency, from_cache=1))
    assert job_costs(cached, run=1)["unlearning_seconds"] is None
    assert job_costs(replace(result, efficiency=None), run=1)["unlearning_seconds"] is None


def test_what_one_training_took_is_kept_with_the_device_and_inherited(tmp_path: Path) -> None:
    base = model_version(training_seconds=70.0, training_device="cuda (NVIDIA H200)")
    job = unlearning_job(base)
    version = accepted(job, result_of(job, tmp_path)).result_version
    assert version is not None
    assert (version.training_seconds, version.training_device) == (70.0, "cuda (NVIDIA H200)")


def test_a_training_that_the_job_did_itself_is_the_newer_measurement(tmp_path: Path) -> None:
    job = unlearning_job(model_version(training_seconds=70.0, training_device="cuda (NVIDIA H200)"))
    result = result_of(job, tmp_path)
    version = accepted(job, replace(result, seconds={**result.seconds, "train": 33.0})).result_version
    assert version is not None
    assert (version.training_seconds, version.training_device) == (33.0, "cpu")
