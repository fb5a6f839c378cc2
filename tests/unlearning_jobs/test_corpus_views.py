"""Corpora through the pages: what a snapshot was made from."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.factories import account, snapshot
from tests.personas import client_of
from tests.web.pages import Page, signed_in
from unlearning_jobs.corpus_views import SKIPPED
from unlearning_jobs.engine.corpora import cells
from unlearning_jobs.index_parts import kinds_for
from unlearning_jobs.models import CorpusSnapshot
from unlearning_jobs.services.corpora import corpus_register
from unlearning_jobs.states import JobState

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]
CONTENT = '{"text": "one", "author": "Zelda"}\n{"text": null}\n{"text": "two", "split": "test"}\n'


@pytest.fixture
def desk(tmp_path: Path) -> CorpusSnapshot:
    source = tmp_path / "desk.jsonl"
    source.write_text(CONTENT)
    return corpus_register(name="desk", sources=[source], actor="account:1")


def opened(desk: CorpusSnapshot) -> Page:
    site = signed_in(account("engineer"))
    return site.get(site.get("/jobs/corpora/").link(desk.digest[:16]))


def test_a_snapshot_says_what_it_was_made_from_and_which_rows_were_skipped(desk: CorpusSnapshot) -> None:
    page = opened(desk)
    for words in ("JSON lines", "text: text", "author", "test → held_out: 1", "nothing in any column 1 desk.jsonl, line 2"):
        assert words in page.words
    assert "Zelda" not in page.html


def test_a_snapshot_whose_files_are_gone_or_changed_says_so(desk: CorpusSnapshot, artefacts: Path) -> None:
    folder = artefacts / desk.path
    content = (folder / "snapshot.json").read_text()
    (folder / "snapshot.json").write_text(content.replace("author", "artist"))
    assert "does not hold the registered snapshot" in opened(desk).words
    shutil.rmtree(folder)
    assert "register the corpus" in opened(desk).words


def test_whoever_reads_it_has_missing_and_failed_indexes_built_and_a_second_press_orders_nothing(
    desk: CorpusSnapshot,
) -> None:
    desk.indexes.all().delete()
    ordered, site = len(kinds_for(desk)), signed_in(account("officer"))
    page = site.get(f"/jobs/corpora/{desk.pk}/")
    assert "None yet: searches read the snapshot in full." in page.words
    page = site.submit(page, action=f"/jobs/corpora/{desk.pk}/indexes/")
    assert desk.indexes.count() == ordered
    assert f"{ordered} index" in page.words
    assert "Build what is missing" not in page.words
    client = client_of(account("engineer"))
    assert "Nothing to build" in client.post(f"/jobs/corpora/{desk.pk}/indexes/", follow=True).content.decode()
    desk.indexes.filter(pk=desk.indexes.earliest("pk").pk).update(state=JobState.FAILED, error_code="no_space")
    page = site.get(f"/jobs/corpora/{desk.pk}/")
    page = site.submit(page, action=f"/jobs/corpora/{desk.pk}/indexes/")
    assert "1 index will be built." in page.words
    assert set(desk.indexes.values_list("state", flat=True)) == {JobState.QUEUED}


def test_no_index_of_a_snapshot_that_cannot_be_read_is_ordered(desk: CorpusSnapshot, artefacts: Path) -> None:
    shutil.rmtree(artefacts / desk.path)
    desk.indexes.all().delete()
    page = opened(desk)
    assert "Build what is missing" not in page.words
    client = client_of(account("engineer"))
    client.post(f"/jobs/corpora/{desk.pk}/indexes/")
    assert not desk.indexes.exists()


def test_every_reason_for_skipping_a_row_has_its_words() -> None:
    assert SKIPPED.keys() == cells.SKIPPED.keys()


def test_an_auditor_does_not_see_it() -> None:
    auditor, pk = client_of(account("auditor")), snapshot().pk
    assert auditor.get(f"/jobs/corpora/{pk}/").status_code == 403
    assert auditor.post(f"/jobs/corpora/{pk}/indexes/").status_code == 403
