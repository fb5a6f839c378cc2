"""A browser without a window or JavaScript: WebTest, over HTTP, or on a WSGI application in the same process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlsplit

from webtest import TestApp, TestResponse
from webtest.forms import Form

Values = Mapping[str, str | Sequence[str]]


class PageError(Exception):
    """A page is not what the walk expected; carries its address, status and heading."""


class Page:
    """An answer of the site: its address after redirects, its status, its text and its forms."""

    def __init__(self, response: TestResponse) -> None:
        self.url: str = response.request.url
        self.status: int = response.status_code
        self.html: str = response.text
        self.heading = " ".join(response.html.h1.get_text().split()) if response.html.h1 else ""
        self.forms: list[Form] = [form for place, form in response.forms.items() if isinstance(place, int)]

    def form_with(self, *names: str) -> Form:
        """The form that has these fields or buttons.

        Raises:
            PageError: there is none.
        """
        for form in self.forms:
            if set(names) <= form.fields.keys():
                return form
        message = f"{self.url} ({self.status}, “{self.heading}”) has no form with {', '.join(names)}."
        raise PageError(message)

    def form_to(self, part: str) -> Form:
        """The form whose action contains `part`.

        Raises:
            PageError: there is none.
        """
        for form in self.forms:
            if part in form.action:
                return form
        message = f"{self.url} ({self.status}, “{self.heading}”) has no form that goes to …{part}…"
        raise PageError(message)


class Browser:
    """One person's session.

    Args:
        site: the address of a running site, or its WSGI application.
        cookies: where to keep the cookies.
    """

    def __init__(self, site: Any, cookies: CookieJar | None = None) -> None:
        host = urlsplit(site).netloc if isinstance(site, str) else "testserver"
        self.app = TestApp(site, extra_environ={"HTTP_HOST": host}, cookiejar=cookies)

    def open(self, address: str) -> TestResponse:
        """Return what the address answers, after redirects and whatever its status."""
        return self.app.get(address, expect_errors=True).maybe_follow(expect_errors=True)

    def submit(self, form: Form, changes: Mapping[str, Any]) -> TestResponse:
        """Send a form with other values in these fields, and return the answer after redirects, whatever its status."""
        fields = [(name, value) for name, value in form.submit_fields() if name not in changes]
        for name, value in changes.items():
            fields += [(name, each) for each in (value if isinstance(value, list) else [value])]
        post = {"content_type": form.enctype} if form.method.lower() == "post" else {}
        response = form.response.goto(
            form.action,
            method=form.method,
            params=fields,
            headers={"Referer": form.response.request.url},
            expect_errors=True,
            **post,
        )
        return response.maybe_follow(expect_errors=True)

    def get(self, address: str) -> Page:
        """Return the page at this address.

        Raises:
            PageError: the server refuses.
        """
        return _page(self.open(address))

    def send(self, page: Page, form: Form, values: Values | None = None, button: tuple[str, str] | None = None) -> Page:
        """Send a form of a page with some of its values changed, as if `button` had been pressed.

        Raises:
            PageError: the form has no such field, or the server refuses.
        """
        for name in (values or {}).keys() - form.fields.keys():
            message = f"The form on {page.url} has no field {name!r}; it has {', '.join(sorted(filter(None, form.fields)))}."
            raise PageError(message)
        return _page(self.submit(form, {**(values or {}), **dict([button] if button else [])}))


def _page(response: TestResponse) -> Page:
    page = Page(response)
    if page.status >= 400:  # noqa: PLR2004  # HTTP's errors start here
        message = f"{page.url} answered {page.status}: {page.heading}"
        raise PageError(message)
    return page
