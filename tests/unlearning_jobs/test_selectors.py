"""What the advisor is told: the facts of a model, the clock, and what finished jobs took."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from tests.erasing import erased, started, turned_round
from tests.factories import PROTOCOL, model_version, unlearning_job
from tests.staging import corpus, job_completed, trained
from unlearning_jobs.engine.advisor import Situation
from unlearning_jobs.engine.catalogue import expected_cost
from unlearning_jobs.engine.contracts import JobSpec
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.preparation import job_facts as facts_of_engine
from unlearning_jobs.models import Job, ModelVersion
from unlearning_jobs.selectors import job_facts, measurements, method_advice, proposal_situation
from unlearning_jobs.services.ledger import snapshots_compare

pytestmark = pytest.mark.django_db
FOUR = ("e00000000", "e00000001", "e00000002", "e00000003")


@pytest.fixture
def finished(artefacts: Path) -> Job:  # noqa: ARG001  # its result is written there
    """A job by `retrain` that took 12 seconds, and 12 milliseconds for its evaluation, where one training takes 60."""
    return job_completed(unlearning_job())


def situation(base: ModelVersion, **changes: Any) -> Situation:
    return proposal_situation(base, FOUR, **({"annex": PROTOCOL, "measured": PROTOCOL, "until": None} | changes))


def repeated(job: Job, **spec: Any) -> None:
    """Insert another completed job whose row says that it was asked to do something else."""
    job.pk, job.result_version, job.spec = None, None, job.spec | spec
    job.save(force_insert=True)


def test_a_finished_job_is_a_measurement_of_its_method_and_of_evaluations(finished: Job) -> None:
    assert finished.base is not None
    [found] = measurements("causal_lm")
    assert (found.method, found.family, found.device) == ("retrain", "causal_lm", "cpu")
    assert found.unlearning == pytest.approx(12.0 / (60.0 * expected_cost("retrain", job_facts(finished.base, FOUR[:2]))))
    trainings = 60.0 * (len(PROTOCOL.replicate_seeds) + len(PROTOCOL.oracle_seeds) + 1)  # an exact one is executed again
    assert found.evaluation == pytest.approx(0.012 / (trainings + len(PROTOCOL.replicate_seeds) * 12.0))


def test_the_advice_learns_from_it(finished: Job) -> None:
    assert finished.base is not None
    [retrain] = [one for one in method_advice(situation(finished.base)) if one.method == "retrain"]
    assert retrain.forecast is not None
    assert (retrain.forecast.jobs, retrain.forecast.evaluations) == (1, 1)
    assert retrain.forecast.unlearning.middle < 0.5


@pytest.mark.usefixtures("finished")
def test_jobs_on_another_family_are_not_asked_about() -> None:
    assert measurements("classifier") == []


def test_a_job_on_another_device_than_its_model_was_timed_on_says_nothing(finished: Job) -> None:
    ModelVersion.objects.filter(jobs=finished).update(training_device="cuda (NVIDIA H200)")
    assert measurements("causal_lm") == []


@pytest.mark.parametrize(
    "method",
    [
        {"name": "long_gone", "config": {}},
        {"name": "npo", "config": {"long_gone": 1}},
        {"name": "npo", "config": {"steps": 0}},
    ],
)
def test_a_job_by_a_method_or_setting_that_is_gone_is_passed_over(finished: Job, method: dict[str, Any]) -> None:
    repeated(finished, method=method)
    assert len(measurements("causal_lm")) == 1
    repeated(finished, method={"name": "retrain", "config": {}})
    assert len(measurements("causal_lm")) == 2


@pytest.mark.usefixtures("artefacts")
def test_jobs_that_did_not_end_or_kept_no_costs_say_nothing() -> None:
    unlearning_job()
    job = job_completed(unlearning_job(item="item-2"))
    Job.objects.filter(pk=job.pk).update(costs={})
    assert measurements("causal_lm") == []


def test_measurements_take_as_many_queries_for_many_jobs_as_for_one(finished: Job, django_assert_num_queries: Any) -> None:
    for number in range(2, 5):
        job_completed(unlearning_job(finished.base, item=f"item-{number}"))
    with django_assert_num_queries(1):
        assert len(measurements("causal_lm")) == 4


def test_the_job_is_expected_where_jobs_ran_last(finished: Job) -> None:
    base = model_version(training_device="cuda (NVIDIA H200)")
    assert situation(base).device == "cpu"
    assert situation(base).clock == "other_device"
    assert finished.base is not None
    assert situation(finished.base).clock == "known"


def test_before_any_job_has_ended_no_device_is_known() -> None:
    assert situation(model_version()).clock == "not_measured"


def test_the_deadline_is_handed_in_as_a_moment() -> None:
    base = model_version()
    left = situation(base, until=timezone.now() + timedelta(hours=2)).seconds_left
    assert left == pytest.approx(7200, abs=60)
    assert situation(base).seconds_left is None


@pytest.mark.usefixtures("artefacts")
def test_what_officers_read_about_methods_is_what_the_engine_will_find() -> None:
    """The page offered methods that the engine then refused, because of examples that were erased elsewhere."""
    erased(trained(corpus()))
    other = trained(turned_round(), "other")
    snapshots_compare()
    spec = JobSpec.from_json(started(other, "e00000010", subject="request:LE-3333-3333").spec)
    read, found = job_facts(other, ["e00000010"]), facts_of_engine(spec, Snapshot.open(spec.snapshot.path))
    assert (
        (read.erased_elsewhere, read.retain, read.forget)
        == (found.erased_elsewhere, found.retain, found.forget)
        == (2, 17, 1)
    )
    assert (read.with_wrong_answers, read.with_prompts) == (found.with_wrong_answers, found.with_prompts) == (0, 1)
    shutil.rmtree(settings.ARTEFACTS / other.snapshot.path)
    away = job_facts(other, ["e00000010"])
    assert (away.with_wrong_answers, away.with_prompts, away.retain) == (None, None, 17)
