"""Guessing at passwords is slow, and nobody can lock anybody else out."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connections
from django.db.models import F
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from compliance.accounts.models import Account, SignInCount
from compliance.accounts.sign_in import COOKIE
from compliance.accounts.throttle import (
    ATTACKED_FROM,
    NETWORK,
    PAIR,
    PAIR_UNDER_ATTACK,
    WIDER,
    Limit,
    SignInAttempt,
    sign_in_begin,
    sign_in_succeeded,
)
from tests.factories import PASSWORD, account
from tests.web.pages import Page

PAIR_UNDER_ATTACK_FROM_200 = 2_200
HERE, ELSEWHERE = "192.0.2.1", "198.51.100.7"


@pytest.fixture
def omar(db: None, settings: Settings) -> Account:  # noqa: ARG001  # the account needs the database
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher",  # fast: these tests are not about hashes
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    ]
    omar = account("officer", "omar")
    omar.set_password(PASSWORD)
    omar.save()
    return omar


def sign_in(
    client: Client, password: str = PASSWORD, *, name: str = "omar", address: str = HERE, forwarded: str = ""
) -> HttpResponse:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    form = {"username": name, "password": password}
    return client.post("/sign-in/", form, REMOTE_ADDR=address, headers=headers)  # type: ignore[return-value]  # the stubs have a class of their own


def guess(times: int, *, name: str = "omar", address: str = HERE, browser: str = "") -> list[timedelta]:
    return [sign_in_begin(SignInAttempt(name, (address,), browser)) for _ in range(times)]


def under_attack() -> None:
    """Strangers everywhere have failed at Omar's account."""
    key = SignInAttempt("omar", ()).account_key
    SignInCount.objects.create(key=key, failures=ATTACKED_FROM - 1, last_at=timezone.now())
    guess(1, address="203.0.113.77")
    guess(1, address="203.0.113.78")


def time_passes(by: timedelta) -> None:
    SignInCount.objects.update(last_at=F("last_at") - by)


@pytest.mark.usefixtures("omar")
def test_after_five_failures_even_the_right_password_waits() -> None:
    client = Client()
    for _ in range(PAIR.free):
        assert sign_in(client, "wrong").status_code == 200
    response = sign_in(client)

    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= PAIR.first.total_seconds()
    page = Page(response.content, "/sign-in/", 429)
    assert "There were too many attempts to sign in. Wait 1 minute, then try again." in page.words
    time_passes(PAIR.first)
    assert sign_in(client).status_code == 302


@pytest.mark.usefixtures("omar")
def test_every_further_failure_makes_the_wait_longer_up_to_an_hour() -> None:
    guess(PAIR.free)
    waits = []
    for _ in range(12):
        (wait,) = guess(1)
        waits.append(wait)
        time_passes(wait)
        assert guess(1) == [timedelta()]

    assert [round(wait.total_seconds()) for wait in waits] == [30, 60, 120, 240, 480, 960, 1920, *[3600] * 5]


@pytest.mark.usefixtures("omar")
def test_who_waits_is_not_made_to_wait_longer_by_asking() -> None:
    guess(PAIR.free)
    waits = guess(20)
    assert all(timedelta() < wait <= PAIR.first for wait in waits)


@pytest.mark.usefixtures("omar")
def test_a_stranger_elsewhere_makes_nobody_wait() -> None:
    assert any(guess(PAIR.free + 1, address=ELSEWHERE))
    assert sign_in(Client()).status_code == 302


@pytest.mark.usefixtures("omar")
def test_signing_in_takes_back_what_was_counted() -> None:
    client = Client()
    for _ in range(3):
        sign_in(client, "wrong")
        assert sign_in(client).status_code == 302

    assert sorted(SignInCount.objects.values_list("failures", flat=True)) == [1, 1], "the first failure, from a new browser"


@pytest.mark.usefixtures("omar")
def test_strangers_everywhere_never_make_a_browser_wait_that_has_signed_in_before() -> None:
    known, new = Client(), Client()
    assert sign_in(known).status_code == 302
    for number in range(ATTACKED_FROM):
        guess(1, address=f"203.0.113.{number}")
    guess(NETWORK.free, name="somebody")  # and one in the same house as Omar
    guess(PAIR.free)

    assert sign_in(new).status_code == 429
    assert sign_in(known).status_code == 302
    assert sign_in(known, address=ELSEWHERE).status_code == 302


@pytest.mark.usefixtures("omar")
def test_a_password_from_a_quiet_network_is_looked_at_at_once_whatever_strangers_do() -> None:
    """With a limit for the account in all, an attacker at each Retry-After kept Omar out for as long as they liked."""
    under_attack()

    assert sign_in(Client(), "mistyped").status_code == 200
    assert sign_in(Client()).status_code == 302


@pytest.mark.usefixtures("omar")
def test_under_attack_everybodys_own_failures_count_more() -> None:
    under_attack()
    client = Client()
    for _ in range(PAIR_UNDER_ATTACK.free):
        assert sign_in(client, "wrong").status_code == 200
    response = sign_in(client)

    assert response.status_code == 429
    assert PAIR.first.total_seconds() < int(response["Retry-After"]) <= PAIR_UNDER_ATTACK.first.total_seconds()


