"""The look-up index of e-mail addresses, and what rests on it, through changes of keys."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from requests_app.models import ErasureRequest
from requests_app.services import intake
from requests_app.services.index import email_index_of, email_index_rebuild
from requests_app.services.limits import CONFIRMATION, LimitReachedError
from tests.migrations import migrated
from tests.personas import ADA, ADA_EMAIL

pytestmark = pytest.mark.django_db


def submitted(number: int, *networks: str) -> ErasureRequest:
    return intake.request_submit(
        kind="erasure",
        language="en",
        claimant=intake.ClaimantDetails(name=ADA, email=ADA_EMAIL),
        target=intake.TargetDetails(name=ADA),
        submission_key=f"form-{number}",
        networks=networks,
    )


def test_a_rotation_of_the_data_keys_resets_no_limit(settings: Settings) -> None:
    for number in range(CONFIRMATION.own):
        submitted(number, "192.0.2.1")
    settings.DATA_KEYS = ["new:" + "22" * 32, *settings.DATA_KEYS]
    with pytest.raises(LimitReachedError):
        submitted(CONFIRMATION.own, "192.0.2.1")


def test_after_a_change_of_the_index_key_the_index_is_made_again_once(settings: Settings) -> None:
    request = submitted(1)
    settings.INDEX_KEY = "33" * 32
    assert email_index_rebuild() == 1
    request.refresh_from_db()
    assert request.email_index == email_index_of(ADA_EMAIL)
    assert email_index_rebuild() == 0


def test_an_address_that_cannot_be_read_stops_the_command_and_changes_nothing(settings: Settings) -> None:
    before = submitted(1).email_index
    settings.INDEX_KEY, settings.DATA_KEYS = "33" * 32, ["other:" + "22" * 32]
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("email_index_rebuild")
    assert ErasureRequest.objects.values_list("email_index", flat=True).get() == before


def test_an_upgrade_makes_the_index_under_the_new_key() -> None:
    request = submitted(1)
    ErasureRequest.objects.filter(pk=request.pk).update(email_index="0" * 64)
    migrated("requests_app", "0011_later_reviews_and_ends")
    migrated("requests_app", "0012_email_index_of_its_own")
    request.refresh_from_db(fields=["email_index"])  # the table has no later columns now
    assert request.email_index == email_index_of(ADA_EMAIL)
