"""The pages by which officers keep a model silent for now."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from requests_app.models import Suppression
from requests_app.services.suppressions import suppression_start
from tests.personas import ADA
from tests.requests_app.services.presses import suppress
from tests.staging import Stage
from tests.web.pages import Site

pytestmark = pytest.mark.django_db


def path(stage: Stage, page: str = "new/") -> str:
    return f"/cases/{stage.request.reference}/suppressions/{page}"


def day(count: int) -> str:
    return (timezone.localdate() + timedelta(days=count)).isoformat()


@pytest.fixture
def searched(stage: Stage) -> Stage:
    return stage.searched()


def test_an_officer_starts_renews_and_ends_one(searched: Stage, omar: Site) -> None:
    form = omar.get(path(searched))
    assert ADA in form.words, "the form proposes what the claimant asked for"
    assert "Nothing is erased by it" in form.words
    page = omar.submit(form, {"model_name": searched.model.name, "until": day(10)}, action=path(searched))
    assert "not written with it yet" in page.words
    row = Suppression.objects.get()
    assert (row.model_name, row.guard, row.until.isoformat()) == (searched.model.name, "output_filter", day(10))
    one = path(searched, "1/")
    renewed = omar.submit(page, {"until": day(40)}, action=one)
    row.refresh_from_db()
    assert row.until.isoformat() == day(40)
    case = omar.get(f"/cases/{searched.request.reference}/")
    assert "Suppression 1: keeper" in case.words
    assert "Interim suppression renewed" in case.words
    assert renewed.h1 == "Suppression 1: keeper"
    omar.submit(omar.get(one), {"end": "yes"}, action=one)
    row.refresh_from_db()
    assert row.why == "taken_back"
    ended = omar.get(one)
    assert "taken back" in ended.words
    assert "End the suppression" not in ended.words


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"names": "", "phrases": ""}, "at least one name, phrase or passage"),
        ({"guard": "prompt_guard"}, "Say what the model is to be told"),
        ({"until": "2020-01-01"}, "within the next 92 days"),
        ({"until": ""}, "Choose the last day"),
        ({"until": "someday"}, "Choose the last day"),
        ({"names": "", "phrases": "a"}, "match nothing, or nearly everything"),
    ],
)
def test_what_is_missing_is_said_beside_the_form(searched: Stage, omar: Site, given: dict[str, str], problem: str) -> None:
    usual = {"model_name": searched.model.name, "until": day(10)}
    page = omar.submit(omar.get(path(searched)), usual | given, action=path(searched), status=422)
    assert problem in page.words
    assert not Suppression.objects.exists()


def test_one_that_has_ended_meanwhile_is_not_renewed(searched: Stage, omar: Site, lena: Site) -> None:
    suppression_start(**suppress(searched))
    page = omar.get(path(searched, "1/"))
    lena.submit(lena.get(path(searched, "1/")), {"end": "yes"}, action=path(searched, "1/"))
    assert "has ended" in omar.submit(page, {"until": day(40)}, action=path(searched, "1/"), status=409).words


def test_before_the_address_is_confirmed_nothing_is_suppressed(stage: Stage, omar: Site) -> None:
    page = omar.get(path(stage))
    assert "Awaiting e-mail confirmation" in page.words
    assert "Start the suppression" not in page.words


def test_one_that_does_not_exist_is_not_found(searched: Stage, omar: Site) -> None:
    assert omar.client.get(path(searched, "7/")).status_code == 404
