"""Whom strangers in their own network keep waiting gets in by a link, and nobody can take that way from them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext

from compliance.accounts import browser_links
from compliance.accounts.browser_links import LIFETIME, ONE_IN, browser_link_order, browser_link_send
from compliance.accounts.models import Account, BrowserLink
from compliance.accounts.throttle import ORDERS, link_order_begin
from compliance.celery import app as compliance_app
from compliance.record.models import RecordEntry
from tests.queues import Queues
from tests.web.pages import Site

from .test_sign_in import guess, omar, sign_in

__all__ = ["omar"]
HERE = ("unknown",)
"""The network of `Site`, which has no address."""


@pytest.fixture(autouse=True)
def _addressed(omar: Account, queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser_links, "app", queues.app)
    Account.objects.filter(pk=omar.pk).update(email="omar@example.org")


def mailed() -> list[str]:
    """Do what the worker does with every order that waits, and return the links that were sent, the oldest first."""
    for link in BrowserLink.objects.filter(token_sha256="").order_by("pk"):
        browser_link_send(link_id=link.pk)
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
        time_passes(ONE_IN - timedelta(minutes=1))
        for _ in range(20):
            browser_link_order(username="omar")
        assert mailed() == links
        time_passes(timedelta(minutes=1))

    assert len(links) == 4, "one in five minutes"
    assert [Client().get(link).status_code for link in links] == [404, 404, 404, 200]


def test_every_name_gets_the_same_page_for_the_same_work(site: Site, queues: Queues) -> None:
    """Strangers with a clock learn nothing: what is written, asked and queued does not depend on the account."""
    Account.objects.create(username="lena", role="officer")
    Account.objects.create(username="nils", role="officer", email="nils@example.org", is_active=False)
    pages, work = [], []
    for name in ("omar", "omar", "lena", "nils", "nobody"):
        form, before = site.get("/sign-in/link/"), len(queues)
        link_order_begin(HERE)  # makes the counts
        with CaptureQueriesContext(connection) as asked:
            pages.append(site.submit(form, {"username": name}))
        statements = [re.sub(r"'[^']*'|\d+", "?", query["sql"]) for query in asked]
        work.append((statements, len(queues) - before))

    assert all(page.words == pages[0].words for page in pages)
    assert pages[0].h1 == "Check your e-mail"
    assert all(done == work[0] for done in work)
    assert work[0][1] == 1
    assert len(mailed()) == 1
    assert BrowserLink.objects.count() == 1, "orders that lead to nothing are deleted"


def test_a_network_may_order_so_many_links_whatever_the_names_and_others_go_on(site: Site) -> None:
    for number in range(ORDERS.free):
        assert not link_order_begin(HERE), number
    for name in ("omar", "nobody"):
        page = site.submit(site.get("/sign-in/link/"), {"username": name}, status=429)
        assert "or from another network: the link works here as well" in page.field_error("username")
    assert not BrowserLink.objects.exists()
    assert Client().post("/sign-in/link/", {"username": "omar"}, REMOTE_ADDR="198.51.100.7").status_code == 200
    assert sign_in(Client(), address=HERE[0]).status_code == 302, "an order is no failure"


def test_a_link_that_the_mail_server_did_not_take_uses_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    browser_link_order(username="omar")
    with monkeypatch.context() as silent:
        silent.setattr(settings, "EMAIL_BACKEND", "django.core.mail.backends.smtp.EmailBackend")
        silent.setattr(settings, "EMAIL_HOST", "127.0.0.1")
        silent.setattr(settings, "EMAIL_PORT", 1)
        assert mailed() == []
    browser_link_order(username="omar")
    assert len(mailed()) == 1


def test_the_worker_sends_an_order_once_however_often_it_hears_of_it() -> None:
    browser_link_order(username="omar")
    order = BrowserLink.objects.get()
    assert [browser_link_send(link_id=order.pk) for _ in range(3)] == [True, False, False]
    assert not browser_link_send(link_id=order.pk + 1)
    assert len(mail.outbox) == 1


def test_a_name_that_was_typed_is_not_stored() -> None:
    browser_link_order(username="a password in the wrong field")
    assert "password" not in str(BrowserLink.objects.values().get())


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
    assert mailed() == []
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
