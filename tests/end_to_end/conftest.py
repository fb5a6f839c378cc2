"""One real installation per test process: PostgreSQL, Redis, web server, workers, signing process, Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from compliance.local.stack import LocalStack
from demo.casework import Officers, watch_job
from demo.corpus import DemoCorpus
from demo.site import Login, seed_accounts, seed_corpus, seed_model

from .installation import Installation

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "alone")
VAR = Path(__file__).resolve().parents[2] / "var" / f"end-to-end-{WORKER}"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="session")
def stack() -> Iterator[LocalStack]:
    shutil.rmtree(VAR, ignore_errors=True)
    # Short leases, so that a killed worker is noticed in seconds; a machine in production has more patience.
    os.environ |= {"JOB_LEASE_SECONDS": "8", "RECONCILE_SECONDS": "2"}
    # Its own PostgreSQL and Redis, not those of the other tests.
    kept = {name: os.environ.pop(name) for name in ("DATABASE_URL", "REDIS_URL") if name in os.environ}
    try:
        with LocalStack(VAR) as running:
            yield running
    finally:
        os.environ |= kept


@pytest.fixture(scope="session")
def logins(stack: LocalStack) -> list[Login]:
    return seed_accounts(stack)


@pytest.fixture(scope="session")
def corpus(stack: LocalStack) -> DemoCorpus:
    return seed_corpus(stack)


@pytest.fixture(scope="session")
def installation(stack: LocalStack, logins: list[Login], corpus: DemoCorpus) -> Installation:
    """The installation with accounts, the demo corpus, and the demo model trained on it by a job."""
    state = watch_job(Officers(stack, logins).omar, seed_model(stack))
    assert state == "completed", f"the demo model was not trained; see {VAR / 'logs'}"
    return Installation(stack, {login.username: login for login in logins}, corpus)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Closed after its module: while Playwright's event loop runs, Django refuses this process its database."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        reason = "no Chromium on this machine (Debian: apt install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(f"browser tests must run in CI, and there is {reason}")
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()
