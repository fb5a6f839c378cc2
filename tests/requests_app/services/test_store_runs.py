"""Workers find and erase: one at a time, again after a death, and what a store keeps is said as it is."""

from __future__ import annotations

import os
import signal
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from requests_app.models import StoreErasure
from requests_app.services.reconcile import requests_reconcile
from requests_app.services.store_erasures import store_erasure_give_up, store_erasure_resume, store_erasure_settle
from requests_app.services.store_runs import store_erasure_claim, store_erasure_list, store_erasure_run_lost
from requests_app.store_folders import erasure_folder
from tests.personas import ADA
from tests.staging import Stage
from tests.stores import ABOUT_ADA, documents
from unlearning_jobs.leases import ClaimLostError, NothingToClaimError
from unlearning_jobs.models import DataStore
from unlearning_jobs.services.stores import store_register
from unlearning_jobs.states import JobState

from .erasing_stores import approved, letters, listed, now, ordered, told, worked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("queues")]


def with_cache(tmp_path: Path) -> DataStore:
    """A store that another program has cached a letter of."""
    documents(tmp_path / "letters")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "page.html").write_text(ABOUT_ADA["letter-1.txt"], encoding="utf-8")
    store = {"kind": "folder", "path": str(tmp_path / "letters")}
    return store_register(name="letters", description={"store": store, "caches": [str(tmp_path / "cache")]})


def test_of_two_workers_one_has_it(stage: Stage, tmp_path: Path) -> None:
    row = ordered(stage, letters(tmp_path))
    store_erasure_claim(erasure_id=row.pk)
    with pytest.raises(NothingToClaimError):
        store_erasure_claim(erasure_id=row.pk)


def test_whoever_lost_the_lease_writes_nothing(stage: Stage, tmp_path: Path) -> None:
    row = ordered(stage, letters(tmp_path))
    dead = store_erasure_claim(erasure_id=row.pk)
    store_erasure_run_lost(row=dead)
    with pytest.raises(ClaimLostError):
        store_erasure_list(row=dead, documents=1, of=2, listing_sha256="0" * 64)
    assert worked(row).stage == "listed"


def test_what_was_given_up_is_not_listed_afterwards(stage: Stage, tmp_path: Path) -> None:
    row = ordered(stage, letters(tmp_path))
    late = store_erasure_claim(erasure_id=row.pk)
    store_erasure_give_up(row=row, by=stage.staff.nils)
    with pytest.raises(ClaimLostError):
        store_erasure_list(row=late, documents=1, of=2, listing_sha256="0" * 64)


def test_what_a_dead_worker_left_is_queued_again_until_its_runs_are_used_up(stage: Stage, tmp_path: Path) -> None:
    row = approved(stage, letters(tmp_path))
    for left in (JobState.QUEUED, JobState.QUEUED, JobState.FAILED):
        store_erasure_claim(erasure_id=row.pk)
        StoreErasure.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        requests_reconcile()
        assert now(row).state == left
    assert told(stage)[-1] == ("failed", {"error": "runs_used_up", "runs": 3})
    assert not now(row).deleting, "no engine has begun"


def test_an_engine_that_is_killed_while_it_erases_goes_on(stage: Stage, tmp_path: Path) -> None:
    row = approved(stage, letters(tmp_path))
    threading.Thread(target=_kill_when_it_runs, args=(erasure_folder(row.pk) / "spec.json",), daemon=True).start()
    assert worked(row).state == JobState.QUEUED
    row = worked(row)
    assert (row.verdict, row.results, row.documents) == ("passed", 1, 2)


def _kill_when_it_runs(spec: Path) -> None:
    for _look in range(2000):
        for process in Path("/proc").glob("[0-9]*"):
            try:
                said = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if str(spec).encode() in said and (settings.ARTEFACTS / "store-erasures").exists():
                time.sleep(0.3)
                os.kill(int(process.name), signal.SIGKILL)
                return
        time.sleep(0.01)


def test_a_cache_that_keeps_a_letter_fails_and_can_be_tried_again(stage: Stage, tmp_path: Path) -> None:
    row = worked(approved(stage, with_cache(tmp_path)))
    assert (row.stage, row.verdict, now(row).sought != "") == ("ended", "failed", True)
    (tmp_path / "cache" / "page.html").unlink()
    row = worked(store_erasure_resume(row=row, by=stage.staff.omar))
    assert (row.verdict, row.results, row.sought) == ("passed", 2, "")
    assert [kind for kind, _data in told(stage)][-3:] == ["ended", "resumed", "ended"]
    assert len(list(erasure_folder(row.pk).glob("result-*.json"))) == row.results


def test_a_result_that_failed_is_accepted_as_it_is_and_forgets_whom_it_looked_for(stage: Stage, tmp_path: Path) -> None:
    row = worked(approved(stage, with_cache(tmp_path)))
    row = store_erasure_settle(row=row, by=stage.staff.nils)
    requests_reconcile()
    left = [one for one in erasure_folder(row.pk).rglob("*") if one.is_file()]
    assert (now(row).verdict, now(row).sought) == ("failed", "")
    assert not any(ADA.encode() in one.read_bytes() for one in left)


def test_what_names_everything_is_refused_and_nothing_is_deleted(stage: Stage, tmp_path: Path) -> None:
    row = listed(stage, letters(tmp_path), sought={"queries": [{"kind": "exact", "value": "of"}]})
    assert (row.state, row.error_code) == (JobState.FAILED, "names_everything")


def test_chroma_works_like_a_folder(stage: Stage, tmp_path: Path) -> None:
    chromadb = pytest.importorskip("chromadb")
    client = chromadb.PersistentClient(path=str(tmp_path / "chroma"))
    collection = client.create_collection("letters")
    texts = ABOUT_ADA | {f"stone-{n}": f"Stone {n} lies at mile {n * 11} of the old coast road to Tilsk." for n in range(8)}
    vectors = [[float(n + 1), float(n * n), 1.0, 0.5, 0.1, 0.2, 0.3, 0.4] for n in range(len(texts))]
    collection.add(ids=list(texts), documents=list(texts.values()), embeddings=vectors)
    client._system.stop()  # it has no public way to close a store
    store = {"kind": "chroma", "path": str(tmp_path / "chroma"), "collection": "letters"}
    row = worked(approved(stage, store_register(name="letters", description={"store": store})))
    assert (row.verdict, row.documents, row.of) == ("passed", 2, 10)
