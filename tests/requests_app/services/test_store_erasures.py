"""Officers erase documents from a data store in a request: who may what, when, and what the record says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from compliance.accounts.errors import NotAllowedError
from compliance.evidence.checks.course import check_course
from compliance.record.errors import StaleStateError
from compliance.record.models import RecordEntry
from compliance.record.selectors import entries_of
from requests_app.models import StoreErasure
from requests_app.services import endings, intake
from requests_app.services.endings import closing_draft
from requests_app.services.letters import letter
from requests_app.services.matches import matches_decide
from requests_app.services.store_erasures import (
    store_erasure_approve,
    store_erasure_give_up,
    store_erasure_resume,
    store_erasure_settle,
)
from requests_app.services.store_runs import store_erasure_claim, store_erasure_run_lost
from requests_app.store_folders import erasure_folder
from tests.personas import ADA
from tests.staging import Stage, unguarded
from tests.stores import ABOUT_ADA
from unlearning_jobs.leases import NothingToClaimError
from unlearning_jobs.services.stores import store_retire
from unlearning_jobs.states import JobState

from .erasing_stores import approved, ended, letters, listed, now, ordered, settled, state, told, worked

pytestmark = pytest.mark.django_db
STAYS = 8


def test_from_the_order_to_the_accepted_result_the_record_says_each_act(stage: Stage, tmp_path: Path) -> None:
    row = settled(stage, kept := letters(tmp_path))
    assert len(list((tmp_path / "letters").iterdir())) == STAYS
    listing, result = row.listing_sha256, row.result_sha256
    assert told(stage) == [
        ("ordered", {"store": "letters", "store_sha256": kept.digest, "ground": "17_1_b"}),
        ("listed", {"documents": 2, "of": 10, "listing_sha256": listing}),
        ("approved", {"documents": 2, "listing_sha256": listing}),
        ("ended", {"verdict": "passed", "documents": 2, "places": row.places, "result_sha256": result}),
        ("settled", {"verdict": "passed"}),
    ]
    assert row.places > STAYS
    check_course(entries_of(subject=stage.request.subject))


def test_nothing_personal_stays_behind(stage: Stage, tmp_path: Path) -> None:
    row = settled(stage, letters(tmp_path))
    assert now(row).sought == ""
    left = [one for one in erasure_folder(row.pk).rglob("*") if one.is_file()]
    assert left
    assert not any(ADA.encode() in one.read_bytes() for one in left)
    assert not any(ADA.encode() in bytes(entry.body) for entry in RecordEntry.objects.all())


def test_while_it_lasts_its_folder_is_its_owners_alone_and_has_no_spec(stage: Stage, tmp_path: Path) -> None:
    folder = erasure_folder(listed(stage, letters(tmp_path)).pk)
    assert oct(folder.stat().st_mode & 0o777) == "0o700"
    assert not (folder / "spec.json").exists()


def test_whoever_ordered_it_or_submitted_the_request_does_not_approve_it(stage: Stage, tmp_path: Path) -> None:
    row = listed(stage, letters(tmp_path))
    with pytest.raises(NotAllowedError, match="ordered this yourself"):
        store_erasure_approve(row=row, listing_sha256=row.listing_sha256, by=stage.staff.omar)
    with unguarded("requests_app_erasurerequest", "request_is_fixed"):
        type(stage.request).objects.filter(pk=stage.request.pk).update(submitted_by=stage.staff.lena)
    with pytest.raises(NotAllowedError, match="submitted this request"):
        store_erasure_approve(row=row, listing_sha256=row.listing_sha256, by=stage.staff.lena)
    for approver in (stage.staff.omar, stage.staff.lena):
        with pytest.raises(DatabaseError), transaction.atomic():
            StoreErasure.objects.filter(pk=row.pk).update(approved_by=approver)
    assert len(list((tmp_path / "letters").iterdir())) == STAYS + len(ABOUT_ADA)


def test_whoever_approved_it_does_not_settle_it(stage: Stage, tmp_path: Path) -> None:
    row = ended(stage, letters(tmp_path))
    with pytest.raises(NotAllowedError, match="approved this"):
        store_erasure_settle(row=row, by=stage.staff.lena)
    with pytest.raises(DatabaseError), transaction.atomic():
        StoreErasure.objects.filter(pk=row.pk).update(stage="settled", over_by=stage.staff.lena, over_at=row.created_at)
    store_erasure_settle(row=row, by=stage.staff.omar)


def test_nobody_but_officers_acts(stage: Stage, tmp_path: Path) -> None:
    row = listed(stage, kept := letters(tmp_path))
    for other in (stage.staff.eva, stage.staff.iris, stage.staff.max, stage.staff.mallory()):
        with pytest.raises(NotAllowedError):
            ordered(stage, kept, by=other)
        with pytest.raises(NotAllowedError):
            store_erasure_approve(row=row, listing_sha256=row.listing_sha256, by=other)
        for act in (store_erasure_give_up, store_erasure_resume, store_erasure_settle):
            with pytest.raises(NotAllowedError):
                act(row=row, by=other)


def test_another_list_than_the_one_that_was_looked_at_is_not_approved(stage: Stage, tmp_path: Path) -> None:
    row = listed(stage, letters(tmp_path))
    with pytest.raises(StaleStateError, match="does not wait"):
        store_erasure_approve(row=row, listing_sha256="0" * 64, by=stage.staff.lena)


def test_each_act_comes_once_and_in_its_order(stage: Stage, tmp_path: Path) -> None:
    row = ordered(stage, letters(tmp_path))
    with pytest.raises(StaleStateError):
        store_erasure_approve(row=row, listing_sha256="", by=stage.staff.lena)
    with pytest.raises(StaleStateError):
        store_erasure_settle(row=row, by=stage.staff.nils)
    row = worked(row)
    with pytest.raises(NothingToClaimError):
        worked(row)
    store_erasure_approve(row=row, listing_sha256=row.listing_sha256, by=stage.staff.lena)
    with pytest.raises(StaleStateError):
        store_erasure_approve(row=row, listing_sha256=row.listing_sha256, by=stage.staff.nils)
    store_erasure_settle(row=worked(row), by=stage.staff.nils)
    for act in (store_erasure_settle, store_erasure_give_up, store_erasure_resume):
        with pytest.raises(StaleStateError):
            act(row=row, by=stage.staff.nils)


def test_a_store_without_a_document_is_an_end_that_nobody_has_to_accept(stage: Stage, tmp_path: Path) -> None:
    sought = {"queries": [{"kind": "name", "value": "Wilhelmina Nobodyson"}]}
    row = listed(stage, letters(tmp_path), sought=sought)
    assert (row.stage, row.sought, told(stage)[-1]) == (
        "nothing",
        "",
        ("ended", {"verdict": "nothing", "documents": 0, "places": 0, "result_sha256": ""}),
    )
    check_course(entries_of(subject=stage.request.subject))


def test_what_is_not_meant_is_not_ordered(stage: Stage, tmp_path: Path) -> None:
    kept = letters(tmp_path)
    with pytest.raises(StaleStateError, match="while the request is"):
        ordered(Stage.opened(stage.staff, stage.model, key="k2"), kept)
    wrong: list[dict[str, Any]] = [{"ground": "17_3_e"}, {"ground": "rights"}, {"sought": {}}, {"sought": {"keys": [" "]}}]
    for said in wrong:
        with pytest.raises(StaleStateError):
            ordered(stage, kept, **said)
    store_retire(store=kept)
    with pytest.raises(StaleStateError, match="No data store"):
        ordered(stage, kept)
    assert not told(stage)


def test_a_store_that_has_changed_since_the_list_loses_nothing(stage: Stage, tmp_path: Path) -> None:
    row = approved(stage, letters(tmp_path))
    (tmp_path / "letters" / "late.txt").write_text("Nobody expected this letter to come so late in the year.")
    row = worked(row)
    assert (row.state, row.error_code, row.deleting) == (JobState.FAILED, "changed", False)
    assert told(stage)[-1] == ("failed", {"error": "changed", "runs": 1})
    store_erasure_give_up(row=row, by=stage.staff.lena)
    assert told(stage)[-1] == ("given_up", {"deleting": False})
    assert len(list((tmp_path / "letters").iterdir())) == STAYS + len(ABOUT_ADA) + 1


def test_what_failed_before_it_deleted_anything_is_tried_again(stage: Stage, tmp_path: Path) -> None:
    row = ordered(stage, letters(tmp_path))
    (tmp_path / "letters").rename(tmp_path / "away")
    row = worked(row)
    assert (row.stage, row.error_code) == ("finding", "wrong_path")
    (tmp_path / "away").rename(tmp_path / "letters")
    assert worked(store_erasure_resume(row=row, by=stage.staff.nils)).stage == "listed"
    check_course(entries_of(subject=stage.request.subject))


def test_while_one_is_open_the_request_cannot_be_closed(stage: Stage, tmp_path: Path) -> None:
    stage.request.matches.update(decision="rejected", decided_by=stage.staff.omar)
    row = listed(stage, letters(tmp_path))
    with pytest.raises(StaleStateError, match="1 erasure in a data store is not settled"):
        closing_draft(request=stage.request, reasons="", by=stage.staff.omar)
    with pytest.raises(DatabaseError), transaction.atomic():
        type(stage.request).objects.filter(pk=stage.request.pk).update(state="closed", outcome="no_match")
    store_erasure_give_up(row=row, by=stage.staff.nils)
    assert closing_draft(request=stage.request, reasons="", by=stage.staff.omar).outcome == "no_match"


def test_a_request_with_nothing_but_documents_in_stores_does_not_end_as_nothing_found(stage: Stage, tmp_path: Path) -> None:
    settled(stage, letters(tmp_path))
    ids = list(stage.request.matches.values_list("pk", flat=True))
    matches_decide(request=stage.request, match_ids=ids, accept=False, by=stage.staff.omar)
    ending = endings.closing_propose(request=stage.request, outcome="in_stores", reasons="", by=stage.staff.omar)
    endings.ending_approve(ending=ending, by=stage.staff.lena)
    assert state(stage) == ("closed", "in_stores")
    stage.request.refresh_from_db()
    text = letter(stage.request, "outcome_in_stores").text
    words = " ".join(text.split())
    assert "We deleted 2 documents from a data store. Then we read back" in words
    assert "It says nothing about models, back-ups and copies." in words
    assert not any(word in words for word in ("exact", "gone"))
    check_course(entries_of(subject=stage.request.subject))


def test_a_withdrawal_gives_up_what_has_not_begun(stage: Stage, tmp_path: Path) -> None:
    row = listed(stage, letters(tmp_path))
    intake.request_withdraw(token=stage.token("status", "status-1"))
    assert (now(row).stage, now(row).sought, told(stage)[-1]) == ("given_up", "", ("given_up", {"deleting": False}))
    check_course(entries_of(subject=stage.request.subject))


def test_a_withdrawal_lets_what_has_begun_end_by_itself(stage: Stage, tmp_path: Path) -> None:
    row = approved(stage, letters(tmp_path))
    claimed = store_erasure_claim(erasure_id=row.pk)
    intake.request_withdraw(token=stage.token("status", "status-1"))
    assert now(row).stage == "erasing"
    store_erasure_run_lost(row=claimed)
    store_erasure_settle(row=worked(row), by=stage.staff.nils)
    assert state(stage) == ("closed", "withdrawn")
    check_course(entries_of(subject=stage.request.subject))


def test_what_is_over_is_final_in_the_database(stage: Stage, tmp_path: Path) -> None:
    row = settled(stage, letters(tmp_path))
    for change in ({"verdict": "failed"}, {"stage": "ended"}, {"listing_sha256": "0" * 64}, {"ground": "17_1_c"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            StoreErasure.objects.filter(pk=row.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        row.delete()


def test_what_is_looked_for_is_encrypted(stage: Stage, tmp_path: Path) -> None:
    row = ordered(stage, letters(tmp_path))
    with connection.cursor() as cursor:
        cursor.execute("SELECT sought FROM requests_app_storeerasure")
        [(stored,)] = cursor.fetchall()
    assert ADA.encode() not in bytes(stored)
    assert json.loads(now(row).sought)["queries"][0]["value"] == ADA
