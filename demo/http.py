"""A browser without a window: follows links, fills in forms, keeps cookies. What a person could do without JavaScript."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar

Values = Mapping[str, str | Sequence[str]]


class PageError(Exception):
    """A page is not what the walk expected; carries its address, status and first error message."""


@dataclass
class Form:
    """A form as the page shows it: where it goes and what it would send untouched."""

    action: str
    method: str = "get"
    values: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)


@dataclass
class Page:
    """An answer: its address after redirects, status, text, links and forms."""

    url: str
    status: int
    html: str
    forms: list[Form]
    links: dict[str, str]
    heading: str

    def form_with(self, *names: str) -> Form:
        """The form that has these fields or buttons.

        Raises:
            PageError: there is none.
        """
        for form in self.forms:
            if set(names) <= form.names:
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
    """One person's session."""

    def __init__(self, base: str) -> None:
        self.base = base
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def get(self, address: str) -> Page:
        return self._open(urllib.request.Request(urllib.parse.urljoin(self.base, address)))  # noqa: S310  # our own http server

    def send(self, page: Page, form: Form, values: Values | None = None, button: tuple[str, str] | None = None) -> Page:
        """Sends a form with some of its values changed, as if `button` had been pressed.

        Raises:
            PageError: the form has no such field, or the server refused.
        """
        sent = {name: list(texts) for name, texts in form.values.items()}
        for name, value in (values or {}).items():
            if name not in form.names:
                message = f"The form on {page.url} has no field {name!r}; it has {', '.join(sorted(form.names))}."
                raise PageError(message)
            sent[name] = [value] if isinstance(value, str) else list(value)
        if button:
            sent[button[0]] = [button[1]]
        data = urllib.parse.urlencode(sent, doseq=True)
        target = urllib.parse.urljoin(page.url, form.action)
        if form.method == "get":
            return self.get(f"{target}?{data}")
        request = urllib.request.Request(target, data=data.encode(), headers={"Referer": page.url})  # noqa: S310  # as above
        return self._open(request)

    def _open(self, request: urllib.request.Request) -> Page:
        try:
            with self._opener.open(request, timeout=60) as answer:
                return parse_page(answer.url, answer.status, answer.read().decode())
        except urllib.error.HTTPError as error:
            page = parse_page(error.url or request.full_url, error.code, error.read().decode(errors="replace"))
            message = f"{page.url} answered {page.status}: {page.heading}"
            raise PageError(message) from error


def parse_page(url: str, status: int, html: str) -> Page:
    parser = _PageParser()
    parser.feed(html)
    return Page(url, status, html, parser.forms, parser.links, " ".join(parser.heading.split()))


class _PageParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.heading = ""
        self._inside: list[str] = []
        self._select = self._textarea = self._link = ""
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(at.get("action", ""), at.get("method", "get").lower()))
        elif tag == "h1":
            self._inside.append("h1")
        elif tag == "a" and "href" in at:
            self._link, self._text = at["href"], ""
        elif self.forms:
            self._control(tag, at)

    def _control(self, tag: str, at: dict[str, str]) -> None:
        form, name = self.forms[-1], at.get("name", "")
        if tag == "option" and self._select:
            if "selected" in at or not form.values.get(self._select):
                form.values[self._select] = [at.get("value", "")]
        elif not name or "disabled" in at:
            return
        elif tag == "select":
            self._select = name
            form.names.add(name)
        elif tag == "textarea":
            self._textarea, self._text = name, ""
            form.names.add(name)
        elif tag == "button" or at.get("type") == "submit":
            form.buttons.append((name, at.get("value", "")))
            form.names.add(name)
        elif tag == "input":
            form.names.add(name)
            if at.get("type") not in {"checkbox", "radio"} or "checked" in at:
                form.values.setdefault(name, []).append(at.get("value", "on" if "checked" in at else ""))

    def handle_data(self, data: str) -> None:
        self._text += data
        if self._inside:
            self.heading += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "h1" and self._inside:
            self._inside.pop()
        elif tag == "select":
            self._select = ""
        elif tag == "textarea" and self._textarea:
            self.forms[-1].values[self._textarea] = [self._text.removeprefix("\n")]
            self._textarea = ""
        elif tag == "a" and self._link:
            self.links.setdefault(" ".join(self._text.split()), self._link)
            self._link = ""
