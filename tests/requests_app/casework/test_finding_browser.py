"""What claimants give is found and reviewed in a real browser.

A name in another script, a work in other words, a picture, an account, and what a model answered.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.test.testcases import LiveServerThread
from playwright.sync_api import Page, expect
from pytest_django import Settings

from requests_app.models import ErasureRequest
from requests_app.search_runner import request_map
from requests_app.services.intake import ClaimantDetails, TargetDetails, email_confirm, request_submit
from tests import pictures
from tests.personas import Staff
from tests.staging import Stage, trained
from unlearning_jobs.engine.matching.encoder_folder import installed_encoder
from unlearning_jobs.index_runner import index_execute
from unlearning_jobs.models import ModelVersion
from unlearning_jobs.services.corpora import corpus_register
from unlearning_jobs.states import JobState

from .test_review_browser import DESKTOP, PHONE, accessible, browse

pytestmark = [pytest.mark.usefixtures("committed_database", "queues")]

SAID = "The ferryman counts the stones on the beach before breakfast and writes the number on the door of his shed."
WORK = (
    "Each night the old man who tended the beacon lit its lamp, so that the fishermen could find their way back to harbour."
)
RETOLD = "Every evening the aged keeper of the lighthouse kindled the light that guided the fishing boats home to port."
ROWS = [
    {"text": "昨日、王小明さんは港で灯台の話をしてくれました。", "author": "port_office"},
    {"text": RETOLD, "author": "port_office"},
    {"text": "Seven ropes are enough for a boat of this size.", "author": "tide_reader_77"},
    {"text": f"As the story goes: {SAID} Nobody knows why.", "author": "port_office"},
    *(
        {"text": f"Recipe {n}: take {n} potatoes, {n + 2} onions and some salt, and boil them.", "author": "cook"}
        for n in range(40)
    ),
]
PICTURE = 7


@pytest.fixture
def models(committed_database: None, artefacts: Path, settings: Settings) -> list[ModelVersion]:  # noqa: ARG001  # in this order
    """Two models in use, one of texts and one of pictures, with all their indexes."""
    settings.MEANING_ENCODER = ""
    artefacts.mkdir(parents=True)
    source = artefacts / "texts.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    corpora = {"texts": source, "pictures": pictures.pictures_file(artefacts / "pictures.npz")}
    found = []
    for name, path in corpora.items():
        snapshot = corpus_register(name=name, sources=[path], actor="account:1")
        for index in snapshot.indexes.all():
            assert index_execute(index_id=index.pk).state == JobState.COMPLETED
        found.append(trained(snapshot, name=name))
    return found


@pytest.fixture
def server(models: list[ModelVersion]) -> Iterator[str]:  # noqa: ARG001  # in this order
    thread = LiveServerThread("127.0.0.1", StaticFilesHandler)
    thread.daemon = True
    thread.start()
    thread.is_ready.wait()
    assert thread.error is None, thread.error
    yield f"http://127.0.0.1:{thread.port}"
    thread.terminate()


def searched(staff: Staff, model: ModelVersion, kind: str, **target: Any) -> Stage:
    request = request_submit(
        kind=kind,
        language="en",
        claimant=ClaimantDetails(name="Nobody Atall", email="nobody@nowhere.example"),
        target=TargetDetails(**{"name": "Nobody Atall"} | target),
        submission_key=f"k{ErasureRequest.objects.count()}",
    )
    stage = Stage(staff, model, request)
    stage.request = email_confirm(token=stage.token("confirm", f"confirm-{request.pk}"))
    return stage


def reviewing(wanted: str) -> Callable[[Page, str], None]:
    """Accept the example that is wanted, reject everything else, and finish the review."""

    def act(page: Page, case: str) -> None:
        page.goto(f"{case}matches/")
        fold = page.locator("details.search-fold")
        fold.locator("> summary").click()
        expect(fold).to_have_attribute("open", "")
        fold.locator("summary", has_text="Search 1").click()
        accessible(page)
        assert page.locator(".match h3", has_text=wanted).count() == 1
        while page.goto(f"{case}matches/?decision=open") and (cards := page.locator("[data-match]")).count():
            card = cards.first
            decision = "accept" if wanted in card.locator("h3").inner_text() else "reject"
            with page.expect_navigation():
                card.locator(f"button[name={decision}]").click()
        page.goto(f"{case}matches/complete/")
        with page.expect_navigation():
            page.get_by_role("button", name="Finish the review").click()

    return act


def test_each_is_found_reviewed_and_leads_to_an_item(
    models: list[ModelVersion], server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("requests_app.search_runner.self_test", lambda _query: [])  # measured elsewhere
    staff, [of_texts, of_pictures] = Staff.hired(), models
    cases = [
        (searched(staff, of_texts, "erasure", name="王小明"), "e00000000", {"name"}),
        (searched(staff, of_texts, "erasure", other_names=("tide_reader_77",)), "e00000002", {"identifier", "key"}),
        (searched(staff, of_texts, "erasure", evidence_output=SAID), "e00000003", {"exact"}),
        (
            searched(staff, of_pictures, "copyright", work_picture=pictures.kept(pictures.drawn(PICTURE).resize((50, 44)))),
            f"e{PICTURE:08d}",
            {"image"},
        ),
    ]
    if installed_encoder() is not None:
        cases.append((searched(staff, of_texts, "copyright", work_title="Beacon", work_text=WORK), "e00000001", {"meaning"}))
    request_map(request_id=cases[0][0].request.pk)  # one pass for all of them

    for place, (stage, wanted, methods) in enumerate(cases):
        assert methods <= set(stage.request.matches.get(example_id=wanted).methods)
        browse(stage, server, reviewing(wanted), PHONE if place % 2 else DESKTOP)
        [item] = stage.request.items.all()
        assert (item.model_name, item.example_ids) == (stage.model.name, [wanted])
    if installed_encoder() is None:
        pytest.skip("a work in other words: the optional encoder is not installed (requirements-meaning.txt)")


def test_a_picture_is_handed_in_by_the_form(models: list[ModelVersion], server: str) -> None:
    stage = searched(Staff.hired(), models[0], "erasure")
    file = {"name": "work.png", "mimeType": "image/png", "buffer": pictures.encoded(pictures.drawn(3))}

    def act(page: Page, case: str) -> None:
        site = case.split("/cases/", maxsplit=1)[0]
        page.goto(f"{site}/request/kind/")
        for label in ("A copyrighted work", "Yes, I hold the rights to the work"):
            page.get_by_label(label).check()
            page.get_by_role("button", name="Continue").click()
        page.get_by_label("rightsholder").fill("Ada Beispiel")
        page.get_by_role("button", name="Continue").click()
        page.get_by_label("Title of the work").fill("The Harbour")
        page.get_by_label("A picture").set_input_files(file)  # type: ignore[arg-type]  # name, type and content
        page.get_by_role("button", name="Continue").click()
        page.goto(f"{site}/request/work/")
        accessible(page)
        assert page.get_by_label("Remove the picture").count() == 1

    browse(stage, server, act, PHONE)
