"""Signs statements and checkpoints, in the signing process: the only one that has the private keys (`keys`)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from django.conf import settings
from django.db import transaction

from compliance.evidence import dsse
from compliance.evidence.checkpoints import Checkpoint, sign_note
from compliance.evidence.record import REQUEST_PREFIX, EntryBody
from compliance.evidence.statements import Statement, UnlearningReport
from compliance.formats.canonical import sha256_hex
from compliance.formats.errors import EvidenceError
from compliance.formats.merkle import inclusion_proof, leaf_hash, verify_inclusion
from compliance.formats.record_kinds import RecordKind

from .contradictions import statement_check
from .errors import LogInconsistentError, StaleStateError
from .head import (
    alarm_on_inconsistency,
    head_locked,
    head_read,
    head_verified,
    head_write,
    log_check_all,
    log_check_all_when_due,
    log_root,
)
from .keys import SigningKeys, attestation_keys, signing_keys
from .models import Attestation, RecordEntry, SignedCheckpoint
from .selectors import SignedStatement, attestation_read, registering_entries, signed_report, trust_published
from .services import SYSTEM, node_hash_stored, record_append, record_sequence


def attestation_sign(*, statement: Statement, subject: str, files: dict[str, str]) -> Attestation:
    """Sign a statement about an attempt at an item, store the envelope, and append its digest to the record.

    An attempt has one statement of each type: a second call returns the first attestation.

    Args:
        statement: built by the caller in this process from artefacts that it has hashed itself.
        subject: the record's subject, `request:<reference>`.
        files: the report's files: name in the bundle to path below ARTEFACTS.

    Raises:
        LogInconsistentError: the log is not the one that was signed before; an alarm stands, and nothing is signed.
        ContradictionError: the statement contradicts the record or its own files; the same.
        StaleStateError: that cannot be checked here; nothing is signed.
    """
    # 1. Rest on nothing but the log that was signed before. Outside the transaction, which would take an alarm back.
    with alarm_on_inconsistency():
        head_verified(signing_keys().log.public_key())
        log_check_all()
        signed = statements_signed(subject=subject)
    # 2. Sign once: the task that calls this may run twice.
    if existing := _signed_already(statement, subject):
        return existing
    # 3. Sign only what the record says.
    history = entries_proven(subject=subject)
    others = _registrations_proven(statement, signed, history)
    with alarm_on_inconsistency():
        statement_check(statement=statement, subject=subject, files=files, entries=history, others=others, signed=signed)
    # 4. Sign it.
    return _attest(statement, subject, files)


def report_signed_before(*, subject: str, item: str, attempt: int) -> Attestation | None:
    """Return the report about an attempt that this process has signed before, or None.

    Raises:
        LogInconsistentError: the log is not the one that was signed before, or an attestation is a stranger's; an alarm
            stands.
    """
    with alarm_on_inconsistency():
        head_verified(signing_keys().log.public_key())
        statements_signed(subject=subject)
    return signed_report(subject=subject, item=item, attempt=attempt)


def statements_signed(*, subject: str) -> list[SignedStatement]:
    """Return the statements about the subject that this process signed; the application may write rows of its own.

    Raises:
        LogInconsistentError: an attestation is not signed by this process, or says something else than its row.
    """
    keys, statements = attestation_keys(), []
    for row in Attestation.objects.filter(subject=subject).order_by("id"):
        try:
            body, _ = dsse.verify(dsse.Envelope.from_bytes(bytes(row.envelope)), keys)
            statement = Statement.from_bytes(body)
        except EvidenceError as error:
            message = f"An attestation about {subject} is not one that the signing process signed. {error}"
            raise LogInconsistentError(message) from None
        stored = {name: getattr(row, name) for name in _place(statement, subject)}
        if stored != _place(statement, f"{REQUEST_PREFIX}{statement.predicate.request}"):
            message = f"The row of an attestation about {subject} says something else than what was signed."
            raise LogInconsistentError(message)
        statements.append(attestation_read(row))
    return statements


def _registrations_proven(
    statement: Statement, signed: Iterable[SignedStatement], history: Iterable[EntryBody]
) -> list[EntryBody]:
    """Return the entries that registered what the request's reports name, this one included."""
    predicates = [statement.predicate, *(one.statement.predicate for one in signed)]
    reports = [predicate for predicate in predicates if isinstance(predicate, UnlearningReport)]
    return _proven(registering_entries(reports, history))


def _place(statement: Statement, subject: str) -> dict[str, Any]:
    predicate = statement.predicate
    where = {"subject": subject, "item": predicate.item, "attempt": predicate.attempt}
    return where | {"predicate_type": predicate.predicate_type}


def _signed_already(statement: Statement, subject: str) -> Attestation | None:
    return Attestation.objects.filter(**_place(statement, subject)).first()


