"""Writes to the record. Every service that changes something writes its entry through `record_append`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeVar

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from compliance.evidence.record import EntryBody, leaf_bytes
from compliance.formats.checks import refuse
from compliance.formats.merkle import leaf_hash, nodes_completed_by
from compliance.formats.record_kinds import EXAMPLES_PER_ENTRY, FIELDS, RecordKind

from .errors import LogInconsistentError
from .models import RecordEntry, RecordLeaf, RecordNode

SYSTEM = "system"
CLAIMANT = "claimant"
ROWS_AT_ONCE: Final = 1_000
Example = TypeVar("Example")


@transaction.atomic
def record_append(*, subject: str, kind: RecordKind, actor: str, data: Mapping[str, object]) -> RecordEntry:
    """Append one entry about `subject`, in the caller's transaction.

    Args:
        subject: opaque reference, such as `request:LE-7KQ4-M2XD`.
        kind: what happened.
        actor: `account:<id>`, `claimant` or `system`.
        data: the fields of the kind (`compliance.formats.record_kinds`): digests, opaque values, codes, counts and times.

    Raises:
        EvidenceError: `data` has other fields than its kind, or contains something that looks like an e-mail address.
    """
    return records_append(subject=subject, kind=kind, actor=actor, data=[data])[0]


@transaction.atomic
def records_append(*, subject: str, kind: RecordKind, actor: str, data: Sequence[Mapping[str, object]]) -> list[RecordEntry]:
    """Append one entry of this kind for each of `data`, as `record_append` does: a thousand take no more queries than one.

    Raises:
        EvidenceError: as of `record_append`; then nothing is appended.
    """
    if not data:
        return []
    # 1. Accept exactly the fields in the table of kinds: what is logged stays for good.
    for one in data:
        if set(one) != set(FIELDS[kind]):
            refuse(f"The data of {kind}", f"an object with exactly {', '.join(FIELDS[kind]) or 'no fields'}", sorted(one))
    # 2. Take the subject's next numbers. Nobody else gets one until this transaction ends.
    number = record_number_next(subject)
    # 3. Take the time. A machine's clock may be set back, but the times of a subject's entries never go back.
    last = RecordEntry.objects.filter(subject=subject, number=number - 1).first()
    now = max(timezone.now(), last.created_at) if last else timezone.now()
    # 4. Write the entries. The signing process gives them their places in the log after the commit (ADR 1).
    bodies = [
        EntryBody.of(subject=subject, number=taken, kind=kind, at=now, actor=actor, data=dict(one))
        for taken, one in enumerate(data, start=number)
    ]
    return RecordEntry.objects.bulk_create(
        [
            RecordEntry(subject=subject, number=taken, kind=kind, body=leaf_bytes(body), created_at=now)
            for taken, body in enumerate(bodies, start=number)
        ],
        batch_size=ROWS_AT_ONCE,
    )


def examples_in_parts(examples: Sequence[Example]) -> Iterator[Sequence[Example]]:
    """Yield the examples in parts that fit into one entry each: everything in the log is smaller than 64 KiB."""
    for start in range(0, len(examples), EXAMPLES_PER_ENTRY):
        yield examples[start : start + EXAMPLES_PER_ENTRY]


def record_number_next(subject: str) -> int:
    """Return the number of the subject's next entry. Nobody else gets one until the current transaction ends."""
    # An advisory lock, because a subject without entries has no row to lock. Two subjects with the same 64-bit hash only
    # wait for one another.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"record:{subject}"])
    return (RecordEntry.objects.filter(subject=subject).aggregate(last=Max("number"))["last"] or 0) + 1


@transaction.atomic
def record_sequence() -> int:
    """Give every committed entry that has no place yet its index in the log, and return the size of the log.

    Runs in the signing process before a checkpoint.
    """
    # 1. Let nobody else place entries at the same time: indices must have no gaps, and no entry two.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('record-sequence', 0))")
    # 2. Go on after the last place.
    last = RecordLeaf.objects.aggregate(last=Max("index"))["last"]
    size = 0 if last is None else last + 1
    # 3. Place the entries and work out the hash of every subtree that they complete.
    leaves: list[RecordLeaf] = []
    completed: dict[tuple[int, int], bytes] = {}

    def node_hash(level: int, index: int) -> bytes:
        return completed.get((level, index)) or node_hash_stored(level, index)

    for entry in RecordEntry.objects.filter(leaf__isnull=True).order_by("id").iterator():
        leaves.append(RecordLeaf(index=size, entry_id=entry.pk))
        nodes = nodes_completed_by(size, leaf_hash(bytes(entry.body)), node_hash)
        completed |= {(level, index): digest for level, index, digest in nodes}
        size += 1
    # 4. Store both.
    RecordLeaf.objects.bulk_create(leaves, batch_size=ROWS_AT_ONCE)
    rows = (RecordNode(level=level, index=index, hash=digest) for (level, index), digest in completed.items())
    RecordNode.objects.bulk_create(rows, batch_size=ROWS_AT_ONCE)
    return size


def node_hash_stored(level: int, index: int) -> bytes:
    """Return the stored hash of a complete subtree.

    Raises:
        LogInconsistentError: there is none, although the log contains, or should contain, all its leaves.
    """
    digest = RecordNode.objects.values_list("hash", flat=True).filter(level=level, index=index).first()
    if digest is None:
        message = f"The log has lost entries or hashes: the subtree {index} of level {level} is missing."
        raise LogInconsistentError(message)
    return bytes(digest)
