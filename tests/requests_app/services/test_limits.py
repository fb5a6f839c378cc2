"""Nobody floods the forms or a mailbox, and nobody keeps anybody else from using them."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.db.models import F
from django.utils import timezone

from requests_app.models import ErasureRequest, Message, UseCount
from requests_app.services.intake import (
    ClaimantDetails,
    TargetDetails,
    confirmation_resend,
    email_confirm,
    request_submit,
)
from requests_app.services.limits import (
    CONFIRMATION,
    HOUR,
    RESEND,
    SUBMIT,
    WIDER,
    Limit,
    LimitReachedError,
    use_count,
    uses_forget,
)
from requests_app.states import RequestState
from tests.personas import ADA, ADA_EMAIL

from .test_intake import sent_link

HOME, STRANGER = ("192.0.2.1",), ("198.51.100.7",)
LIMIT = Limit("test", own=3, busy=7, own_when_busy=1)


def submitted(key: str, *networks: str, email: str = ADA_EMAIL) -> ErasureRequest:
    claimant = ClaimantDetails(name=ADA, email=email)
    return request_submit(
        kind="erasure",
        language="en",
        claimant=claimant,
        target=TargetDetails(name=ADA),
        submission_key=key,
        networks=networks,
    )


def used(times: int, *networks: str, about: str = "") -> int:
    """How many of so many uses were let through."""
    passed = 0
    for _ in range(times):
        try:
            use_count(limit=LIMIT, networks=networks, about=about)
        except LimitReachedError:
            continue
        passed += 1
    return passed


@pytest.mark.django_db
def test_a_stranger_who_writes_an_address_into_the_form_keeps_its_owner_from_nothing() -> None:
    """Five requests that nobody had confirmed locked an address out."""
    for number in range(CONFIRMATION.own):
        submitted(f"stranger{number}", *STRANGER)
    with pytest.raises(LimitReachedError):
        submitted("one too many", *STRANGER)

    submitted("ada", *HOME)
    assert email_confirm(token=sent_link("confirm_address", "confirm")).state == RequestState.MAPPING
    assert ErasureRequest.objects.filter(state=RequestState.AWAITING_CONFIRMATION).count() == CONFIRMATION.own


@pytest.mark.django_db
def test_strangers_from_many_networks_do_not_keep_the_owner_out_either() -> None:
    for network in range(CONFIRMATION.busy + 2):
        submitted(f"stranger{network}", f"203.0.113.{network}")

    assert submitted("ada", *HOME).state == RequestState.AWAITING_CONFIRMATION


@pytest.mark.django_db
def test_one_network_cannot_fill_a_mailbox() -> None:
    for number in range(CONFIRMATION.own):
        submitted(f"k{number}", *STRANGER)
    with pytest.raises(LimitReachedError) as reached:
        submitted("one too many", *STRANGER)

    assert reached.value.limit is CONFIRMATION
    assert timedelta() < reached.value.until - timezone.now() <= HOUR
    assert ErasureRequest.objects.count() == Message.objects.count() == CONFIRMATION.own
    assert submitted("k0", *STRANGER).pk == ErasureRequest.objects.earliest("pk").pk, "the same form again is no error"
    submitted("to somebody else", *STRANGER, email="berta@example.org")


@pytest.mark.django_db
def test_one_network_cannot_send_requests_without_end() -> None:
    for number in range(SUBMIT.own):
        submitted(f"k{number}", *STRANGER, email=f"somebody{number}@example.org")
    with pytest.raises(LimitReachedError) as reached:
        submitted("one too many", *STRANGER, email="another@example.org")
    assert reached.value.limit is SUBMIT


@pytest.mark.django_db
def test_new_links_count_as_e_mails_and_nobody_learns_whether_one_was_sent() -> None:
    request = submitted("k0", *STRANGER)
    for _ in range(RESEND.own):
        confirmation_resend(reference=request.reference, email=ADA_EMAIL, networks=STRANGER)
    assert request.messages.count() == CONFIRMATION.own
    with pytest.raises(LimitReachedError):
        confirmation_resend(reference=request.reference, email=ADA_EMAIL, networks=STRANGER)
    with pytest.raises(LimitReachedError):
        confirmation_resend(reference="LE-2222-2222", email="nobody@example.org", networks=STRANGER)

    confirmation_resend(reference=request.reference, email=ADA_EMAIL, networks=HOME)
    assert request.messages.count() == CONFIRMATION.own + 1


@pytest.mark.django_db
def test_an_allowance_comes_back_when_the_page_says() -> None:
    assert used(5, *HOME) == LIMIT.own
    with pytest.raises(LimitReachedError) as reached:
        use_count(limit=LIMIT, networks=HOME)
    UseCount.objects.update(since=F("since") - (reached.value.until - timezone.now()))

    assert used(5, *HOME) == LIMIT.own


@pytest.mark.django_db
def test_a_form_that_many_use_gives_everybody_less_and_nobody_nothing() -> None:
    assert sum(used(LIMIT.own, f"203.0.113.{number}") for number in range(3)) == LIMIT.busy
    assert [used(3, f"203.0.113.{number}") for number in range(10, 20)] == [LIMIT.own_when_busy] * 10


@pytest.mark.django_db
def test_when_a_form_was_busy_the_page_does_not_send_people_away_for_longer() -> None:
    for number in range(LIMIT.busy):
        used(1, f"203.0.113.{number}")
    UseCount.objects.update(since=F("since") - timedelta(minutes=50))
    used(1, *HOME)
    with pytest.raises(LimitReachedError) as reached:
        use_count(limit=LIMIT, networks=HOME)

    assert reached.value.until - timezone.now() <= timedelta(minutes=10)


@pytest.mark.django_db
def test_a_site_of_ipv6_has_a_few_allowances_and_no_more() -> None:
    passed = [used(1, f"2001:db8:0:{number:x}::/64", "2001:db8::/48", about="x") for number in range(LIMIT.busy - 1)]
    assert sum(passed) == LIMIT.busy - 1 < LIMIT.own * WIDER
    used(20, "2001:db8:0:1::/64", "2001:db8::/48", about="x")
    assert UseCount.objects.count() == LIMIT.busy + 1
    assert used(LIMIT.own * WIDER, "2001:db8:0:2::/64", "2001:db8::/48", about="y") == LIMIT.own


@pytest.mark.django_db
def test_what_comes_through_no_public_form_has_no_limit() -> None:
    for number in range(CONFIRMATION.own + 1):
        submitted(f"k{number}")
    assert not UseCount.objects.exists()


@pytest.mark.django_db
def test_neither_networks_nor_addresses_are_stored_and_counts_go_with_the_hour() -> None:
    submitted("k0", *HOME)
    assert all(re.fullmatch("[0-9a-f]{64}", key) for key in UseCount.objects.values_list("key", flat=True))
    UseCount.objects.update(since=F("since") - HOUR)
    uses_forget()
    assert not UseCount.objects.exists()


@pytest.mark.usefixtures("committed_database")
def test_many_uses_at_once_are_no_more_than_one_after_the_other() -> None:
    def one(_number: int) -> int:
        try:
            return used(1, *HOME)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(24))) == LIMIT.own