@transaction.atomic
def _attest(statement: Statement, subject: str, files: dict[str, str]) -> Attestation:
    # 1. Another process may have signed it meanwhile.
    if existing := _signed_already(statement, subject):
        return existing
    # 2. Sign the exact bytes of the statement, and store the envelope as it is: its digest is what counts from now on.
    envelope = dsse.sign(statement.to_bytes(), signing_keys().attestation).to_bytes()
    digest = sha256_hex(envelope)
    where = _place(statement, subject)
    row = Attestation.objects.create(**where, sha256=digest, envelope=envelope, files=files)
    # 3. Append the digest to the record, in this transaction: no attestation without its entry.
    data = {name: value for name, value in where.items() if name != "subject"} | {"envelope_sha256": digest}
    record_append(subject=subject, kind=RecordKind.ATTESTATION_SIGNED, actor=SYSTEM, data=data)
    return row


def checkpoint_sign() -> SignedCheckpoint | None:
    """Place new entries in the log and sign its new head. Returns None if nothing is new.

    Raises:
        LogInconsistentError: the log is not the one that was signed before; an alarm stands, and nothing is signed.
    """
    # 1. Take the keys first: publishing them may itself append an entry.
    keys = signing_keys()
    with alarm_on_inconsistency(), head_locked():
        with transaction.atomic(durable=True):
            # 2. Go on from the log that was signed last, and from no other.
            head = head_verified(keys.log.public_key())
            # 3. Place the entries. The lock keeps the log's size until this transaction ends.
            size = record_sequence()
            log_check_all_when_due()
            checkpoint = None if size == head.size else checkpoint_store(keys, size, log_root(head, size))
        # 4. Remember it once it is committed. A head that the database lost would look like a rollback.
        newest = checkpoint or SignedCheckpoint.objects.get(size=head.size)
        head_write(newest.note)
    return checkpoint


def head_take_over() -> None:
    """Remember the newest checkpoint if a crash kept it from being remembered, while the key that signed it is in force.

    Raises:
        KeyFileError: the keys cannot be used.
        LogInconsistentError: the log is not the one that was signed before; an alarm stands.
    """
    if trust_published() is None:
        return  # nothing was signed yet, and asking for the keys would create them
    key = signing_keys().log.public_key()
    with alarm_on_inconsistency(), head_locked():
        head = head_verified(key)
        if head.size:
            head_write(SignedCheckpoint.objects.get(size=head.size).note)


def checkpoint_store(keys: SigningKeys, size: int, root_hash: bytes) -> SignedCheckpoint:
    """Sign a size and a root that the caller has verified, and store the checkpoint."""
    text = Checkpoint(settings.LOG_ORIGIN, size, root_hash).to_text()
    note = sign_note(text, settings.LOG_ORIGIN, keys.log).to_bytes().decode()
    return SignedCheckpoint.objects.create(size=size, root=root_hash, note=note)


def entries_proven(*, subject: str, kind: RecordKind | None = None) -> list[EntryBody]:
    """Return the subject's entries (of a kind), each proven to be in the log whose head was just signed.

    Statements are compared with entries, so an entry must be the one that the log took in, and not only a row.

    Raises:
        LogInconsistentError: an entry is another one than the log contains.
    """
    checkpoint_sign()
    rows = RecordEntry.objects.filter(subject=subject).select_related("leaf").order_by("number")
    return _proven(rows.filter(kind=kind) if kind else rows)


def _proven(rows: Iterable[RecordEntry]) -> list[EntryBody]:
    bodies, stored = [], cache(node_hash_stored)  # one entry's proof has most hashes of the next one's
    with alarm_on_inconsistency():
        head = head_read()
        for row in rows:
            if not hasattr(row, "leaf") or row.leaf.index >= head.size:
                continue  # it came after the head was signed
            try:
                proof = inclusion_proof(row.leaf.index, head.size, stored)
                verify_inclusion(leaf_hash(bytes(row.body)), row.leaf.index, head.size, proof, head.root)
            except EvidenceError as error:
                message = f"Entry {row.number} of {row.subject} is not the one in the log. {error}"
                raise LogInconsistentError(message) from None
            bodies.append(EntryBody.from_bytes(bytes(row.body)))
    return bodies


def entry_require(*, subject: str, kind: RecordKind, attempt: tuple[str, int]) -> EntryBody:
    """Return the one entry of this kind about the attempt, proven to be in the log; the table of facts compares it.

    Args:
        subject: the record's subject, `request:<reference>`.
        kind: what the record must show.
        attempt: the item and the number of the attempt at it.

    Raises:
        StaleStateError: there is none, or there are several; sign nothing.
        LogInconsistentError: the entry is another one than the log contains.
    """
    entries = [entry for entry in entries_proven(subject=subject, kind=kind) if entry.attempt == attempt]
    if len(entries) != 1:
        where = f"Item {attempt[0]}, attempt {attempt[1]}"
        message = f"{where}: the record contains {len(entries)} entries {kind}; nothing was signed."
        raise StaleStateError(message)
    return entries[0]