@pytest.mark.parametrize(("limit", "guesses"), [(PAIR, 34), (PAIR_UNDER_ATTACK, 11)])
def test_an_attacker_gets_as_many_guesses_a_day_from_each_network_as_security_md_says(limit: Limit, guesses: int) -> None:
    start = now = timezone.now()
    count = SignInCount(key="", failures=0, last_at=start)
    while now < start + timedelta(days=1):
        count.failures, count.last_at = count.failures + 1, now
        now += max(limit.wait(count, now), timedelta())
    assert count.failures == guesses
    words = " ".join((settings.BASE_DIR / "SECURITY.md").read_text(encoding="utf-8").split())
    assert f"{guesses} guesses a day" in words
    assert f"about {PAIR_UNDER_ATTACK_FROM_200:,} a day from 200 addresses" in words


@pytest.mark.usefixtures("omar")
def test_a_known_browser_may_not_guess_without_end_either() -> None:
    client = Client()
    assert sign_in(client).status_code == 302
    for _ in range(PAIR.free):
        assert sign_in(client, "wrong").status_code == 200
    assert sign_in(client).status_code == 429


@pytest.mark.usefixtures("omar")
def test_a_browser_is_known_to_the_accounts_that_signed_in_with_it_only() -> None:
    account("officer", "lena")
    client = Client()
    assert sign_in(client).status_code == 302
    guess(PAIR.free, name="lena")

    assert sign_in(client, name="lena").status_code == 429
    time_passes(PAIR.first)
    assert sign_in(client, name="lena").status_code == 302
    guess(NETWORK.free, name="somebody")
    assert sign_in(client, name="lena").status_code == sign_in(client).status_code == 302


@pytest.mark.usefixtures("omar")
@pytest.mark.parametrize("cookie", ["", "forged", "eyJpZCI6ICJ4IiwgImFjY291bnRzIjogWzFdfQ:1xxxxx:AAAA"])
def test_a_forged_cookie_is_none(cookie: str) -> None:
    client = Client()
    client.cookies[COOKIE] = cookie
    guess(PAIR.free)
    assert sign_in(client).status_code == 429


@pytest.mark.usefixtures("omar")
def test_the_cookie_is_kept_from_scripts_and_from_other_sites() -> None:
    client = Client()
    sign_in(client)
    assert client.cookies[COOKIE]["httponly"] is True
    assert client.cookies[COOKIE]["samesite"] == "Lax"


@pytest.mark.django_db
def test_one_client_cannot_try_many_names() -> None:
    waits = [guess(1, name=f"name{number}")[0] for number in range(NETWORK.free + 1)]
    assert [bool(wait) for wait in waits] == [False] * NETWORK.free + [True]


@pytest.mark.django_db
def test_a_name_that_nobody_has_waits_like_any_other() -> None:
    client = Client()
    statuses = [sign_in(client, "wrong", name="nobody").status_code for _ in range(PAIR.free + 1)]
    assert statuses == [200] * PAIR.free + [429]


@pytest.mark.django_db
def test_writing_a_name_in_other_ways_gives_no_further_guesses() -> None:
    names = ["omar", "OMAR", "Omar", "\uff4fmar", "oMar"]
    assert not any(guess(1, name=name)[0] for name in names)
    assert guess(1)[0]


@pytest.mark.django_db
def test_failures_are_forgotten_after_a_day() -> None:
    guess(PAIR.free)
    time_passes(timedelta(days=1))
    assert guess(PAIR.free) == [timedelta()] * PAIR.free
    time_passes(timedelta(days=1))
    sign_in_succeeded(SignInAttempt("lena", (ELSEWHERE,)))
    assert not SignInCount.objects.exists()


@pytest.mark.django_db
def test_neither_names_nor_addresses_are_stored() -> None:
    guess(1)
    assert all(re.fullmatch("[0-9a-f]{64}", key) for key in SignInCount.objects.values_list("key", flat=True))


@pytest.mark.usefixtures("omar")
def test_what_a_client_claims_to_be_counts_only_from_a_proxy(settings: Settings) -> None:
    client = Client()
    for number in range(PAIR.free):
        sign_in(client, "wrong", forwarded=f"203.0.113.{number}")
    assert sign_in(client, forwarded="203.0.113.99").status_code == 429

    settings.BEHIND_PROXY = True
    for number in range(PAIR.free):
        sign_in(client, "wrong", forwarded=f"203.0.113.{number}, {ELSEWHERE}")
    assert sign_in(client, forwarded=f"203.0.113.99, {ELSEWHERE}").status_code == 429
    assert sign_in(client, forwarded=f"{ELSEWHERE}, 203.0.113.5").status_code == 302


@pytest.mark.usefixtures("omar")
def test_the_addresses_of_one_subscriber_are_one_client() -> None:
    client = Client()
    for number in range(PAIR.free):
        sign_in(client, "wrong", address=f"2001:db8::{number}")
    assert sign_in(client, address="2001:db8::ffff").status_code == 429
    assert sign_in(client, "wrong", address="2001:db8:0:1::1").status_code == 200
    assert sign_in(client, "wrong", address="").status_code == 200


@pytest.mark.usefixtures("omar")
def test_a_whole_site_of_ipv6_gives_a_few_more_guesses_and_no_more() -> None:
    client = Client()
    for number in range(PAIR.free * WIDER):
        assert sign_in(client, "wrong", address=f"2001:db8:0:{number:x}::1").status_code == 200
    assert sign_in(client, address="2001:db8:0:ffff::1").status_code == 429
    assert sign_in(client, "wrong", address="2001:db8:1:1::1").status_code == 200


@pytest.mark.usefixtures("committed_database")
def test_many_guesses_at_once_are_no_more_than_one_after_the_other() -> None:
    def one(_number: int) -> timedelta:
        try:
            return sign_in_begin(SignInAttempt("omar", (HERE,)))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(one, range(40)))
    assert waits.count(timedelta()) == PAIR.free
