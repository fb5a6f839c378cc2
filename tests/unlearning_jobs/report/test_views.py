"""The report of an unlearning job through its page."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from django.conf import settings

from tests.factories import account, unlearning_job
from tests.personas import Staff, client_of
from tests.staging import Stage, corpus, trained
from tests.web.pages import signed_in, text_of
from unlearning_jobs.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def finished(staff: Staff, artefacts: Path) -> Stage:  # noqa: ARG001  # the corpus is written there
    """A case whose first attempt has been evaluated."""
    stage = Stage.opened(staff, trained(corpus())).searched()
    stage.evaluated()
    return stage


@pytest.mark.parametrize(("role", "status"), [("officer", 200), ("engineer", 200), ("auditor", 200), ("administrator", 403)])
@pytest.mark.usefixtures("finished")
def test_reports_are_for_those_who_work_with_them(role: str, status: int) -> None:
    assert client_of(account(role)).get(f"/jobs/{Job.objects.get().pk}/report/").status_code == status


def test_a_report_names_no_person(finished: Stage) -> None:
    page = signed_in(finished.staff.iris).get(f"/jobs/{Job.objects.get().pk}/report/")
    assert finished.request.name not in page.html


def test_the_report_says_the_verdict_in_a_sentence_and_what_it_does_not_show(finished: Stage) -> None:
    page = signed_in(finished.staff.iris).get(f"/jobs/{Job.objects.get().pk}/report/")
    assert "passed By the protocol, the unlearned models are like models that never saw" in page.words
    assert "It does not show that other models hold nothing of the examples." in page.words
    assert "waiting for signature" in page.words


def test_the_report_draws_every_set_and_lists_controls_and_metrics(finished: Stage) -> None:
    page = signed_in(finished.staff.iris).get(f"/jobs/{Job.objects.get().pk}/report/")
    assert [text_of(h3) for h3 in page.all("h3")] == ["Forget set", "Retain set", "Held-out set"]
    assert len(page.all("figure")) == 1 + 2 * 3 + 1
    assert page.words.count("behaved") == 2
    assert "Exact memorisation" in page.words
    assert "0.28 – 0.33" in page.words


@pytest.mark.usefixtures("artefacts")
def test_a_failed_report_says_in_which_direction(staff: Staff) -> None:
    stage = Stage.opened(staff, trained(corpus())).searched()
    stage.evaluated("failed")
    page = signed_in(staff.lena).get(f"/jobs/{Job.objects.get().pk}/report/")
    assert "Undershot: the model still knows the examples better than a model that never saw them" in page.words


def test_reports_never_claim_too_much(finished: Stage) -> None:
    page = signed_in(finished.staff.lena).get(f"/jobs/{Job.objects.get().pk}/report/")
    assert not [word for word in ("compliant", "anonymous", "forgotten") if word in page.words.lower()]


def test_the_report_is_found_by_what_its_statement_names(finished: Stage) -> None:
    response = client_of(finished.staff.iris).get(f"/jobs/reports/{finished.request.reference}/item-1/1/")
    assert response["Location"] == f"/jobs/{Job.objects.get().pk}/report/"
    assert client_of(finished.staff.iris).get(f"/jobs/reports/{finished.request.reference}/item-1/2/").status_code == 404


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("estimands", "name,set,statistic,kind,unit,estimate,low,high,margin,position"),
        ("metrics", "name,set,unlearned,low,high,original,oracle_low,oracle_high,oracles,note"),
        ("margins-forget", "group,seed,margin_mean"),
        ("examples", "example_id,auc,p_value,p_benjamini_hochberg,p_max_t"),
        ("trajectory", "example_id,step,margin,oracle_mean,oracle_deviation,entered,left,best_step,end"),
    ],
)
def test_the_numbers_come_as_csv(finished: Stage, name: str, header: str) -> None:
    response = client_of(finished.staff.iris).get(f"/jobs/{Job.objects.get().pk}/report/{name}.csv")
    lines = b"".join(response).decode().splitlines()
    assert lines[0] == header
    assert len(lines) > 2


def test_the_report_shows_every_examples_way_against_the_band_of_its_oracles(finished: Stage) -> None:
    page = signed_in(finished.staff.iris).get(f"/jobs/{Job.objects.get().pk}/report/")
    count = len(Job.objects.get().spec["forget_ids"])
    assert page.html.count('class="thread"') == count
    assert f"At the end {count - 1} of {count} examples lie within the band" in page.words
    assert "0.9 where the run was stopped, 0.8 at the best common step, 0.7 if every example" in page.words
    assert "too well known" in page.words


def test_the_report_counts_missed_examples_and_says_what_unlearning_cost(finished: Stage) -> None:
    page = signed_in(finished.staff.iris).get(f"/jobs/{Job.objects.get().pk}/report/")
    assert "examples are still better known than by the oracles, and 0 are less known" in page.words
    assert "which is 50 % of one retraining (mean of 2 in the same run)" in page.words
    assert "0.85 after Holm’s correction" in page.words


def test_a_certificate_stands_with_what_it_rests_on_and_does_not_cover(finished: Stage) -> None:
    page = signed_in(finished.staff.iris).get(f"/jobs/{Job.objects.get().pk}/report/")
    for words in ("Close to a model without them.", "The noise is secret.", "Logs."):
        assert words in page.words


def test_a_csv_that_is_not_there_is_not_found(finished: Stage) -> None:
    client = client_of(finished.staff.iris)
    paths = [f"/jobs/{Job.objects.get().pk}/report/{name}.csv" for name in ("margins-everything", "passwords")]
    assert {client.get(path).status_code for path in paths} == {404}


def test_without_the_raw_outputs_the_report_still_stands(finished: Stage) -> None:
    shutil.rmtree(settings.ARTEFACTS / Job.objects.get().output / "outputs")
    page = signed_in(finished.staff.iris).get(f"/jobs/{Job.objects.get().pk}/report/")
    assert "cannot be read any more" in page.words


def test_without_its_files_a_report_says_that_they_are_gone(finished: Stage) -> None:
    shutil.rmtree(settings.ARTEFACTS / Job.objects.get().output)
    page = signed_in(finished.staff.iris).get(f"/jobs/{Job.objects.get().pk}/report/", status=404)
    assert page.h1 == "There is no report"


def test_a_job_that_has_not_ended_has_no_report() -> None:
    signed_in(account("officer")).get(f"/jobs/{unlearning_job().pk}/report/", status=404)
