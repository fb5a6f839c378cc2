"""Files of a report that are gone, or are not what the job left."""

from __future__ import annotations

import shutil

import pytest
from django.conf import settings

from tests.personas import client_of
from tests.staging import Stage
from tests.web.pages import signed_in
from unlearning_jobs.models import Job

pytestmark = pytest.mark.django_db


def test_without_the_raw_outputs_the_report_still_stands(finished: Stage) -> None:
    shutil.rmtree(settings.ARTEFACTS / Job.objects.get().output / "outputs")
    page = signed_in(finished.staff.iris).get(f"/jobs/{Job.objects.get().pk}/report/")
    assert "cannot be read, or are not those that its result names" in page.words


def test_a_result_that_changed_after_the_job_is_not_shown(finished: Stage) -> None:
    job = Job.objects.get()
    path = settings.ARTEFACTS / job.output / "result.json"
    path.write_bytes(path.read_bytes().replace(b'"outcome":"passed"', b'"outcome":"failed"'))
    page = signed_in(finished.staff.iris).get(f"/jobs/{job.pk}/report/", status=409)
    assert "is not the file that its worker recorded" in page.words
    assert client_of(finished.staff.iris).get(f"/jobs/{job.pk}/report/estimands.csv").status_code == 404


def test_raw_outputs_that_changed_after_the_job_draw_nothing(finished: Stage) -> None:
    job = Job.objects.get()
    outputs = settings.ARTEFACTS / job.output / "outputs"
    shutil.copy(outputs / "trajectory.parquet", outputs / "examples.parquet")
    page = signed_in(finished.staff.iris).get(f"/jobs/{job.pk}/report/")
    assert "so the distributions are not drawn" in page.words
    assert client_of(finished.staff.iris).get(f"/jobs/{job.pk}/report/margins-forget.csv").status_code == 404


def test_without_its_files_a_report_says_that_they_are_gone(finished: Stage) -> None:
    shutil.rmtree(settings.ARTEFACTS / Job.objects.get().output)
    page = signed_in(finished.staff.iris).get(f"/jobs/{Job.objects.get().pk}/report/", status=404)
    assert page.h1 == "There is no report"
    assert page.link("Reports")
