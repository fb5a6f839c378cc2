"""The signing process signs one history: whatever a superuser does to the database, it signs no other."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import Settings

from compliance.evidence.errors import KeyFileError
from compliance.evidence.keys import create_key
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import LogInconsistentError
from compliance.record.head import log_check_all
from compliance.record.models import RecordEntry, SignedCheckpoint
from compliance.record.selectors import alarm_standing
from compliance.record.services import record_sequence
from compliance.record.signing import checkpoint_sign, entries_proven

from .signed_log import (
    NEW,
    OLD,
    SUBJECT,
    append,
    assert_nothing_is_signed,
    drop_checkpoints,
    drop_the_last_checkpoint,
    remembered,
    rewrite_and_rebuild,
    rewrite_what_no_checkpoint_before_the_last_covers,
    roll_back,
    sign_statement,
    signed_size,
    swap_and_rebuild,
)
from .superuser import entry_rewrite, leaves_swap, log_roll_back, superuser

pytestmark = pytest.mark.django_db


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
