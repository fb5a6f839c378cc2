"""Writes to the record. Every service that changes something writes its entry through `record_append`."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from compliance.evidence.record import EntryBody, leaf_bytes
from compliance.formats.checks import refuse
from compliance.formats.merkle import leaf_hash, nodes_completed_by
from compliance.formats.record_kinds import FIELDS, RecordKind

from .models import RecordEntry, RecordLeaf, RecordNode

SYSTEM = "system"
CLAIMANT = "claimant"


@transaction.atomic
def record_append(*, subject: str, kind: RecordKind, actor: str, data: Mapping[str, object]) -> RecordEntry:
    """Append one entry about `subject`, in the caller's transaction.

    Args:
        subject: opaque reference, such as `request:LE-7KQ4-M2XD`.
        kind: what happened.
        actor: `account:<id>`, `claimant` or `system`.
        data: the fields of the kind (`compliance.formats.record_kinds`): digests and opaque values only.

    Raises:
        EvidenceError: `data` has other fields than its kind, or holds something that looks like an e-mail address.
    """
    # 1. Say exactly what the table of kinds says: what is in the log for good must have a name there.
    if set(data) != set(FIELDS[kind]):
        refuse(f"The data of {kind}", f"an object with exactly {', '.join(FIELDS[kind]) or 'no fields'}", sorted(data))
    # 2. Take the subject's next number; nobody else gets it until this transaction ends.
    number = record_number_next(subject)
    # 3. Take the time. The clock of a machine may be set back; the times of a subject's entries never are.
    last = RecordEntry.objects.filter(subject=subject, number=number - 1).first()
    now = max(timezone.now(), last.created_at) if last else timezone.now()
    # 4. Write the entry. The signing process gives it its place in the log after the commit (ADR 1).
    body = EntryBody.of(subject=subject, number=number, kind=kind, at=now, actor=actor, data=dict(data))
    return RecordEntry.objects.create(subject=subject, number=number, kind=kind, body=leaf_bytes(body), created_at=now)


def record_number_next(subject: str) -> int:
    """The number that the subject's next entry gets; nobody else gets one until the current transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"record:{subject}"])
    return (RecordEntry.objects.filter(subject=subject).aggregate(last=Max("number"))["last"] or 0) + 1


@transaction.atomic
def record_sequence() -> int:
    """Gives every committed entry without a place its index in the log; returns the size of the log.

    Runs in the signing process before a checkpoint. One at a time, so indices have no gaps.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('record-sequence', 0))")
    last = RecordLeaf.objects.aggregate(last=Max("index"))["last"]
    size = 0 if last is None else last + 1
    for entry in RecordEntry.objects.filter(leaf__isnull=True).order_by("id").iterator():
        RecordLeaf.objects.create(index=size, entry=entry)
        for level, index, digest in nodes_completed_by(size, leaf_hash(bytes(entry.body)), node_hash_stored):
            RecordNode.objects.create(level=level, index=index, hash=digest)
        size += 1
    return size


def node_hash_stored(level: int, index: int) -> bytes:
    """The stored hash of a complete subtree."""
    return bytes(RecordNode.objects.values_list("hash", flat=True).get(level=level, index=index))
