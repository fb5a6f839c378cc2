"""A visitor without JavaScript who looks closely: every page that a test opens is checked as HTML, as a form, and under
our content security policy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from http.cookiejar import CookieJar
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import html5lib
from django.core.files.uploadedfile import UploadedFile
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from webtest import TestResponse, Upload
from webtest.forms import Form

from compliance.accounts.models import Account
from demo.http import Browser

SVG = "{http://www.w3.org/2000/svg}"
REFERENCES = ("aria-describedby", "aria-labelledby", "for")


class Page:
    """An HTML page: what a person can read on it and do with it."""

    def __init__(self, content: bytes, path: str, status: int = 200, forms: Mapping[Any, Form] | None = None) -> None:
        self.status = status
        self.path = path
        self.html = content.decode()
        self.forms = forms or {}
        parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
        self.root: Element = parser.parse(self.html)

    def all(self, tag: str, within: Element | None = None, **attributes: str) -> list[Element]:
        """Elements of this kind whose attributes have these values; `class_` and `for_` for reserved words."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        found = (self.root if within is None else within).iter(tag)
        return [element for element in found if all(element.get(name) == value for name, value in wanted.items())]

    def one(self, tag: str, within: Element | None = None, **attributes: str) -> Element:
        found = self.all(tag, within, **attributes)
        assert len(found) == 1, f"{self.path}: {len(found)} of <{tag}> {attributes}"
        return found[0]

    @property
    def main(self) -> Element:
        return self.one("main")

    @property
    def h1(self) -> str:
        return text_of(self.one("h1"))

    @property
    def title(self) -> str:
        return text_of(self.one("title"))

    @property
    def words(self) -> str:
        return text_of(self.main)

    @property
    def errors(self) -> list[tuple[str, str]]:
        """What the error summary says: (id of the field, sentence)."""
        summaries = self.all("div", self.main, class_="error-summary")
        return [
            (link.get("href", "").removeprefix("#"), text_of(link))
            for summary in summaries
            for link in self.all("a", summary)
        ]

    def field_error(self, name: str) -> str:
        """The error beside one field."""
        return text_of(self.one("p", id=f"id_{name}_error")).removeprefix("Error: ")

    def form(self, action: str | None = None) -> Element:
        """The form with this action, or the first form of the main part."""
        forms = self.all("form", self.main)
        return next(form for form in forms if action is None or form.get("action") == action)

    def link(self, words: str) -> str:
        """Address of the link that reads like this."""
        return next(link.get("href", "") for link in self.all("a") if words in text_of(link))


class Site:
    """Opens pages and sends forms as a browser does, checking each page; `client` sends what no form would."""

    def __init__(self) -> None:
        self.client = Client(enforce_csrf_checks=True)
        self.browser = Browser(Application(), ClientCookies(self.client))

    def get(self, path: str, status: int = 200) -> Page:
        return landed(self.browser.open(path), status)

    def submit(
        self, page: Page, values: Mapping[str, Any] | None = None, *, action: str | None = None, status: int = 200
    ) -> Page:
        """Sends a form of the page with its own values, changed by `values`; None takes a value away."""
        changes = {name: sent(value) for name, value in (values or {}).items()}
        place = page.all("form").index(page.form(action))
        return landed(self.browser.submit(page.forms[place], changes), status)


class Application(WSGIHandler):
    """The site, on the test's own database connection: Django would close it before and after each request."""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        for signal in (request_started, request_finished):
            signal.disconnect(close_old_connections)
        try:
            response = super().__call__({**environ}, start_response)  # Django writes into it
            content = b"".join(response)
            response.close()
        finally:
            for signal in (request_started, request_finished):
                signal.connect(close_old_connections)
        return [content]


class ClientCookies(CookieJar):
    """The cookies of a Django test client, for WebTest."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        self.client = client

    def add_cookie_header(self, request: Any) -> None:
        pairs = [f"{morsel.key}={morsel.coded_value}" for morsel in self.client.cookies.values()]
        request.add_unredirected_header("Cookie", "; ".join(pairs))

    def extract_cookies(self, response: Any, _request: Any) -> None:
        for header in response.info().get_all("Set-Cookie", ()):
            self.client.cookies.load(header)


def sent(value: Any) -> Any:
    """What WebTest sends for a value of Django's test client."""
    if isinstance(value, UploadedFile):
        return Upload(value.name, value.read(), value.content_type)
    return [] if value is None else value


