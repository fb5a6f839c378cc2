"""Every page that needs no account passes the standing checks, in each language and colour scheme."""

from __future__ import annotations

import pytest
from django.test import Client

from .pages import Page, Site

pytestmark = pytest.mark.django_db

PAGES = [
    "/",
    "/request/kind/",
    "/privacy/",
    "/accessibility/",
    "/confirm/resend/",
    "/components/",
    "/sign-in/",
    "/sign-in/link/",
    "/record/verify/",
]


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("path", PAGES)
def test_page_is_sound(site: Site, path: str, language: str) -> None:
    site.client.cookies["django_language"] = language
    assert site.get(path).one("html").get("lang") == language


@pytest.mark.parametrize("path", PAGES)
def test_page_has_the_same_way_to_help_and_verification(site: Site, path: str) -> None:
    footer = site.get(path).one("footer")
    assert [link.get("href") for link in footer.iter("a")] == ["/record/verify/", "/privacy/", "/accessibility/"]


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
@pytest.mark.parametrize("path", ["/", "/request/kind/", "/request/check/", "/confirm/abc/", "/status/abc/"])
def test_other_methods_are_refused(path: str, method: str) -> None:
    assert getattr(Client(), method)(path).status_code == 405


def test_unknown_address_gives_a_page_that_leads_back(site: Site) -> None:
    page = site.get("/nothing/here/", status=404)
    assert page.h1 == "Page not found"
    assert page.link("Go to the start page") == "/"


def test_form_from_elsewhere_is_refused_with_a_page(site: Site) -> None:
    response = site.client.post("/request/kind/", {"kind": "erasure"})
    page = Page(response.content, "/request/kind/")
    assert response.status_code == 403
    assert page.h1 == "This form has expired, or cookies are switched off"


def test_too_much_at_once_is_refused_with_a_page(site: Site) -> None:
    first = site.get("/request/kind/")
    page = site.submit(first, {"kind": "x" * 1_000_000}, status=400)
    assert page.h1 == "We could not read what you sent"


def test_failure_on_our_side_gives_a_page(site: Site) -> None:
    from django.views.defaults import server_error

    response = server_error(site.client.get("/").wsgi_request)
    page = Page(response.content, "/")
    assert response.status_code == 500
    assert page.h1 == "Something went wrong on our side"
