"""Lets the signing process go on from a log that does not extend the last one that it signed, such as a restored backup."""

from __future__ import annotations

from django.db import transaction

from compliance.formats.checks import refuse
from compliance.formats.record_kinds import RecordKind

from .errors import StaleStateError
from .head import alarm_clear, alarm_reason, checkpoints_forget, head_locked, head_read, head_write, log_check_all, log_root
from .keys import signing_keys
from .models import RecordEntry, SignerAlarm
from .services import SYSTEM, record_append, record_sequence
from .signing import checkpoint_store

LOG_SUBJECT = "log:head"
MAX_REASON = 200


def log_recover(*, reason: str) -> RecordEntry:
    """Record that the log starts again from what the database contains, sign it, and clear the alarm.

    The entry keeps both heads. Checkpoints that were handed out before and do not fit the log stay a proof of the change.

    Raises:
        StaleStateError: no alarm stands.
        LogInconsistentError: entries, hashes and checkpoints in the database do not even fit one another.
        EvidenceError: `reason` is missing, too long, or looks like it contains personal data.
    """
    # 1. There must be something to recover from, and a reason.
    if not 0 < len(reason.strip()) <= MAX_REASON:
        refuse("The reason", f"text of 1 to {MAX_REASON} characters", len(reason))
    keys = signing_keys()
    with head_locked():
        if not alarm_reason():
            message = "No alarm stands, so there is nothing to recover from."
            raise StaleStateError(message)
        with transaction.atomic(durable=True):
            # 2. Accept nothing but a log that is in itself whole.
            checkpoints_forget()
            old, new = head_read(), log_check_all()
            data = {
                "old_size": old.size,
                "old_root": old.root.hex(),
                "new_size": new.size,
                "new_root": new.root.hex(),
                "reason": reason.strip(),
            }
            # 3. Put it on record, under a new checkpoint.
            entry = record_append(subject=LOG_SUBJECT, kind=RecordKind.LOG_RECOVERED, actor=SYSTEM, data=data)
            size = record_sequence()
            checkpoint = checkpoint_store(keys, size, log_root(new, size))
            SignerAlarm.objects.create(state=SignerAlarm.State.CLEARED, reason=reason.strip())
        # 4. Go on from there.
        head_write(checkpoint.note)
        alarm_clear()
    return entry
