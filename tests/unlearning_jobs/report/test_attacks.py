"""The attacks on the report's page, with and without numbers, and where none was asked for."""

from __future__ import annotations

from dataclasses import replace
from xml.etree.ElementTree import Element

import pytest
from django.utils import translation

from tests.factories import PROTOCOL
from tests.staging import Stage
from tests.web.pages import Page, signed_in, text_of
from unlearning_jobs.engine.contracts import MetricFinding
from unlearning_jobs.models import Job

from .test_views import csv_of, job_asked, page_of

pytestmark = pytest.mark.django_db
ASKED = replace(PROTOCOL, attacks=("difference", "quantized_4", "prefix"))
DIFFERENCE = MetricFinding("difference", "forget", 0.9, 0.5, (0.85, 0.95), note="It is high after exact retraining too.")
ROUNDED = MetricFinding("quantized_4", "forget", 0.31, 0.9, (0.1, 0.3))
REST = MetricFinding("prefix", "forget", 0.05, 0.9, (0.1, 0.3))


def attacks(page: Page) -> list[Element]:
    [table] = [region for region in page.all("div", class_="table") if region.get("aria-label") == "Attacks"]
    return page.all("tr", table)[1:]


def with_attacks(finished: Stage, *findings: MetricFinding) -> Page:
    return page_of(finished, job_asked(protocol=ASKED.to_json()), metrics=findings)


def test_each_attack_says_what_was_done_and_what_came_out_of_whom(finished: Stage) -> None:
    page = with_attacks(finished, DIFFERENCE, ROUNDED, REST)
    difference, rounded, rest = map(text_of, attacks(page))
    assert "Comparing the old model with the new one" in difference
    assert "Somebody who has the old model too looks at which answers" in difference
    assert "The only remedy is to destroy every copy of the old model." in difference
    assert "It is high after exact retraining too." in difference
    assert "0.9" in difference
    assert "0.85 – 0.95" in difference
    assert "gives away" not in difference, "within what oracles give away"
    assert "The unlearned model gives away more than any oracle." in rounded
    assert "The unlearned model gives away less than every oracle." in rest


def test_what_came_out_of_attacks_is_in_no_other_table(finished: Stage) -> None:
    page = with_attacks(finished, DIFFERENCE, ROUNDED, MetricFinding("accuracy", "forget", 0.31, 0.9, (0.3, 0.32)))
    [table] = [region for region in page.all("div", class_="table") if region.get("aria-label") == "Metrics"]
    assert "Accuracy" in text_of(table)
    assert "Probability after rounding to 4 bits" not in text_of(table)
    assert page.words.count("Probability after rounding to 4 bits") == 1


def test_an_attack_without_a_number_is_not_passed_over(finished: Stage) -> None:
    _difference, rounded, rest = map(text_of, attacks(with_attacks(finished, DIFFERENCE)))
    assert all("There is no number: a model could not be attacked, or gave none." in row for row in (rounded, rest))


def test_where_no_attack_was_asked_for_the_report_says_that_nothing_is_known(finished: Stage) -> None:
    page = page_of(finished)
    assert "No attack was asked for, so nothing is known of what one would bring out." in page.words
    assert not [region for region in page.all("div", class_="table") if region.get("aria-label") == "Attacks"]


def test_officer_and_auditor_see_the_same_and_in_german(finished: Stage) -> None:
    seen = with_attacks(finished, DIFFERENCE, ROUNDED, REST)
    other = signed_in(finished.staff.lena).get(f"/jobs/{Job.objects.latest('pk').pk}/report/")
    assert list(map(text_of, attacks(other))) == list(map(text_of, attacks(seen)))
    with translation.override("de"):
        assert translation.gettext("Relearning") == "Erneutes Lernen"


def test_what_attacks_measured_comes_as_csv(finished: Stage) -> None:
    page_of(finished, metrics=(DIFFERENCE, MetricFinding("accuracy", "forget", 0.31, 0.9, (0.3, 0.32))))
    header, row = csv_of(finished, "attacks")
    assert header == "name,set,unlearned,low,high,original,oracle_low,oracle_high,oracles,note"
    assert row.startswith("difference,forget,0.9,,,0.5,0.85,0.95,")
