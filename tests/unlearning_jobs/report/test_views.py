"""The report of an unlearning job through its page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings

from compliance.formats.canonical import canonical_json, sha256_hex
from compliance.formats.record_kinds import RecordKind
from compliance.formats.results import Certificate
from compliance.record.services import record_append
from tests.factories import account, unlearning_job
from tests.personas import Staff, client_of
from tests.staging import Stage, corpus, job_completed, trained
from tests.web.pages import Page, signed_in, text_of
from unlearning_jobs.engine.contracts import (
    DEFAULT_ESTIMANDS,
    Control,
    Duplicate,
    EstimandFinding,
    InfluenceFinding,
    JobResult,
    MetricFinding,
    PermutationFinding,
    Precision,
    ProcessCheck,
    Protocol,
    Reason,
    SetFinding,
    Verdict,
)
from unlearning_jobs.models import Job

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("role", "status"), [("officer", 200), ("engineer", 200), ("auditor", 200), ("administrator", 403)])
@pytest.mark.usefixtures("finished")
def test_reports_are_for_those_who_work_with_them(role: str, status: int) -> None:
    assert client_of(account(role)).get(f"/jobs/{Job.objects.get().pk}/report/").status_code == status


def test_a_report_names_no_person(finished: Stage) -> None:
    page = signed_in(finished.staff.iris).get(f"/jobs/{Job.objects.get().pk}/report/")
    assert finished.request.name not in page.html


def test_the_report_says_the_verdict_in_a_sentence_and_what_it_does_not_show(finished: Stage) -> None:
    page = signed_in(finished.staff.iris).get(f"/jobs/{Job.objects.get().pk}/report/")
    assert "passed By the protocol, the method gives models like those trained without the examples" in page.words
    assert "It covers this model version only" in page.words
    assert "not signed" in page.words


def test_the_report_draws_every_set_and_lists_controls_and_metrics(finished: Stage) -> None:
    metric = MetricFinding("exact_memorization", "forget", 0.31, 0.9, (0.3, 0.32), low=0.28, high=0.33)
    page = page_of(finished, metrics=(metric,))
    scopes, sets = (
        ["About the method", "About the model that would be released"],
        ["Forget set", "Retain set", "Held-out set"],
    )
    assert [text_of(h3) for h3 in page.all("h3")] == scopes + sets
    assert len(page.all("figure")) == 2 + 2 * 3 + 1
    assert page.words.count("behaved") == 2
    assert "Exact memorisation" in page.words
    assert "0.28 – 0.33" in page.words


@pytest.mark.usefixtures("artefacts")
def test_a_failed_report_says_in_which_direction(staff: Staff) -> None:
    stage = Stage.opened(staff, trained(corpus())).searched()
    stage.evaluated("failed")
    page = signed_in(staff.lena).get(f"/jobs/{Job.objects.get().pk}/report/")
    assert "Undershot: the model still knows the examples better than a model that was trained without them" in page.words


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
        (
            "estimands",
            "scope,name,set,statistic,kind,unit,threshold,estimate,low,high,margin,margin_used,judged,position",
        ),
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
    distances = r"0\.\d+ where the run was stopped, 0\.\d+ at the best common step, 0\.\d+ if every example"
    assert re.search(distances, page.words)
    assert "too well known" in page.words


def test_the_report_counts_missed_examples_and_says_what_unlearning_cost(finished: Stage) -> None:
    sets = (SetFinding("retain", PermutationFinding(0.1, 0.6, 20, exhaustive=True), 0.85),)
    page = page_of(finished, sets=sets)
    assert "examples are still better known than by the oracles, and 0 are less known" in page.words
    assert "which is 50 % of one retraining (mean of 2 in the same run)" in page.words
    assert "0.85 after Holm’s correction" in page.words


def test_a_certificate_stands_with_what_it_rests_on_and_does_not_cover(finished: Stage) -> None:
    path = settings.ARTEFACTS / Job.objects.get().output / "result.json"
    result = JobResult.from_json(json.loads(path.read_bytes()))
    certificate = Certificate("Close to a model without them.", 2.0, 1e-4, 4, 0.5, ("The noise is secret.",), ("Logs.",))
    rewrite(Job.objects.get(), replace(result, certificate=certificate).to_json())
    page = signed_in(finished.staff.iris).get(f"/jobs/{Job.objects.get().pk}/report/")
    for words in ("Close to a model without them.", "The noise is secret.", "Logs."):
        assert words in page.words


def test_a_csv_that_is_not_there_is_not_found(finished: Stage) -> None:
    client = client_of(finished.staff.iris)
    paths = [f"/jobs/{Job.objects.get().pk}/report/{name}.csv" for name in ("margins-everything", "passwords")]
    assert {client.get(path).status_code for path in paths} == {404}


def test_a_job_that_has_not_ended_has_no_report() -> None:
    signed_in(account("officer")).get(f"/jobs/{unlearning_job().pk}/report/", status=404)


def page_of(stage: Stage, job: Job | None = None, **changes: Any) -> Page:
    """The report's page after its evaluation was changed in the result that it is read from."""
    job = job or Job.objects.get()
    path = settings.ARTEFACTS / job.output / "result.json"
    result = JobResult.from_json(json.loads(path.read_bytes()))
    assert result.evaluation is not None
    rewrite(job, replace(result, evaluation=replace(result.evaluation, **changes)).to_json())
    return signed_in(stage.staff.iris).get(f"/jobs/{job.pk}/report/")


