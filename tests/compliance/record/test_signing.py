"""The signing process signs one history: whatever a superuser does to the database, it signs no other."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from pytest_django import Settings

from compliance.evidence.checkpoints import Checkpoint, SignedNote
from compliance.evidence.errors import KeyFileError
from compliance.evidence.keys import create_key
from compliance.evidence.statements import MODEL_SUBJECT, Release, Statement, Subject
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import LogInconsistentError
from compliance.record.head import log_check_all
from compliance.record.models import Attestation, RecordEntry, SignedCheckpoint, SignerAlarm
from compliance.record.selectors import alarm_standing, entries_of
from compliance.record.services import record_append, record_sequence
from compliance.record.signing import attestation_sign, checkpoint_sign, entries_proven

from .superuser import entry_rewrite, leaves_swap, log_roll_back, superuser, tree_rebuild

pytestmark = pytest.mark.django_db
SUBJECT = "model:demo"
DIGEST = "0" * 64
OLD, NEW = 8, 12
"""The two sizes of the log that were signed."""


def append(count: int) -> None:
    for version in range(count):
        data = {"version": version, "sha256": DIGEST}
        record_append(subject=SUBJECT, kind=RecordKind.MODEL_ACTIVE, actor="system", data=data)


def statement() -> Statement:
    release = Release("LE-7KQ4-M2XD", "item-1", 1, DIGEST, DIGEST, DIGEST, ("account:1",), "account:2", "account:3", 4)
    return Statement((Subject(MODEL_SUBJECT, DIGEST),), release)


def sign_statement() -> Attestation:
    return attestation_sign(statement=statement(), subject="request:LE-7KQ4-M2XD", files={})


@pytest.fixture
def keys(signing: Path) -> Path:
    """A log of twelve entries, signed at eight and at twelve. The first entry publishes the keys."""
    append(OLD - 1)
    assert signed_size() == OLD
    append(NEW - OLD)
    assert signed_size() == NEW
    return signing


def signed_size() -> int:
    checkpoint = checkpoint_sign()
    assert checkpoint is not None
    return checkpoint.size


def remembered(keys: Path) -> Checkpoint:
    return Checkpoint.from_text(SignedNote.from_bytes((keys / "last-checkpoint").read_bytes()).text)


def assert_nothing_is_signed(reason: str) -> None:
    """Neither a checkpoint nor a statement, and the alarm is there for everybody."""
    before = list(SignedCheckpoint.objects.values_list("size", flat=True))
    with pytest.raises(LogInconsistentError, match=reason):
        checkpoint_sign()
    with pytest.raises(LogInconsistentError, match=reason):
        sign_statement()
    assert list(SignedCheckpoint.objects.values_list("size", flat=True)) == before
    assert not Attestation.objects.exists()
    alarm = alarm_standing()
    assert alarm is not None
    assert reason in alarm.reason


def rewrite_and_rebuild() -> None:
    entry_rewrite(3)
    tree_rebuild()


def rewrite_what_no_checkpoint_before_the_last_covers() -> None:
    entry_rewrite(NEW - 1)
    tree_rebuild()


def swap_and_rebuild() -> None:
    leaves_swap(2, 5)
    tree_rebuild()


def drop_checkpoints() -> None:
    SignedCheckpoint.objects.all().delete()


def drop_the_last_checkpoint() -> None:
    SignedCheckpoint.objects.filter(size=NEW).delete()


def roll_back() -> None:
    log_roll_back(OLD)


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        (rewrite_and_rebuild, "the first 12 entries are not those that were signed"),
        (rewrite_what_no_checkpoint_before_the_last_covers, "the first 12 entries are not those that were signed"),
        (swap_and_rebuild, "the first 12 entries are not those that were signed"),
        (drop_checkpoints, "the checkpoint of 12 entries is missing"),
        (drop_the_last_checkpoint, "the checkpoint of 12 entries is missing"),
        (roll_back, "the log has 8 entries, but 12 were signed"),
    ],
)
def test_a_changed_log_is_never_signed(keys: Path, attack: Callable[[], None], reason: str) -> None:
    note = (keys / "last-checkpoint").read_bytes()
    with superuser():
        attack()
    append(1)
    assert_nothing_is_signed(reason)
    assert (keys / "last-checkpoint").read_bytes() == note


@pytest.mark.usefixtures("keys")
def test_a_log_that_was_rolled_back_and_grew_again_is_never_signed() -> None:
    with superuser():
        log_roll_back(OLD)
    append(9)
    assert_nothing_is_signed("the log has 8 entries, but 12 were signed")


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        (lambda: entry_rewrite(3), "the first 8 entries are not those of their checkpoint"),
        (lambda: leaves_swap(2, 5), "entry 2 has not the next number of its subject"),
    ],
)
def test_entries_that_no_longer_fit_the_stored_hashes_are_found_by_the_full_check(
    keys: Path, settings: Settings, attack: Callable[[], None], reason: str
) -> None:
    with superuser():
        attack()
    append(1)
    assert signed_size() == NEW + 1  # the stored hashes are still those that were signed
    os.utime(keys / "last-full-check", (0, 0))
    settings.LOG_FULL_CHECK_SECONDS = 3600.0
    assert_nothing_is_signed(reason)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"subject": "model:another"}, "entry 4 stands in the row of another subject, number or kind"),
        ({"kind": "model.registered"}, "entry 4 stands in the row of another subject, number or kind"),
        ({"number": 900}, "entry 4 stands in the row of another subject, number or kind"),
    ],
)
@pytest.mark.usefixtures("keys")
def test_an_entry_that_is_hidden_in_another_row_is_found(changes: dict[str, object], reason: str) -> None:
    with superuser():
        RecordEntry.objects.filter(leaf__index=4).update(**changes)
    with pytest.raises(LogInconsistentError, match=reason):
        log_check_all()


@pytest.mark.usefixtures("keys")
def test_two_entries_with_one_number_are_found() -> None:
    with superuser():
        RecordEntry.objects.filter(leaf__index=NEW - 1).update(subject="model:another")
    append(1)  # it gets the number of the entry that is hidden now
    with superuser():
        record_sequence()
        RecordEntry.objects.filter(leaf__index=NEW).update(number=900)
        RecordEntry.objects.filter(leaf__index=NEW - 1).update(subject=SUBJECT)
    with pytest.raises(LogInconsistentError, match="entry 12 "):
        log_check_all()


@pytest.mark.usefixtures("keys")
def test_checkpoints_that_were_dropped_behind_the_newest_are_found() -> None:
    log_check_all()
    with superuser():
        SignedCheckpoint.objects.filter(size=OLD).delete()
    with pytest.raises(LogInconsistentError, match="the checkpoints up to that of 12 entries are not those"):
        log_check_all()


@pytest.mark.usefixtures("keys")
def test_a_statement_rests_on_the_entry_in_the_log_and_not_on_a_changed_row() -> None:
    assert len(entries_proven(subject=SUBJECT, kind=RecordKind.MODEL_ACTIVE)) == NEW - 1
    with superuser():
        entry_rewrite(3)
    with pytest.raises(LogInconsistentError, match="is not the one in the log"):
        entries_proven(subject=SUBJECT, kind=RecordKind.MODEL_ACTIVE)
    assert alarm_standing()


def test_an_alarm_stands_even_when_the_log_looks_right_again(keys: Path) -> None:
    rows = list(SignedCheckpoint.objects.all())
    with superuser():
        drop_checkpoints()
    assert_nothing_is_signed("the checkpoint of 12 entries is missing")
    SignedCheckpoint.objects.bulk_create(rows)
    SignerAlarm.objects.create(state=SignerAlarm.State.CLEARED, reason="by somebody who cannot read the signer's folder")
    assert_nothing_is_signed("the checkpoint of 12 entries is missing")
    assert (keys / "alarm").stat().st_mode & 0o777 == 0o600


def test_a_log_that_grows_is_signed_and_remembered(keys: Path) -> None:
    append(5)
    assert signed_size() == NEW + 5
    assert remembered(keys).size == NEW + 5
    assert checkpoint_sign() is None
    assert sign_statement().pk
    assert (keys / "last-checkpoint").stat().st_mode & 0o777 == 0o600
    assert not alarm_standing()


def test_a_crash_before_the_head_was_remembered_does_no_harm(keys: Path) -> None:
    note = (keys / "last-checkpoint").read_bytes()
    append(3)
    assert signed_size() == NEW + 3
    (keys / "last-checkpoint").write_bytes(note)
    assert checkpoint_sign() is None
    assert remembered(keys).size == NEW + 3


def test_a_damaged_head_file_is_an_alarm_and_not_a_fresh_start(keys: Path) -> None:
    (keys / "last-checkpoint").write_bytes(b"")
    assert_nothing_is_signed("the file last-checkpoint is damaged")


def test_a_first_start_takes_over_the_newest_checkpoint(keys: Path) -> None:
    (keys / "last-checkpoint").unlink()
    append(1)
    assert signed_size() == NEW + 1
    assert remembered(keys).size == NEW + 1


@pytest.mark.parametrize(
    "attack", [rewrite_and_rebuild, swap_and_rebuild, lambda: entry_rewrite(3), lambda: leaves_swap(2, 5)]
)
def test_a_first_start_on_a_log_that_is_not_its_newest_checkpoints_is_refused(
    keys: Path, attack: Callable[[], None]
) -> None:
    (keys / "last-checkpoint").unlink()
    with superuser():
        attack()
    assert_nothing_is_signed("The record is not the one that was signed before")


def test_a_first_start_with_another_key_is_refused(keys: Path) -> None:
    for name in ("last-checkpoint", "log.pem"):
        (keys / name).unlink()
    create_key(keys / "log.pem")
    size = SignedCheckpoint.objects.latest("size").size
    with pytest.raises(KeyFileError, match="log"):
        checkpoint_sign()
    assert SignedCheckpoint.objects.latest("size").size == size


def test_recovery_after_a_restored_backup_is_recorded_with_both_heads(keys: Path) -> None:
    lost = remembered(keys)
    with superuser():
        log_roll_back(OLD)
    restored = log_check_all()
    assert_nothing_is_signed("the log has 8 entries, but 12 were signed")

    call_command("log_recover", reason="Restored the backup of 20 November.")

    (entry,) = entries_of(subject="log:head", kinds=(RecordKind.LOG_RECOVERED,))
    assert entry.data == {
        "old_size": NEW,
        "old_root": lost.root.hex(),
        "new_size": OLD,
        "new_root": restored.root.hex(),
        "reason": "Restored the backup of 20 November.",
    }
    assert not alarm_standing()
    assert remembered(keys).size == OLD + 1
    append(2)
    assert signed_size() == OLD + 3
    assert sign_statement().pk


@pytest.mark.usefixtures("keys")
def test_there_is_no_recovery_without_an_alarm() -> None:
    with pytest.raises(CommandError, match="No alarm stands"):
        call_command("log_recover", reason="To be on the safe side.")
    assert not RecordEntry.objects.filter(kind=RecordKind.LOG_RECOVERED).exists()


@pytest.mark.parametrize("attack", [rewrite_and_rebuild, swap_and_rebuild])
def test_there_is_no_recovery_to_a_log_that_its_own_checkpoints_contradict(keys: Path, attack: Callable[[], None]) -> None:
    with superuser():
        attack()
    assert_nothing_is_signed("the first 12 entries are not those that were signed")
    with pytest.raises(CommandError, match=r"not those of their checkpoint|has not the next number of its subject"):
        call_command("log_recover", reason="Nothing happened.")
    assert alarm_standing()
    assert (keys / "alarm").exists()


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("reason", ["", "   ", "x" * 201, "ask ada@example.org"])
def test_recovery_needs_a_reason_that_may_stay_in_the_record(reason: str) -> None:
    with superuser():
        log_roll_back(OLD)
    with pytest.raises(LogInconsistentError):
        checkpoint_sign()
    with pytest.raises(CommandError):
        call_command("log_recover", reason=reason)
    assert alarm_standing()


@pytest.mark.parametrize(
    "sql", ["UPDATE compliance_signeralarm SET state = 'cleared'", "DELETE FROM compliance_signeralarm"]
)
def test_an_alarm_is_not_taken_back_in_the_database(sql: str) -> None:
    SignerAlarm.objects.create(state=SignerAlarm.State.RAISED, reason="The log has changed.")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert alarm_standing()