def landed(response: TestResponse, status: int) -> Page:
    """The page, once checked."""
    path = response.request.path_qs
    assert response.status_code == status, f"{path}: {response.status_code}"
    page = Page(response.body, path, status, response.forms)
    check_page(page, response.headers.get("Content-Security-Policy", ""))
    return page


def signed_in(who: Account) -> Site:
    """A browser with this person's session."""
    site = Site()
    site.client.force_login(who)
    return site


def text_of(element: Element) -> str:
    """The words of an element, without the line breaks of the source."""
    return " ".join("".join(element.itertext()).split())


def check_page(page: Page, policy: str) -> None:
    """The standing checks. Each failure names the page."""
    where = f"{page.path} ({page.status})"
    problems = [*_frame(page), *_identifiers(page), *_forms(page), *_policy(page, policy)]
    assert not problems, f"{where}: " + "; ".join(problems)


def _frame(page: Page) -> Iterator[str]:
    html = page.one("html")
    if not html.get("lang") or html.get("dir") not in {"ltr", "rtl"}:
        yield "<html> lacks lang or dir"
    headings = page.all("h1")
    if len(headings) != 1:
        yield f"{len(headings)} h1"
    title = page.title.split(": ", 1)[-1] if page.all("div", class_="error-summary") else page.title
    title = title.removesuffix(" – Lethe")
    if not title or not any(title in text_of(heading) or text_of(heading) in title for heading in headings):
        yield f"the title {page.title!r} is not the h1"
    if len(page.all("main", id="main")) != 1 or not page.all("a", href="#main"):
        yield "no main part, or no skip link to it"
    levels = [int(element.tag[1]) for element in page.main.iter() if element.tag in {"h1", "h2", "h3", "h4"}]
    if any(later - earlier > 1 for earlier, later in pairwise(levels)):
        yield f"heading levels jump: {levels}"


def _identifiers(page: Page) -> Iterator[str]:
    ids = Counter(element.get("id") for element in page.root.iter() if element.get("id"))
    yield from (f"id {name!r} stands {count} times" for name, count in ids.items() if count > 1)
    for element in page.root.iter():
        named = [name for attribute in REFERENCES for name in element.get(attribute, "").split()]
        named += [element.get("href", "")[1:]] if element.get("href", "").startswith("#") else []
        yield from (f"<{element.tag}> refers to {name!r}, which is not there" for name in named if name not in ids)


def _forms(page: Page) -> Iterator[str]:
    labelled = {label.get("for") for label in page.all("label")}
    for form in page.all("form"):
        method = form.get("method", "")
        if method not in {"get", "post"} or "action" not in form.attrib:
            yield "a form without method or action"
        if method == "post" and not page.all("input", form, name="csrfmiddlewaretoken"):
            yield f"no CSRF token in the form to {form.get('action')}"
        for control in (e for e in form.iter() if e.tag in {"input", "select", "textarea"} and e.get("type") != "hidden"):
            if control.get("id") not in labelled and not control.get("aria-label"):
                yield f"{control.get('name')} has no label"
            if "required" in control.attrib and "novalidate" not in form.attrib:
                yield f"{control.get('name')} is checked by the browser"


def _policy(page: Page, policy: str) -> Iterator[str]:
    if "unsafe" in policy or "default-src" not in policy:
        yield f"content security policy is {policy!r}"
    for element in page.root.iter():
        if not isinstance(element.tag, str):  # comments
            continue
        handlers = [name for name in element.attrib if name.startswith("on")]
        if "style" in element.attrib or handlers or element.tag == "style":
            yield f"inline style or script on <{element.tag}>"
        if element.tag == "script" and not element.get("src"):
            yield "inline script"
        addresses = [element.get(name, "") for name in ("href", "src", "action")]
        if any(address.lower().startswith(("javascript:", "data:")) for address in addresses):
            yield "a script as an address"
        if element.tag in {"script", "link", "img"} and urlsplit(element.get("src") or element.get("href") or "").netloc:
            yield "something is loaded from elsewhere"
