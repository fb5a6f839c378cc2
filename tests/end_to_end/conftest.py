"""One real installation per test process: PostgreSQL, Redis, web server, workers, signing process, Chromium."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from compliance.local.stack import LocalStack
from demo.casework import watch_job
from demo.corpus import DemoCorpus, make_demo_corpus
from demo.site import CORPUS, MODEL

from .installation import RECIPE, Installation

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "alone")
VAR = Path(__file__).resolve().parents[2] / "var" / f"end-to-end-{WORKER}"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="session")
def stack() -> Iterator[LocalStack]:
    shutil.rmtree(VAR, ignore_errors=True)
    # A killed worker is noticed and a bundle is covered within seconds; an installation in production has more patience.
    os.environ |= {"JOB_LEASE_SECONDS": "8", "RECONCILE_SECONDS": "2", "CHECKPOINT_SECONDS": "2"}
    # Its own PostgreSQL and Redis, not those of the other tests.
    kept = {name: os.environ.pop(name) for name in ("DATABASE_URL", "REDIS_URL") if name in os.environ}
    try:
        with LocalStack(VAR) as running:
            yield running
    finally:
        os.environ |= kept


@pytest.fixture(scope="session")
def installation(stack: LocalStack) -> Installation:
    """The installation as it is delivered: without a corpus, without a model."""
    return Installation(stack)


@pytest.fixture(scope="session")
def corpus(installation: Installation) -> DemoCorpus:
    """A part of the demo corpus, which a model learns, and is asked for, in a fraction of the time."""
    demo = make_demo_corpus()
    part = DemoCorpus(people=(*demo.people[:6], *demo.people[-3:]), works=(*demo.works[:3], demo.works[-1]))
    path = installation.stack.var / "corpus.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in part.rows()), encoding="utf-8")
    installation.stack.manage("corpus_register", CORPUS, str(path))
    return part


@pytest.fixture(scope="session")
def model(installation: Installation, corpus: DemoCorpus) -> str:  # noqa: ARG001  # the model is trained on it
    """The name of a model that a job has trained on the corpus."""
    job = installation.train(MODEL, CORPUS, RECIPE)
    state = watch_job(installation.sign_in("omar"), job)
    assert state == "completed", f"the model was not trained; see {VAR / 'logs'}"
    return MODEL


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
