"""Language, colours, signing in, and the navigation of each role."""

from __future__ import annotations

import pytest

from tests.factories import PASSWORD, account

from .pages import Page, Site, text_of

pytestmark = pytest.mark.django_db


def press(site: Site, page: Page, action: str, **values: str) -> Page:
    form = next(form for form in page.all("form") if form.get("action") == action)
    token = page.one("input", form, name="csrfmiddlewaretoken").get("value", "")
    back = page.one("input", form, name="next").get("value", "")
    return site.get(site.client.post(action, {"csrfmiddlewaretoken": token, "next": back} | values)["Location"])


def test_language_choice_stays_on_the_page_and_is_kept(site: Site) -> None:
    page = press(site, site.get("/privacy/"), "/language/setlang/", language="de")
    assert (page.path, page.one("html").get("lang")) == ("/privacy/", "de")
    assert page.h1 == "Datenschutzhinweise"
    assert site.get("/").one("html").get("lang") == "de"


def test_browser_language_is_used_until_somebody_chooses(site: Site) -> None:
    response = site.client.get("/", headers={"accept-language": "de-AT,de;q=0.9"})
    assert b'<html lang="de"' in response.content


@pytest.mark.parametrize("chosen", ["light", "dark"])
def test_colour_choice_is_kept(site: Site, chosen: str) -> None:
    page = press(site, site.get("/"), "/theme/", theme=chosen)
    assert page.one("html").get("data-theme") == chosen
    pressed = [text_of(button) for button in page.all("button", name="theme", aria_pressed="true")]
    assert pressed == [chosen.capitalize()]


def test_colours_follow_the_device_by_default(site: Site) -> None:
    assert "data-theme" not in site.get("/").one("html").attrib


def test_unknown_colours_are_refused(site: Site) -> None:
    page = site.get("/")
    token = page.all("input", name="csrfmiddlewaretoken")[0].get("value")
    response = site.client.post("/theme/", {"theme": '"><script>', "csrfmiddlewaretoken": token})
    assert response.status_code == 400
    site.client.cookies["theme"] = '"><script>'
    assert "data-theme" not in site.get("/").one("html").attrib


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
def test_colour_choice_never_leads_elsewhere(site: Site, elsewhere: str) -> None:
    token = site.get("/").all("input", name="csrfmiddlewaretoken")[0].get("value")
    response = site.client.post("/theme/", {"theme": "dark", "next": elsewhere, "csrfmiddlewaretoken": token})
    assert response["Location"] == "/"


def test_wrong_password_is_explained(site: Site) -> None:
    account("officer", "omar")
    page = site.submit(site.get("/sign-in/"), {"username": "omar", "password": "wrong"})
    assert page.title.startswith("Error: ")
    assert "password" in page.words


@pytest.mark.parametrize(
    ("role", "links"),
    [
        ("officer", ["Requests", "Jobs", "Data stores", "Canaries"]),
        ("engineer", ["Jobs", "Corpora", "Checkpoints", "Models", "Copies", "Data stores", "Canaries"]),
        ("auditor", ["Reports", "Record"]),
        ("administrator", ["Accounts and keys"]),
    ],
)
def test_role_has_its_navigation(site: Site, role: str, links: list[str]) -> None:
    site.client.force_login(account(role, "sam"))
    page = site.get("/home/")
    navigation = page.one("nav", class_="site-nav")
    assert [text_of(link) for link in page.all("a", navigation)] == links
    assert len(page.all("a", navigation, aria_current="page")) == 1
    assert f"Signed in as sam ({role.capitalize()})" in text_of(page.one("header"))


def test_nobody_else_has_a_navigation(site: Site) -> None:
    assert not site.get("/").all("nav")


def test_signing_out_ends_the_session(site: Site) -> None:
    account("officer", "omar")
    page = site.submit(site.get("/sign-in/"), {"username": "omar", "password": PASSWORD})
    token = page.all("input", name="csrfmiddlewaretoken")[0].get("value")
    site.client.post("/sign-out/", {"csrfmiddlewaretoken": token})
    assert site.get("/home/").path.startswith("/sign-in/")
