"""An alarm of the signing process, and the recovery that ends it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import LogInconsistentError
from compliance.record.head import log_check_all
from compliance.record.models import RecordEntry, SignedCheckpoint, SignerAlarm
from compliance.record.selectors import alarm_standing, entries_of
from compliance.record.services import record_append
from compliance.record.signing import (
    checkpoint_sign,
    entries_proven,
    entry_require,
    head_take_over,
    report_signed_before,
)

from .signed_log import (
    DIGEST,
    NEW,
    OLD,
    SUBJECT,
    append,
    assert_nothing_is_signed,
    drop_checkpoints,
    remembered,
    rewrite_and_rebuild,
    sign_statement,
    signed_size,
    swap_and_rebuild,
)
from .superuser import log_roll_back, superuser

pytestmark = pytest.mark.django_db


def test_an_alarm_stands_even_when_the_log_looks_right_again(keys: Path) -> None:
    rows = list(SignedCheckpoint.objects.all())
    with superuser():
        drop_checkpoints()
    assert_nothing_is_signed("the checkpoint of 12 entries is missing")
    SignedCheckpoint.objects.bulk_create(rows)
    recovery_record()
    SignerAlarm.objects.create(state=SignerAlarm.State.CLEARED, reason="by somebody who cannot read the signer's folder")
    assert_nothing_is_signed("the checkpoint of 12 entries is missing")
    assert (keys / "alarm").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "act",
    [
        checkpoint_sign,
        sign_statement,
        head_take_over,
        lambda: report_signed_before(subject="request:LE-7KQ4-M2XD", item="item-1", attempt=1),
        lambda: entries_proven(subject=SUBJECT),
        lambda: entry_require(subject=SUBJECT, kind=RecordKind.MODEL_ACTIVE, attempt=("item-1", 1)),
    ],
    ids=["checkpoint", "statement", "head", "report of before", "entries", "entry"],
)
def test_nothing_that_the_signing_process_does_goes_on_while_its_alarm_stands(keys: Path, act: Callable[[], object]) -> None:
    append(1)
    (keys / "alarm").write_text("Somebody has to look at the log.")
    with pytest.raises(LogInconsistentError, match="Somebody has to look at the log"):
        act()
    assert remembered(keys).size == NEW


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


def test_an_alarm_is_not_cleared_in_the_database_without_a_recovery_on_record() -> None:
    SignerAlarm.objects.create(state=SignerAlarm.State.RAISED, reason="The log has changed.")
    clear = "INSERT INTO compliance_signeralarm (state, reason, created_at) VALUES ('cleared', '', now())"
    for role in ("", "SET LOCAL session_replication_role = replica; "):
        with pytest.raises(DatabaseError, match="no recovery is on record"), transaction.atomic():
            connection.cursor().execute(role + clear)
    recovery_record()
    connection.cursor().execute(clear)
    with pytest.raises(DatabaseError, match="no recovery is on record"), transaction.atomic():
        connection.cursor().execute(clear)


def recovery_record() -> None:
    heads = {"old_size": 1, "old_root": DIGEST, "new_size": 1, "new_root": DIGEST}
    data = heads | {"reason": "Nobody asked the signing process."}
    record_append(subject="log:head", kind=RecordKind.LOG_RECOVERED, actor="system", data=data)
