"""The verifier knows the words of the services, which it cannot import."""

from __future__ import annotations

from typing import get_args

from django.conf import settings

from compliance.evidence.checks.words import ENDINGS, GROUNDS, LANGUAGES, OUTCOMES, WAYS_TO_DECIDE
from compliance.formats.record_kinds import NOT_CONCERNED
from requests_app.services.matches import How
from requests_app.states import Ground, RequestOutcome


def test_languages_are_those_of_the_pages() -> None:
    assert set(dict(settings.LANGUAGES)) == LANGUAGES


def test_ways_to_decide_are_those_of_the_officers() -> None:
    assert set(get_args(How)) == WAYS_TO_DECIDE


def test_outcomes_are_those_of_requests() -> None:
    assert {str(one) for one in RequestOutcome} == OUTCOMES | {NOT_CONCERNED}
    assert ENDINGS < OUTCOMES


def test_grounds_are_those_of_decisions() -> None:
    assert {str(one) for one in Ground} == set().union(*GROUNDS.values())
