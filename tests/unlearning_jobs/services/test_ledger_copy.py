"""The second copy of the ledger: what a restored database gets back from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import transaction
from pytest_django import Settings

from compliance.record.selectors import entries_of
from tests.erasing import ADAS, erased, turned_round
from tests.staging import corpus, trained
from unlearning_jobs.ledger_keys import LedgerError
from unlearning_jobs.models import ErasedExample, ErasureEntry, ModelVersion
from unlearning_jobs.services.ledger import ledger_digest
from unlearning_jobs.services.ledger_copy import ledger_copy
from unlearning_jobs.tasks import ledger_copy as task

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]


@pytest.fixture
def base() -> ModelVersion:
    return trained(corpus())


@pytest.fixture
def file(artefacts: Path, settings: Settings) -> Path:
    assert artefacts.name == "artefacts"
    return Path(settings.LEDGER_FILE)


def erased_and_restored(base: ModelVersion) -> str:
    """An erasure that was copied, after which the database was taken back to before it. Returns the ledger's digest then."""
    with transaction.atomic():
        erased(base)
        ledger_copy()
        digest = ledger_digest()
        transaction.set_rollback(True)
    assert not ErasureEntry.objects.exists()
    return digest


def test_a_restored_database_gets_back_what_was_erased_since_the_backup(base: ModelVersion) -> None:
    digest = erased_and_restored(base)
    assert ledger_copy() == 2
    assert ledger_digest() == digest
    assert base.snapshot.erased_ids == set(ADAS)
    assert len(turned_round().erased_ids) == 2
    [entry] = entries_of(subject="ledger", kinds=("ledger.restored",))
    assert dict(entry.data) == {"entries": 2, "ledger_sha256": digest}


def test_it_is_taken_back_once(base: ModelVersion) -> None:
    erased_and_restored(base)
    assert [ledger_copy(), ledger_copy(), ledger_copy()] == [2, 0, 0]
    assert len(entries_of(subject="ledger")) == 1


def test_a_release_that_is_repeated_after_the_restore_is_the_same_erasure(base: ModelVersion, file: Path) -> None:
    erased_and_restored(base)
    erased(base)
    assert ledger_copy() == 0
    assert ErasureEntry.objects.count() == len(file.read_bytes().splitlines()) == 2


def test_the_file_only_grows_and_is_private(base: ModelVersion, file: Path) -> None:
    version = erased(base)
    ledger_copy()
    before = file.read_bytes()
    erased(version, "e00000002", item="item-2")
    ledger_copy()
    assert file.read_bytes().startswith(before)
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_line_that_a_crash_has_cut_is_written_again(base: ModelVersion, file: Path) -> None:
    erased(base)
    ledger_copy()
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])
    assert ledger_copy() == 0
    assert file.read_bytes() == whole


def test_a_file_that_was_lost_is_written_again(base: ModelVersion, file: Path) -> None:
    erased(base)
    ledger_copy()
    whole = file.read_bytes()
    file.unlink()
    ledger_copy()
    assert file.read_bytes() == whole


@pytest.mark.parametrize("line", [b"nonsense", b"{}", b'{"digest": 1}'])
def test_a_damaged_line_is_named_and_nothing_is_taken_from_the_file(base: ModelVersion, file: Path, line: bytes) -> None:
    erased_and_restored(base)
    file.write_bytes(file.read_bytes() + line + b"\n")
    with pytest.raises(LedgerError, match=r"Line 3 of entries\.jsonl"):
        ledger_copy()
    assert not ErasureEntry.objects.exists()


def test_a_file_that_cannot_be_used_is_an_error_in_the_log_and_stops_no_worker(
    base: ModelVersion, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    erased(base)
    file.mkdir(parents=True)
    task()
    assert "Check LEDGER_FILE" in caplog.text


def test_a_database_that_has_lost_the_corpus_as_well_takes_the_entries_back(base: ModelVersion) -> None:
    with transaction.atomic():
        erased(trained(turned_round("later"), "later"), "e00000019", subject="request:LE-3333-3333")
        ledger_copy()
        transaction.set_rollback(True)
    assert ledger_copy() == 1
    assert not ErasedExample.objects.exists(), "its own corpus is unknown now"
    assert trained(turned_round("found"), "found").snapshot.erased_ids == {"e00000019"}
    assert base.snapshot.erased_ids == frozenset(), "not compared yet: whoever trains on it compares first"
