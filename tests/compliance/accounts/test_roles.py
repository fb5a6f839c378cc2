"""Every page against the one table of roles: a new role, or a page that forgot to ask, shows here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.converters import IntConverter, SlugConverter, StringConverter

from compliance.accounts.access import act_required
from compliance.accounts.roles import ROLES, Act, Role
from compliance.record.errors import StaleStateError
from tests.factories import account
from tests.personas import client_of

pytestmark = pytest.mark.django_db

EXAMPLES: dict[type, object] = {IntConverter: 999, SlugConverter: "none", StringConverter: "none"}
"""What stands in an address for something that does not exist."""
FOR_EVERY_ACCOUNT = {"home", "logout"}
"""Pages of everybody who is signed in."""


def pages(resolver: URLResolver, namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from pages(entry, f"{namespace}{entry.namespace}:" if entry.namespace else namespace)
        else:
            yield f"{namespace}{entry.name}", entry


PAGES = dict(pages(get_resolver()))
ACTS = {name: page.callback.act for name, page in PAGES.items() if hasattr(page.callback, "act")}
ADDRESSES = {
    name: reverse(name, kwargs={key: EXAMPLES[type(converter)] for key, converter in PAGES[name].pattern.converters.items()})
    for name in ACTS
}


def test_every_page_is_public_or_asks_for_an_act() -> None:
    public = {name for name, page in PAGES.items() if not getattr(page.callback, "login_required", True)}
    assert set(PAGES) == set(ACTS) | public | FOR_EVERY_ACCOUNT


def test_every_act_is_asked_for_somewhere_and_somebody_may_do_it() -> None:
    # Only the start page lists the accounts, for whoever has no other page to start on.
    assert set(ACTS.values()) | {Act.READ_ACCOUNTS} == set(Act)
    assert frozenset().union(*(rules.acts for rules in ROLES.values())) == set(Act)


@pytest.mark.parametrize("role", Role)
def test_a_role_opens_what_the_table_says_and_nothing_else(role: Role) -> None:
    client = client_of(account(role))
    # Whoever may open a page learns that nothing is there (404), or that the address only takes answers (405).
    opened = {name for name, address in ADDRESSES.items() if client.get(address).status_code in (200, 404, 405)}
    refused = {name for name, address in ADDRESSES.items() if client.get(address).status_code == 403}
    assert opened == {name for name, act in ACTS.items() if act in ROLES[role].acts}
    assert refused == set(ACTS) - opened


@pytest.mark.parametrize("role", Role)
def test_a_role_may_open_each_page_of_its_navigation(role: Role) -> None:
    client = client_of(account(role))
    assert {client.get(reverse(name)).status_code for name, _ in ROLES[role].navigation} == {200}


def test_an_account_that_was_closed_may_do_nothing() -> None:
    closed = account("officer")
    closed.is_active = False
    assert not closed.may(Act.HANDLE_REQUESTS)


@pytest.mark.parametrize(("method", "back"), [("get", "/home/"), ("post", "/anything/")])
def test_what_nobody_can_do_now_is_a_page_with_the_services_sentence_and_a_way_back(method: str, back: str) -> None:
    sentence = "The corpus is away."

    @act_required(Act.HANDLE_REQUESTS)
    def view(_request: HttpRequest) -> HttpResponse:
        raise StaleStateError(sentence)

    request = getattr(RequestFactory(), method)("/anything/")
    request.user = account("officer")
    response = view(request)
    page = response.content.decode()  # type: ignore[attr-defined]  # not streamed
    assert (response.status_code, sentence in page, f'href="{back}"' in page) == (409, True, True)
