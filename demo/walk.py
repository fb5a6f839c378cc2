"""The main path as its users walk it: over HTTP, through the pages, one person per browser."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping

from webtest import Upload

from compliance.local.stack import LocalStack

from .corpus import Work
from .http import Browser, Page, PageError, Values
from .site import Login, mails_to

PATIENCE = 60.0
"""Seconds to wait for a mail, a search or a signature."""


def wait_for(what: str, answer_of: Callable[[], str], seconds: float = PATIENCE) -> str:
    """Call `answer_of` until its answer is not empty, and return that answer.

    Raises:
        PageError: it stays empty.
    """
    end = time.monotonic() + seconds
    while not (answer := answer_of()):
        if time.monotonic() > end:
            message = f"{what} did not come within {seconds:.0f} s."
            raise PageError(message)
        time.sleep(0.3)
    return answer


def ask_steps(browser: Browser, page: Page, answers: Mapping[str, Values]) -> Page:
    """Answer the question pages in turn until the check page appears."""
    while "/request/check/" not in page.url:
        slug = page.url.split("?")[0].rstrip("/").rsplit("/", 1)[-1]
        page = browser.send(page, page.form_to("/request/"), answers.get(slug, {}))
    return page


def submit_erasure(browser: Browser, name: str, address: str) -> str:
    """Send a request to erase what is known about `name`, and return its reference."""
    answers: dict[str, Values] = {
        "kind": {"kind": "erasure"},
        "who": {"who": "self"},
        "name": {"name": name},
        "model-output": {"prompt": f"Who is {name}?"},
        "email": {"email": address},
    }
    return _send(browser, answers)


def submit_revocation(browser: Browser, work: Work, address: str, picture: Upload | None = None) -> str:
    """Send a revocation of a work, and return its reference."""
    shown = {} if picture is None else {"picture": picture}
    answers: dict[str, Values] = {
        "kind": {"kind": "copyright"},
        "role": {"role": "rightsholder"},
        "rightsholder": {"rightsholder": work.author},
        "work": {"work_title": work.title, "work_text": work.text, **shown},
        "seen": {},
        "contact": {"email": address, "contact": "1 Harbour Road, Tilsk"},
        "declarations": {"good_faith": "on", "accuracy": "on", "declared_name": work.author},
    }
    return _send(browser, answers)


def _send(browser: Browser, answers: Mapping[str, Values]) -> str:
    page = ask_steps(browser, browser.get("/request/kind/"), answers)
    sent = browser.send(page, page.form_with("answers"))
    match = re.search(r"LE-\w{4}-\w{4}", sent.html)
    if match is None:
        message = f"{sent.url} shows no reference."
        raise PageError(message)
    return match[0]


def confirm_address(browser: Browser, stack: LocalStack, address: str) -> None:
    """Follow the link in the e-mail and press its button."""

    def link() -> str:
        texts = "".join(mails_to(stack.var, address))
        match = re.findall(rf"{re.escape(stack.url)}(/confirm/\S+?/)(?=\s|$)", texts)
        return match[-1] if match else ""

    page = browser.get(wait_for("The confirmation mail", link))
    browser.send(page, page.form_to("/confirm/"))


def sign_in(stack: LocalStack, login: Login) -> Browser:
    browser = Browser(stack.url)
    page = browser.get("/sign-in/")
    browser.send(page, page.form_with("username", "password"), {"username": login.username, "password": login.password})
    return browser
