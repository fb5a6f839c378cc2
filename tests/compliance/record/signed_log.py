"""A small log that is signed, and what can be done to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from compliance.evidence.checkpoints import Checkpoint, SignedNote
from compliance.evidence.statements import MODEL_SUBJECT, Release, Statement, Subject
from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import LogInconsistentError
from compliance.record.models import Attestation, SignedCheckpoint
from compliance.record.selectors import alarm_standing
from compliance.record.services import record_append
from compliance.record.signing import attestation_sign, checkpoint_sign

from .superuser import entry_rewrite, leaves_swap, log_roll_back, tree_rebuild

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