def rewrite(job: Job, result: dict[str, Any]) -> None:
    """Change the job's result as if its worker had written and recorded this one."""
    raw = canonical_json(result)
    (settings.ARTEFACTS / job.output / "result.json").write_bytes(raw)
    data = {"job": job.pk, "run": 1, "item": job.item, "attempt": job.attempt, "result_sha256": sha256_hex(raw)}
    data |= {"model_sha256": "0" * 64, "verdict": job.verdict}
    record_append(subject=job.subject, kind=RecordKind.JOB_COMPLETED, actor="worker:worker-1", data=data)


def job_asked(**spec: Any) -> Job:
    """Another row with the same result, asked to do something else."""
    job = Job.objects.get()
    job.pk, job.result_version, job.spec = None, None, job.spec | spec
    job.save(force_insert=True)
    return job


def csv_of(stage: Stage, name: str) -> list[str]:
    response = client_of(stage.staff.iris).get(f"/jobs/{Job.objects.get().pk}/report/{name}.csv")
    return b"".join(response).decode().splitlines()


def findings() -> tuple[EstimandFinding, ...]:
    """A share about the method, and a mean about the shipped model by a wider margin."""
    by_name = {estimand.name: estimand for estimand in DEFAULT_ESTIMANDS}
    return (
        EstimandFinding(by_name["forget_missed"], 0.01, 0.0, 0.02, "within", judged=37),
        EstimandFinding(by_name["retain_location"], 0.01, 0.01, 0.01, "within", scope="shipped", margin_used=0.08),
    )


def test_what_is_said_of_the_method_and_of_the_shipped_model_stands_apart(finished: Stage) -> None:
    page = page_of(finished, estimands=findings())
    titles = [text_of(h3) for h3 in page.all("h3")]
    assert titles[:2] == ["About the method", "About the model that would be released"]
    assert "Forget set, examples missed: 37 examples could be judged one by one." in page.words
    assert "the margin used is 0.08 rather than the protocol’s 0.05" in page.words
    assert csv_of(finished, "estimands")[1:] == [
        "method,forget_missed,forget,margin,missed,absolute,,0.01,0.0,0.02,0.03,,37,within",
        "shipped,retain_location,retain,probability,location,absolute,,0.01,0.01,0.01,0.05,0.08,,within",
    ]


def test_a_result_on_process_evidence_says_so_and_calls_its_measurements_an_annex(finished: Stage) -> None:
    checks = (
        ProcessCheck("forget_set_absent", held=True, sentence="It rests on 16 examples."),
        ProcessCheck("executed_again", held=None, sentence="Other weights, as on another device."),
    )
    job = job_asked(method={"name": "retrain", "config": {}})
    page = page_of(finished, job, process=checks)
    assert "passed The evidence of the process shows a result as a training gives it in which the examples" in page.words
    assert "What the result rests on shown It rests on 16 examples." in page.words
    assert "Executed again not shown Other weights" in page.words
    assert "These measurements are an annex" in page.words
    assert "By the protocol, the method gives" not in page.words
    unmeasured = page_of(finished, job, gap=None, estimands=(), permutation=None, controls=(), sets=(), examples=None)
    assert "Nothing could be judged, because answers of models are no finite numbers." in unmeasured.words
    assert "they can contradict it" not in unmeasured.words


