from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from compliance.evidence.record import EntryBody
from compliance.formats.errors import EvidenceError, VerificationError
from compliance.formats.merkle import inclusion_proof, leaf_hash, root, verify_inclusion
from compliance.formats.record_kinds import RecordKind
from compliance.record.models import RecordEntry, RecordLeaf
from compliance.record.services import node_hash_stored, record_append, record_sequence

pytestmark = pytest.mark.django_db
SUBJECT = "model:demo"


def append(subject: str = SUBJECT, **data: object) -> RecordEntry:
    data = {"version": 1, "sha256": "0" * 64} | data
    return record_append(subject=subject, kind=RecordKind.MODEL_ACTIVE, actor="system", data=data)


def test_entries_of_a_subject_are_numbered_without_gaps() -> None:
    append()
    append("model:other")
    append()

    assert list(RecordEntry.objects.filter(subject=SUBJECT).values_list("number", flat=True)) == [1, 2]


def test_an_entry_that_is_rolled_back_leaves_no_gap() -> None:
    append()
    before = transaction.savepoint()
    append()
    transaction.savepoint_rollback(before)

    assert append().number == 2


def test_times_never_go_back_even_when_the_clock_does() -> None:
    first = append()
    tomorrow = timezone.now() + timedelta(days=1)
    future = RecordEntry.objects.create(
        subject=SUBJECT, number=first.number + 1, kind=RecordKind.MODEL_ACTIVE, body=first.body, created_at=tomorrow
    )

    assert append().created_at >= future.created_at


def test_what_looks_like_an_address_is_refused_without_repeating_it() -> None:
    with pytest.raises(EvidenceError) as error:
        append(version="ada@example.org")
    assert "ada" not in str(error.value)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE compliance_recordentry SET kind = 'x'",
        "DELETE FROM compliance_recordentry",
        "TRUNCATE compliance_recordentry CASCADE",
        "SET LOCAL session_replication_role = replica; DELETE FROM compliance_recordentry",
    ],
)
def test_the_database_refuses_to_change_the_record(sql: str) -> None:
    append()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_every_entry_is_provably_in_the_sequenced_log() -> None:
    entries = [append(version=step) for step in range(11)]
    size = record_sequence()
    head = root(size, node_hash_stored)

    indexes = [RecordLeaf.objects.get(entry=entry).index for entry in entries]
    assert (indexes, size) == (list(range(11)), 11)
    for entry, index in zip(entries, indexes, strict=True):
        proof = inclusion_proof(index, size, node_hash_stored)
        verify_inclusion(leaf_hash(bytes(entry.body)), index, size, proof, head)
        with pytest.raises(VerificationError):
            verify_inclusion(leaf_hash(b"an entry that was never appended"), index, size, proof, head)


def test_sequencing_twice_changes_nothing() -> None:
    append()
    size = record_sequence()

    assert record_sequence() == size


def test_an_entry_reads_back_as_it_was_appended() -> None:
    entry = EntryBody.from_bytes(bytes(append(version=3).body))

    assert (entry.subject, entry.kind, entry.actor) == (SUBJECT, "model.active", "system")
    assert entry.data == {"version": 3, "sha256": "0" * 64}


@pytest.mark.parametrize("data", [{}, {"version": 1}, {"version": 1, "sha256": "0" * 64, "note": "and more"}])
def test_an_entry_has_exactly_the_fields_of_its_kind(data: dict[str, object]) -> None:
    with pytest.raises(EvidenceError, match="an object with exactly version, sha256"):
        record_append(subject=SUBJECT, kind=RecordKind.MODEL_ACTIVE, actor="system", data=data)
    assert not RecordEntry.objects.exists()
