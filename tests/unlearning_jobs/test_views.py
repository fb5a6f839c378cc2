"""Jobs, corpora and models through the pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import account, unlearning_job
from tests.personas import Staff, client_of
from tests.staging import Stage, corpus, trained
from tests.web.pages import Site, signed_in, text_of
from unlearning_jobs.engine.contracts import Progress
from unlearning_jobs.models import Job, ModelVersion
from unlearning_jobs.services.runs import job_claim, job_fail, job_report
from unlearning_jobs.states import JobState, ModelState

pytestmark = pytest.mark.django_db
CURVES = {"loss": [[0, 3.0], [1, 2.0]], "forget": [[0, 3.0], [1, 1.0]], "retain": [[0, 2.5], [1, 2.5]]}


@pytest.fixture
def job() -> Job:
    return unlearning_job()


@pytest.fixture
def finished(staff: Staff, artefacts: Path) -> Stage:  # noqa: ARG001  # the corpus is written there
    """A case whose first attempt has been evaluated."""
    stage = Stage.opened(staff, trained(corpus())).searched()
    stage.evaluated()
    return stage


def visit(role: str) -> Site:
    return signed_in(account(role))


def running(job: Job) -> Job:
    claim = job_claim(job_id=job.pk, worker="worker-7")
    job_report(claim=claim, progress=Progress("oracles", 230, 800), curves=CURVES)
    job.refresh_from_db()
    return job


def failed(job: Job, code: str = "out_of_memory") -> Job:
    claim = job_claim(job_id=job.pk, worker="worker-7")
    return job_fail(claim=claim, code=code, message="The model needs 9 GiB and 4 GiB are free.")


# -- who may open what


@pytest.mark.parametrize("role", ["officer", "engineer"])
def test_officers_and_engineers_open_every_page(job: Job, role: str) -> None:
    site = visit(role)
    for path in (
        "/jobs/",
        f"/jobs/{job.pk}/",
        f"/jobs/{job.pk}/cancel/",
        "/jobs/corpora/",
        "/jobs/checkpoints/",
        "/jobs/models/",
    ):
        site.get(path)


@pytest.mark.parametrize("role", ["auditor", "administrator"])
def test_other_roles_are_refused(job: Job, role: str) -> None:
    client = client_of(account(role))
    paths = ["/jobs/", f"/jobs/{job.pk}/", f"/jobs/{job.pk}/progress/", f"/jobs/{job.pk}/cancel/", "/jobs/models/"]
    paths += ["/jobs/checkpoints/", "/jobs/checkpoints/1/"]
    assert {client.get(path).status_code for path in paths} == {403}
    assert client.post(f"/jobs/{job.pk}/cancel/").status_code == 403


def test_nobody_without_an_account_sees_anything(job: Job) -> None:
    paths = ["/jobs/", f"/jobs/{job.pk}/", f"/jobs/{job.pk}/report/", f"/jobs/models/{job.base_id}/destroy/"]
    paths += ["/jobs/checkpoints/", "/jobs/checkpoints/1/"]
    assert {client_of(None).get(path).status_code for path in paths} == {302}


def test_an_account_that_was_closed_sees_nothing(staff: Staff) -> None:
    assert client_of(staff.mallory()).get("/jobs/").status_code == 302


# -- the list


def test_the_list_shows_what_a_job_is_about_and_no_person(job: Job) -> None:
    page = visit("engineer").get("/jobs/")
    assert f"{job.subject} item-1" in page.words
    assert "Retrain without the data" in page.words
    assert "Queued" in page.words


def test_the_list_is_filtered_by_state_and_its_csv_too(job: Job) -> None:
    failed(job)
    other = unlearning_job(item="item-2")
    site = visit("engineer")
    page = site.get("/jobs/?state=failed")
    assert [text_of(cell) for cell in page.all("th", scope="row")] == [str(job.pk)]
    assert page.link("State: Failed") == "?"
    lines = b"".join(site.client.get("/jobs/?state=failed&format=csv")).decode().splitlines()
    assert [line.split(",")[0] for line in lines] == ["job", str(job.pk)]
    assert str(other.pk) not in {line.split(",")[0] for line in lines}


def test_the_list_takes_as_many_queries_for_many_jobs_as_for_one(job: Job) -> None:
    site = visit("engineer")
    with CaptureQueriesContext(connection) as one:
        site.get("/jobs/")
    for number in range(2, 6):
        unlearning_job(job.base, item=f"item-{number}")
    with CaptureQueriesContext(connection) as many:
        site.get("/jobs/")
    assert len(one) == len(many)


# -- one job


def test_a_running_job_shows_its_stage_and_polls_for_more(job: Job) -> None:
    page = visit("officer").get(f"/jobs/{running(job).pk}/")
    assert "Training oracles" in page.words
    assert "2 of 8 models" in page.words
    assert page.one("div", id="live").get("hx-get") == f"/jobs/{job.pk}/progress/"
    assert page.one("progress").get("value") == "29"
    assert len(page.all("figure")) == 2


def test_the_poll_answers_with_the_moving_part_alone(job: Job) -> None:
    response = visit("officer").client.get(f"/jobs/{running(job).pk}/progress/")
    body = response.content.decode()
    assert body.strip().startswith('<div id="live"')
    assert "hx-trigger" in body
    assert "HX-Refresh" not in response


def test_the_last_answer_of_the_poll_reloads_the_page_and_stops_polling(job: Job) -> None:
    response = visit("officer").client.get(f"/jobs/{failed(job).pk}/progress/")
    assert response["HX-Refresh"] == "true"
    assert "hx-trigger" not in response.content.decode()


def test_a_job_that_waits_says_so(job: Job) -> None:
    assert "Waiting for a worker" in visit("officer").get(f"/jobs/{job.pk}/").words


def test_a_failed_job_says_why_and_what_to_do(job: Job) -> None:
    page = visit("officer").get(f"/jobs/{failed(job).pk}/")
    assert "The model needs 9 GiB and 4 GiB are free." in page.words
    assert "choose smaller batches" in page.words
    assert "hx-get" not in page.html


def test_every_run_is_listed_with_its_outcome(job: Job) -> None:
    page = visit("engineer").get(f"/jobs/{failed(job).pk}/")
    row = text_of(page.one("th", scope="row")), page.words
    assert row[0] == "1"
    assert "worker-7" in row[1]
    assert "1 run; at most 3" in row[1]


def test_the_curves_come_as_csv(job: Job) -> None:
    response = visit("officer").client.get(f"/jobs/{running(job).pk}/curves.csv")
    lines = b"".join(response).decode().splitlines()
    assert lines[0] == "curve,step,value"
    assert "forget,1,1.0" in lines


def test_cancelling_is_asked_before_it_is_done(job: Job) -> None:
    site = visit("officer")
    page = site.get(f"/jobs/{job.pk}/cancel/")
    job.refresh_from_db()
    assert job.state == JobState.QUEUED
    site.submit(page, action=f"/jobs/{job.pk}/cancel/")
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


def test_a_job_that_has_ended_cannot_be_cancelled(job: Job) -> None:
    site = visit("engineer")
    page = site.get(f"/jobs/{job.pk}/cancel/")
    failed(job)
    after = site.submit(page, action=f"/jobs/{job.pk}/cancel/", status=409)
    assert "This job has ended already." in after.words


# -- corpora and models


def test_corpora_are_listed_with_their_snapshots(finished: Stage) -> None:
    page = signed_in(finished.staff.eva).get("/jobs/corpora/")
    assert "harbour" in page.words
    assert "train: 20" in page.words
    assert finished.model.snapshot.digest[:16] in page.words


def test_models_show_their_origin_and_only_engineers_may_destroy(finished: Stage) -> None:
    page = signed_in(finished.staff.eva).get("/jobs/models/")
    assert "keeper v2 Candidate keeper v1" in page.words
    assert page.link("Destroy").endswith("/destroy/")
    assert "Destroy" not in signed_in(finished.staff.omar).get("/jobs/models/").words


def test_an_engineer_destroys_a_candidate_after_a_confirmation(finished: Stage) -> None:
    candidate = ModelVersion.objects.get(state="candidate")
    site = signed_in(finished.staff.eva)
    page = site.get(f"/jobs/models/{candidate.pk}/destroy/")
    assert "This cannot be undone." in page.words
    site.submit(page, action=f"/jobs/models/{candidate.pk}/destroy/")
    candidate.refresh_from_db()
    assert candidate.state == ModelState.DESTROYING


def test_the_active_version_is_never_destroyed(finished: Stage) -> None:
    site = signed_in(finished.staff.eva)
    page = site.get(f"/jobs/models/{finished.model.pk}/destroy/")
    assert "This version cannot be destroyed." in page.words
    response = site.client.post(
        f"/jobs/models/{finished.model.pk}/destroy/", {"csrfmiddlewaretoken": site.client.cookies["csrftoken"].value}
    )
    assert response.status_code == 409
    finished.model.refresh_from_db()
    assert finished.model.state == ModelState.ACTIVE


def test_an_officer_cannot_destroy_a_model(finished: Stage) -> None:
    candidate = ModelVersion.objects.get(state="candidate")
    assert client_of(finished.staff.omar).post(f"/jobs/models/{candidate.pk}/destroy/").status_code == 403
