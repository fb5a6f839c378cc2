from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from compliance.accounts.errors import NotAllowedError
from compliance.accounts.models import Account
from compliance.accounts.services import account_create, account_role_change
from compliance.evidence.record import EntryBody
from compliance.formats.errors import EvidenceError
from compliance.formats.merkle import inclusion_proof, leaf_hash, root, verify_inclusion
from compliance.record.models import RecordEntry, RecordLeaf
from compliance.record.services import node_hash_stored, record_append, record_sequence
from tests.factories import PASSWORD, account

pytestmark = pytest.mark.django_db
SUBJECT = "model:demo"


def append(subject: str = SUBJECT, **data: object) -> RecordEntry:
    return record_append(subject=subject, kind="model.noted", actor="system", data=data)


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
    ahead = RecordEntry.objects.create(
        subject=SUBJECT, number=first.number + 1, kind="model.noted", body=first.body, created_at=tomorrow
    )

    assert append().created_at >= ahead.created_at


def test_what_looks_like_an_address_is_refused_without_repeating_it() -> None:
    with pytest.raises(EvidenceError) as caught:
        append(note="ada@example.org")
    assert "ada" not in str(caught.value)


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
    entries = [append(step=step) for step in range(11)]
    size = record_sequence()
    head = root(size, node_hash_stored)

    for entry in entries:
        index = RecordLeaf.objects.get(entry=entry).index
        proof = inclusion_proof(index, size, node_hash_stored)
        verify_inclusion(leaf_hash(bytes(entry.body)), index, size, proof, head)


def test_sequencing_twice_changes_nothing() -> None:
    append()
    size = record_sequence()

    assert record_sequence() == size


def test_an_entry_reads_back_as_it_was_appended() -> None:
    entry = EntryBody.from_bytes(bytes(append(version=3).body))

    assert (entry.subject, entry.kind, entry.actor, entry.data) == (SUBJECT, "model.noted", "system", {"version": 3})


def test_a_weak_password_is_refused() -> None:
    with pytest.raises(ValidationError):
        account_create(username="omar", password="omar", role="officer", actor="system")
    assert not Account.objects.exists()


def test_an_account_stands_in_the_record_without_its_name() -> None:
    made = account_create(username="omar", password=PASSWORD, role="officer", actor="system")
    entry = RecordEntry.objects.get(subject=made.opaque)

    assert b"omar" not in bytes(entry.body)


def test_only_another_administrator_changes_a_role() -> None:
    administrator, officer = account("administrator"), account("officer")

    account_role_change(account=officer, role="auditor", by=administrator)
    assert Account.objects.get(pk=officer.pk).role == "auditor"
    with pytest.raises(NotAllowedError):
        account_role_change(account=administrator, role="officer", by=administrator)
    with pytest.raises(NotAllowedError):
        account_role_change(account=administrator, role="officer", by=account("officer"))
