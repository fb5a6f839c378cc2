"""The advisor's list on the page where a method is chosen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone, translation

from requests_app.casework.advice import budget_words, cost_words, remarks, time_words
from requests_app.models import ErasureRequest
from tests.factories import PROTOCOL, RECIPE, unlearning_job
from tests.staging import Stage, job_completed
from tests.web.pages import Page, Site, signed_in, text_of
from unlearning_jobs.engine.advisor import RULES, Advice, Estimate, Situation
from unlearning_jobs.engine.catalogue import Budget, Facts
from unlearning_jobs.models import ModelVersion

pytestmark = pytest.mark.django_db

COST = Estimate(0.5, 1.0, 3.0)
TIMED = Situation(Facts(RECIPE, 4, 16, 8, trained_seconds=60.0), PROTOCOL, PROTOCOL, trained_on="cpu", device="cpu")


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """A request in another language leaves it behind for whoever comes next in the process."""
    with translation.override("en"):
        yield


@pytest.fixture
def choose(stage: Stage) -> str:
    """A granted item, on an installation where one job has ended: `retrain`, in 12 seconds of the 60 of a training."""
    job_completed(unlearning_job(stage.model))
    stage.searched().granted()
    return f"/cases/{stage.request.reference}/items/1/propose/"


def due(stage: Stage, days: int) -> None:
    ErasureRequest.objects.filter(pk=stage.request.pk).update(due_on=timezone.localdate() + timedelta(days=days))


def card(page: Page, method: str) -> str:
    return text_of(page.one("div", id=f"method-{method}-about"))


def chosen_from(page: Page) -> list[str]:
    return [str(field.get("value")) for field in page.all("input", name="method")]


def test_what_was_measured_here_and_what_was_not_are_told_apart(omar: Site, choose: str) -> None:
    page = omar.get(choose)
    assert "; measured in 1 job" in card(page, "retrain")
    assert "not measured on this installation yet, so assumed accurate to within a factor of 3" in card(page, "npo")
    assert "Unlearningabout 16 seconds (" in card(page, "retrain")  # 60 x (12 / 60) ^ (1 / 1.2)
    assert "Unlearningno computation" in card(page, "nothing")


def test_every_method_says_what_its_evaluation_adds_and_why_it_stands_where_it_does(omar: Site, choose: str) -> None:
    page = omar.get(choose)
    for method in chosen_from(page):
        assert "Including the evaluation" in card(page, method)
        assert "Why it is listed here" in card(page, method)
    assert "Including the evaluation, if its first look decidesabout" in card(page, "npo")
    assert "Including the evaluationabout" in card(page, "retrain")
    assert "it has the lowest expected cost" in card(page, "retrain")


def test_the_page_explains_the_order_and_what_it_cannot_know(omar: Site, choose: str) -> None:
    words = text_of(omar.get(choose).one("details", class_="method-order"))
    assert "By rules, and by measurements of finished jobs." in words
    assert "only the evaluation shows that" in words
    assert all(rule.sentence in words for rule in RULES)
    assert "the evaluation proposed below for its guarantee" in words


def test_a_deadline_that_has_passed_is_said_and_leaves_the_methods_to_choose(stage: Stage, omar: Site, choose: str) -> None:
    due(stage, -1)
    page = omar.get(choose)
    assert "That date has passed, so no method can finish in time." in page.words
    assert "Its job may end after the deadline" in card(page, "retrain")
    omar.submit(page, {"method": "retrain"})


def test_a_method_that_may_be_late_comes_below_those_in_time(stage: Stage, omar: Site, choose: str) -> None:
    due(stage, 1)
    assert chosen_from(omar.get(choose))[0] == "retrain"
    ModelVersion.objects.filter(pk=stage.model.pk).update(training_seconds=6000.0)  # the measured job: 0.2 % of a training
    page = omar.get(choose)
    late = [method for method in chosen_from(page) if "Its job may end after the deadline" in card(page, method)]
    assert late
    assert chosen_from(page)[-len(late) :] == late


def test_no_times_are_shown_where_the_model_was_timed_on_another_device(stage: Stage, omar: Site, choose: str) -> None:
    ModelVersion.objects.filter(pk=stage.model.pk).update(training_device="cuda (NVIDIA H200)")
    page = omar.get(choose)
    assert "the training of this model was timed on cuda (NVIDIA H200), but the latest jobs ran on cpu" in page.words
    assert "× the cost of retraining the model" in card(page, "retrain")
    assert "seconds" not in card(page, "retrain")


def test_no_times_are_shown_where_training_was_not_timed(stage: Stage, omar: Site, choose: str) -> None:
    ModelVersion.objects.filter(pk=stage.model.pk).update(training_seconds=0, training_device="")
    assert "the training of this model was not timed here" in omar.get(choose).words


@pytest.mark.parametrize("name", ["iris", "eva", "max"])
def test_nobody_but_officers_sees_the_list(stage: Stage, choose: str, name: str) -> None:
    page = signed_in(getattr(stage.staff, name)).get(choose, status=403)
    assert "Retrain without the data" not in page.html


def test_the_list_is_there_in_german(omar: Site, choose: str) -> None:
    omar.client.cookies["django_language"] = "de"
    words = omar.get(choose).words
    assert "How this list is ordered" not in words
    assert "Why it is listed here" not in words
    assert not [rule.sentence for rule in RULES if rule.sentence in words]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (Estimate(60, 130, 250), "about 2 minutes (60 seconds to 4 minutes)"),
        (Estimate(0.1, 0.4, 1.2), "up to 2 seconds"),
        (Estimate(0.001, 0.003, 0.009), "up to 1 second"),
    ],
)
def test_times_come_with_their_range(seconds: Estimate, words: str) -> None:
    assert time_words(seconds) == words


def test_costs_are_told_in_time_or_in_trainings_and_in_percent_while_that_reads_well() -> None:
    untimed = replace(TIMED, trained_on="")
    assert cost_words(COST, TIMED) == "about 60 seconds (30 seconds to 3 minutes)"
    assert cost_words(COST, untimed) == "about 1 × the cost of retraining the model (0.5 to 3 ×)"
    assert cost_words(COST * 0.1, untimed) == "about 10% of the cost of retraining the model (5% to 30%)"
    with translation.override("de"):
        assert "0,5" in cost_words(COST, untimed)


def test_what_is_left_of_a_budget_is_said() -> None:
    assert budget_words(Budget(0.25, 0.5, 1)) == (
        "25% of the model’s erasure budget is used. This erasure brings it to 50%. After that, 1 more example can be erased."
    )
    assert "known once the unlearning step has run, before replicates and oracles are trained" in budget_words(
        Budget(0.25, None)
    )


def test_a_promise_that_a_method_ends_is_named_by_the_methods_title() -> None:
    npo = Advice("npo", "empirical", (), None, in_time=None, reason="cheapest", ends=("dp_sgd",))
    [remark] = remarks(npo)
    assert remark.startswith("It ends the guarantee of “Keep a privately trained model”")
    assert remarks(replace(npo, ends=())) == []
