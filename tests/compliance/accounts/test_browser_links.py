"""Whom strangers in their own network keep waiting gets in by a link, and nobody can take that way from them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db.models import F
from django.test import Client

from compliance.accounts import browser_links
from compliance.accounts.browser_links import LIFETIME, ONE_IN, browser_link_order, browser_link_send
from compliance.accounts.models import Account, BrowserLink
from compliance.celery import app as compliance_app
from compliance.record.models import RecordEntry
from tests.queues import Queues
from tests.web.pages import Site

from .test_sign_in import guess, omar, sign_in

__all__ = ["omar"]


@pytest.fixture(autouse=True)
def _addressed(omar: Account, queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser_links, "app", queues.app)
    Account.objects.filter(pk=omar.pk).update(email="omar@example.org")


def mailed() -> list[str]:
    """Send every link that waits, and return those that were sent, the oldest first."""
    for link in BrowserLink.objects.filter(token_sha256="").order_by("pk"):
        assert browser_link_send(link_id=link.pk)
    return [re.findall(r"/sign-in/link/[\w-]{43}/", str(sent.body))[0] for sent in mail.outbox]


def time_passes(by: timedelta) -> None:
    BrowserLink.objects.update(ordered_at=F("ordered_at") - by, expires_at=F("expires_at") - by)


def test_whom_an_attacker_in_the_same_network_keeps_waiting_gets_in_by_a_link_and_the_password() -> None:
    client = Client()
    while not guess(1)[0]:
        pass
    assert sign_in(client).status_code == 429

    client.post("/sign-in/link/", {"username": "omar"})
    (link,) = mailed()
    assert client.get(link).status_code == 200
    assert client.post(link).status_code == 302
    assert sign_in(client, "wrong").status_code == 200, "the link replaces no password"
    assert sign_in(client).status_code == 302


def test_a_link_works_once_and_for_ten_minutes() -> None:
    browser_link_order(username="omar")
    (link,) = mailed()
    assert Client().post(link).status_code == 302
    assert Client().post(link).status_code == Client().get(link).status_code == 404

    time_passes(ONE_IN)
    browser_link_order(username="omar")
    _used, link = mailed()
    time_passes(LIFETIME)
    assert Client().post(link).status_code == 404


def test_a_mail_scanner_that_opens_the_link_does_not_use_it_up() -> None:
    browser_link_order(username="omar")
    (link,) = mailed()
    assert [Client().get(link).status_code for _ in range(3)] == [200] * 3
    assert Client().post(link).status_code == 302


def test_while_strangers_go_on_ordering_the_latest_two_links_work() -> None:
    """Whatever strangers order, they order for the owner."""
    for _ in range(4):
        for _ in range(20):
            browser_link_order(username="omar")
        links = mailed()
        time_passes(ONE_IN - timedelta(seconds=1))
        for _ in range(20):
            browser_link_order(username="omar")
        time_passes(timedelta(seconds=1))

    assert len(links) == 4, "one in five minutes"
    assert [Client().get(link).status_code for link in links] == [404, 404, 404, 200]


def test_the_page_says_the_same_about_every_name(site: Site) -> None:
    Account.objects.create(username="lena", role="officer")
    Account.objects.create(username="nils", role="officer", email="nils@example.org", is_active=False)
    pages = [site.submit(site.get("/sign-in/link/"), {"username": name}) for name in ("omar", "lena", "nils", "nobody")]

    assert len({page.words for page in pages}) == 1
    assert pages[0].h1 == "Check your e-mail"
    assert len(mailed()) == 1


def test_a_link_makes_the_browser_known_to_its_account_only() -> None:
    browser_link_order(username="omar")
    client, (link,) = Client(), mailed()
    client.post(link)
    while not guess(1, name="lena")[0]:
        pass
    assert sign_in(client, name="lena").status_code == 429


@pytest.mark.parametrize("change", [{"is_active": False}, {"email": ""}])
def test_a_closed_account_or_one_without_an_address_gets_no_link(change: dict[str, object]) -> None:
    Account.objects.update(**change)
    browser_link_order(username="omar")
    assert not BrowserLink.objects.exists()


def test_links_to_a_former_address_end_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    browser_link_order(username="omar")
    (link,) = mailed()
    monkeypatch.setenv("NEW_EMAIL", "omar@example.net")
    call_command("account_email", "omar")

    assert Client().get(link).status_code == 404
    entry = RecordEntry.objects.get(kind="account.email_set")
    assert b"example" not in bytes(entry.body)


@pytest.mark.parametrize(("name", "address", "why"), [("nobody", "a@example.org", "no account"), ("omar", "a", "valid")])
def test_an_address_that_cannot_be_set_is_refused(
    name: str, address: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEW_EMAIL", address)
    with pytest.raises(CommandError, match=why):
        call_command("account_email", name)


def test_an_order_that_no_worker_heard_of_can_be_repeated_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = Queues("redis://127.0.0.1:1")
    nowhere.app.conf.broker_transport_options = compliance_app.conf.broker_transport_options
    with monkeypatch.context() as broken:
        broken.setattr(browser_links, "app", nowhere.app)
        browser_link_order(username="omar")
    browser_link_order(username="omar")
    assert len(mailed()) == 1


def test_neither_the_link_nor_the_address_is_stored_with_it() -> None:
    browser_link_order(username="omar")
    (link,) = mailed()
    row = BrowserLink.objects.values().get()
    assert link.split("/")[3] not in str(row)
    assert "example" not in str(row)


@pytest.fixture
def site() -> Site:
    return Site()