def test_no_influence_says_what_it_does_not_show(finished: Stage) -> None:
    verdict = Verdict("no_influence", None, (Reason("no_influence", "Nothing moved."),))
    influence = InfluenceFinding(-0.01, 0.004, memorised=0, limit=0.02, measurable=False)
    page = page_of(finished, verdict=verdict, influence=influence)
    assert "Doing nothing cannot be told from retraining" in page.words
    assert "it does not show that the examples were removed" in page.words
    assert "by −0.01 to 0.004; ±0.02 was fixed beforehand" in page.words
    assert "0 examples are memorised measurably. So no influence can be measured." in page.words


def test_every_verdict_fits_into_the_row_of_its_job_and_into_the_list_of_jobs(finished: Stage) -> None:
    job = job_completed(unlearning_job(finished.model, item="item-2"))
    job.pk, job.result_version, job.verdict = None, None, "no_influence"
    job.save(force_insert=True)
    page = signed_in(finished.staff.lena).get("/jobs/?verdict=no_influence")
    assert "1 job" in page.words
    assert "no measurable influence" in page.words


def test_duplicates_are_named_on_the_page_and_as_csv(finished: Stage) -> None:
    page = page_of(finished, duplicates=(Duplicate("e00000001", "e00000017", 0.92),))
    assert "1 pair of examples, most alike first" in page.words
    assert "e00000001e00000017" in page.words.replace(" ", "")
    assert csv_of(finished, "duplicates") == ["forget_id,retain_id,likeness", "e00000001,e00000017,0.92"]


def test_without_duplicates_the_page_does_not_speak_of_them(finished: Stage) -> None:
    assert "repeat what was to be forgotten" not in page_of(finished).words


def test_the_look_and_the_pairs_are_counted_as_they_were_when_it_decided(finished: Stage) -> None:
    paired = Protocol(tuple(range(11, 18)), (21, 22), design="paired", looks=2)
    page = page_of(finished, job_asked(protocol=paired.to_json()), look=1, precision=Precision(0.04, 12.0))
    assert "4 pairs of an unlearned model and its oracle, the production model’s among them, and 2 independent" in page.words
    assert "look 1 of at most 2" in page.words
    assert "varies by 0.04 of the gap. Independent differences vary 12 times as much" in page.words


def test_the_control_of_pairs_has_its_words(finished: Stage) -> None:
    test = PermutationFinding(0.1, 0.6, 20, exhaustive=True)
    page = page_of(finished, controls=(Control("pairs_against_independent", behaved=True, permutation=test, note=""),))
    assert "Paired against independent oraclesOracles that take the batches of another model" in page.words


def test_answers_that_are_no_numbers_leave_a_page_that_says_so(finished: Stage) -> None:
    nothing: dict[str, Any] = dict.fromkeys(("estimands", "controls", "metrics", "sets"), ())
    nothing |= dict.fromkeys(("gap", "permutation", "examples"))
    verdict = Verdict("failed", None, (Reason("answers_not_finite", "The models are destroyed."),))
    page = page_of(finished, verdict=verdict, **nothing)
    assert "answers of models are no finite numbers" in page.words
    assert "The models are destroyed." in page.words
    assert "Can the groups be told apart?" not in page.words
    assert csv_of(finished, "estimands")[1:] == []


def test_a_report_from_before_shipped_models_were_judged_still_opens(finished: Stage) -> None:
    path = settings.ARTEFACTS / Job.objects.get().output / "result.json"
    stored = json.loads(path.read_bytes())
    for name in ("look", "process", "influence", "precision", "duplicates"):
        stored["evaluation"].pop(name, None)
    for finding in stored["evaluation"]["estimands"]:
        for name in ("scope", "margin_used", "judged"):
            finding.pop(name, None)
        finding["estimand"].pop("threshold", None)
    rewrite(Job.objects.get(), stored)
    page = signed_in(finished.staff.iris).get(f"/jobs/{Job.objects.get().pk}/report/")
    assert "About the method" in page.words
    assert "About the model that would be released" not in page.words
