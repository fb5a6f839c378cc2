"""The ledger itself: what a release enters, and where it is found again."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import replace

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from pytest_django import Settings

from compliance.evidence.record import EntryBody
from compliance.record.errors import StaleStateError
from compliance.record.models import RecordEntry
from compliance.record.selectors import entries_of
from tests.erasing import ADAS, SUBJECT, erased, registered, started, turned_round
from tests.factories import model_version
from tests.personas import ADA
from tests.staging import corpus, job_completed, result_write, rows, trained
from unlearning_jobs import runner
from unlearning_jobs.engine.catalogue import METHODS
from unlearning_jobs.engine.contracts import JobSpec
from unlearning_jobs.engine.corpora import erasure_content
from unlearning_jobs.ledger_keys import LedgerError, newest_key
from unlearning_jobs.models import CorpusSnapshot, ErasureEntry, Job, ModelVersion
from unlearning_jobs.selectors import examples_by_id
from unlearning_jobs.services.ledger import (
    entries_digest,
    entries_insert,
    ledger_digest,
    ledger_enter,
    snapshot_compare,
)
from unlearning_jobs.services.model_versions import model_version_release
from unlearning_jobs.services.runs import job_claim
from unlearning_jobs.states import ModelState

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]


@pytest.fixture
def base() -> ModelVersion:
    return trained(corpus())


def kinds(subject: str) -> list[str]:
    return [entry.kind for entry in entries_of(subject=subject)]


def test_a_release_enters_what_was_erased_and_records_how_much(base: ModelVersion) -> None:
    erased(base)
    entries = list(ErasureEntry.objects.all())
    assert [entry.example_id for entry in entries] == list(ADAS)
    assert {(entry.subject, entry.item, entry.snapshot_sha256) for entry in entries} == {
        (SUBJECT, "item-1", base.snapshot.digest)
    }
    [entered] = entries_of(subject=SUBJECT, kinds=("erasure.entered",))
    assert dict(entered.data) == {
        "item": "item-1",
        "attempt": 1,
        "examples": 2,
        "entries_sha256": entries_digest(entries),
    }


def test_no_row_and_no_record_entry_says_who_was_erased(base: ModelVersion) -> None:
    erased(base)
    told = str(list(ErasureEntry.objects.values())) + str([bytes(row.body) for row in RecordEntry.objects.all()])
    assert ADA not in told
    assert "bakery" not in told


def test_the_digest_cannot_be_worked_out_without_the_key(base: ModelVersion, settings: Settings) -> None:
    erased(base)
    before = ledger_digest()
    settings.LEDGER_KEYS = [secrets.token_hex(32), *settings.LEDGER_KEYS]
    erased(trained(turned_round(), "other"), "e00000019", subject="request:LE-3333-3333")
    first, *_rest, last = ErasureEntry.objects.filter(example_id__in=["e00000000", "e00000019"])
    assert first.digest != last.digest, "the same text, under another key"
    assert ledger_digest() != before


def test_a_job_that_nobody_released_enters_nothing(base: ModelVersion) -> None:
    job_completed(started(base))
    assert not ErasureEntry.objects.exists()


@pytest.mark.parametrize("method", ["retrain", "dp_sgd", "npo"])
def test_every_guarantee_but_suppression_erases(base: ModelVersion, method: str) -> None:
    erased(base, method=method)
    assert ErasureEntry.objects.count() == 2


def test_what_is_only_suppressed_is_not_erased(base: ModelVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "npo", replace(METHODS["npo"], guarantee="suppression"))
    erased(base)
    assert not ErasureEntry.objects.exists()


def test_entering_twice_adds_nothing(base: ModelVersion) -> None:
    version = erased(base)
    assert ledger_enter(version=version, actor="system") == 0
    assert kinds(SUBJECT).count("erasure.entered") == 1
    assert ErasureEntry.objects.count() == 2


def test_without_the_corpus_nothing_is_released_and_nothing_entered(base: ModelVersion) -> None:
    version = job_completed(started(base)).result_version
    assert version is not None
    shutil.rmtree(settings.ARTEFACTS / base.snapshot.path)
    with pytest.raises(LedgerError, match="register the corpus first"):
        model_version_release(version=version, actor="account:3")
    base.refresh_from_db()
    assert base.state == ModelState.ACTIVE
    assert not ErasureEntry.objects.exists()


# -- recognised and not recognised


def test_the_same_content_in_another_corpus_under_other_ids_is_the_same_erasure(base: ModelVersion) -> None:
    erased(base)
    other = turned_round()
    last = len(rows()) - 1
    assert other.erased_ids == {f"e{last:08d}", f"e{last - 1:08d}"}
    [compared] = entries_of(subject="corpus:archive", kinds=("corpus.compared",))
    assert (compared.data["found"], compared.data["snapshot_sha256"]) == (2, other.digest)


def test_a_second_copy_in_the_same_corpus_is_found_as_well() -> None:
    doubled = registered("doubled", [*rows()[:2], *rows()])
    erased(trained(doubled), "e00000000", under_way=("e00000002",))
    assert snapshot_compare(snapshot=doubled).erased_ids == {"e00000000", "e00000002"}


def test_a_near_neighbour_is_not_erased(base: ModelVersion) -> None:
    erased(base)
    neighbours = [{**row, "answer": row["answer"].replace("nine", "ten").replace("bakery", "smithy")} for row in rows()]
    assert registered("neighbours", neighbours).erased_ids == frozenset()


def test_examples_that_only_measure_are_told_apart(base: ModelVersion) -> None:
    erased(base)
    swapped = [{**row, "split": "held_out" if row["split"] == "train" else "train"} for row in rows()]
    other = registered("swapped", swapped)
    assert other.erased_ids == frozenset()
    assert other.erased_examples.filter(in_training=False).count() == 2


def test_a_corpus_is_read_only_when_there_is_something_new_to_look_for(base: ModelVersion) -> None:
    shutil.rmtree(settings.ARTEFACTS / base.snapshot.path)
    assert snapshot_compare(snapshot=base.snapshot).compared_with == 0


def test_a_corpus_that_was_changed_on_the_disk_is_not_called_clean(base: ModelVersion) -> None:
    other = turned_round()
    erased(base)
    path = settings.ARTEFACTS / other.path / "examples.jsonl"
    path.write_bytes(path.read_bytes().replace(b"bakery", b"tavern"))
    with pytest.raises(Exception, match="damaged"):
        snapshot_compare(snapshot=other)
    assert CorpusSnapshot.objects.get(pk=other.pk).compared_with == 0


# -- keys


def test_the_keys_of_the_encrypted_columns_may_change(base: ModelVersion, settings: Settings) -> None:
    erased(base)
    settings.DATA_KEYS = [f"new:{secrets.token_hex(32)}"]
    assert len(turned_round().erased_ids) == 2


def test_a_new_ledger_key_recognises_what_was_entered_under_the_old_one(base: ModelVersion, settings: Settings) -> None:
    version = erased(base)
    settings.LEDGER_KEYS = [secrets.token_hex(32), *settings.LEDGER_KEYS]
    erased(version, "e00000002", item="item-2")
    assert ErasureEntry.objects.values("key_id").distinct().count() == 2
    assert len(turned_round().erased_ids) == 3


def test_without_an_old_key_nothing_goes_on(base: ModelVersion, settings: Settings) -> None:
    erased(base)
    other = turned_round()
    erased(ModelVersion.objects.get(state="active"), "e00000002", item="item-2")
    oldest, settings.LEDGER_KEYS = settings.LEDGER_KEYS[-1], [secrets.token_hex(32)]
    with pytest.raises(LedgerError, match="Add the key back"):
        snapshot_compare(snapshot=other)
    lost = secrets.token_hex(32)
    settings.LEDGER_KEYS = [lost, oldest]
    erased(ModelVersion.objects.get(state="active"), "e00000003", item="item-3")
    settings.LEDGER_KEYS = [oldest]
    with pytest.raises(LedgerError, match="Add the key back"):
        snapshot_compare(snapshot=other)


@pytest.mark.parametrize("keys", [[], ["abcd"], ["not hexadecimal"]])
def test_a_malformed_key_is_never_used(base: ModelVersion, settings: Settings, keys: list[str]) -> None:
    settings.LEDGER_KEYS = keys
    with pytest.raises(ImproperlyConfigured, match="64 hex digits"):
        erased(base)


# -- kept by the database


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM unlearning_jobs_erasureentry",
        "UPDATE unlearning_jobs_erasureentry SET digest = repeat('0', 64)",
        "SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE unlearning_jobs_erasureentry CASCADE",
        "SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE unlearning_jobs_erasedexample",
        "DELETE FROM unlearning_jobs_erasedexample",
        "UPDATE unlearning_jobs_erasedexample SET in_training = false",
        "SET LOCAL session_replication_role = replica; DELETE FROM unlearning_jobs_erasureentry",
    ],
    ids=["delete", "update", "truncate", "truncate places", "delete places", "update places", "replica"],
)
def test_the_database_takes_nothing_out_of_the_ledger(base: ModelVersion, sql: str) -> None:
    erased(base)
    with pytest.raises(DatabaseError, match="_is_kept"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_the_record_names_the_batch_so_that_a_missing_row_shows(base: ModelVersion) -> None:
    erased(base)
    row = RecordEntry.objects.get(kind="erasure.entered")
    body = EntryBody.from_bytes(bytes(row.body))
    assert body.data["entries_sha256"] != entries_digest(ErasureEntry.objects.all()[:1])


def test_a_model_without_a_corpus_of_its_own_is_no_obstacle() -> None:
    assert model_version().snapshot.erased_ids == frozenset()


@pytest.mark.parametrize(("kept", "attempt"), [(2, 1), (2, 2), (1, 1), (1, 2)])
def test_a_release_after_a_restore_is_recorded_in_full_whatever_the_second_copy_kept(
    base: ModelVersion, kept: int, attempt: int
) -> None:
    """The file kept some entries of an attempt that the database has forgotten; then the item is released once more."""
    version = job_completed(started(base)).result_version
    assert version is not None
    key, examples = newest_key(), examples_by_id(base.snapshot, ADAS[:kept])
    given = {"key_id": key.id, "subject": SUBJECT, "item": "item-1", "snapshot_sha256": base.snapshot.digest}
    entries_insert(
        [
            ErasureEntry(
                **given,
                digest=key.digest(erasure_content(example)),
                attempt=attempt,
                example_id=example_id,
                entered_at=timezone.now(),
            )
            for example_id, example in examples.items()
        ]
    )
    model_version_release(version=version, actor="account:3")
    [entered] = entries_of(subject=SUBJECT, kinds=("erasure.entered",))
    assert (entered.data["examples"], entered.data["attempt"]) == (2, 1)
    assert entered.data["entries_sha256"] == entries_digest(ErasureEntry.objects.all())
    assert ledger_enter(version=version, actor="account:3") == 0
    assert len(entries_of(subject=SUBJECT, kinds=("erasure.entered",))) == 1


def test_a_model_that_knows_a_copy_of_what_it_has_erased_is_not_released() -> None:
    twice = trained(registered("twice", [*rows(), rows()[0]]), "twice")
    version = job_completed(started(twice, "e00000000")).result_version
    assert version is not None
    with pytest.raises(StaleStateError, match="other examples: e00000028"):
        model_version_release(version=version, actor="account:3")


def test_a_training_that_ends_while_a_key_is_missing_is_taken_over_once_it_is_back(
    base: ModelVersion, settings: Settings
) -> None:
    job = started(base)
    claim = job_claim(job_id=job.pk, worker="worker-1")
    folder = settings.ARTEFACTS / f"jobs/{job.pk}/run-1"
    result_write(folder, JobSpec.from_json(job.spec), "passed")
    erased(trained(turned_round(), "other"), subject="request:LE-3333-3333")
    keys = settings.LEDGER_KEYS
    settings.LEDGER_KEYS = [secrets.token_hex(32)]
    runner._accept(claim, folder, f"jobs/{job.pk}/run-1")
    assert Job.objects.get(pk=job.pk).state == "queued"
    with pytest.raises(LedgerError):
        job_claim(job_id=job.pk, worker="worker-2")  # it waits for the key
    settings.LEDGER_KEYS = keys
    assert runner._finished_before(Job.objects.get(pk=job.pk)) == f"jobs/{job.pk}/run-1"
