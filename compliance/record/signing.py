"""Signs statements and checkpoints, in the signing process: the only one that has the private keys (`keys`)."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.db import transaction

from compliance.evidence import dsse
from compliance.evidence.checkpoints import Checkpoint, sign_note
from compliance.evidence.record import EntryBody
from compliance.evidence.statements import Statement
from compliance.formats.canonical import sha256_hex
from compliance.formats.errors import EvidenceError
from compliance.formats.merkle import inclusion_proof, leaf_hash, verify_inclusion
from compliance.formats.record_kinds import RecordKind

from .errors import LogInconsistentError, StaleStateError
from .head import (
    alarm_on_inconsistency,
    head_locked,
    head_read,
    head_verified,
    head_write,
    log_check_all_when_due,
    log_root,
)
from .keys import SigningKeys, signing_keys
from .models import Attestation, RecordEntry, SignedCheckpoint
from .selectors import trust_published
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
    """
    # Outside the transaction, which would take the alarm back.
    with alarm_on_inconsistency():
        head_verified(signing_keys().log.public_key())
    return _attest(statement, subject, files)


@transaction.atomic
def _attest(statement: Statement, subject: str, files: dict[str, str]) -> Attestation:
    # 1. Sign once: the task that calls this may run twice.
    predicate = statement.predicate
    where = {"subject": subject, "item": predicate.item, "attempt": predicate.attempt}
    where["predicate_type"] = predicate.predicate_type
    if existing := Attestation.objects.filter(**where).first():
        return existing
    # 2. Sign the exact bytes of the statement, and store the envelope as it is: its digest is what counts from now on.
    envelope = dsse.sign(statement.to_bytes(), signing_keys().attestation).to_bytes()
    digest = sha256_hex(envelope)
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


def entries_proven(*, subject: str, kind: RecordKind) -> list[EntryBody]:
    """Return the subject's entries of a kind, each proven to be in the log whose head was just signed.

    Statements are compared with entries, so an entry must be the one that the log took in, and not only a row.

    Raises:
        LogInconsistentError: an entry is another one than the log contains.
    """
    checkpoint_sign()
    bodies = []
    with alarm_on_inconsistency():
        head = head_read()
        rows = RecordEntry.objects.filter(subject=subject, kind=kind, leaf__index__lt=head.size).select_related("leaf")
        for row in rows.order_by("number"):
            try:
                proof = inclusion_proof(row.leaf.index, head.size, node_hash_stored)
                verify_inclusion(leaf_hash(bytes(row.body)), row.leaf.index, head.size, proof, head.root)
            except EvidenceError as error:
                message = f"Entry {row.number} of {subject} is not the one in the log. {error}"
                raise LogInconsistentError(message) from None
            bodies.append(EntryBody.from_bytes(bytes(row.body)))
    return bodies


def entry_require(*, subject: str, kind: RecordKind, attempt: tuple[str, int], values: Mapping[str, str]) -> None:
    """Check that the log has one entry of this kind about the attempt, and that it says what is about to be signed.

    Args:
        subject: the record's subject, `request:<reference>`.
        kind: what the record must show.
        attempt: the item and the number of the attempt at it.
        values: what the entry's data must contain; `actor` stands for who did it.

    Raises:
        StaleStateError: there is none, there are several, or it says something else; sign nothing.
        LogInconsistentError: the entry is another one than the log contains.
    """
    entries = [entry for entry in entries_proven(subject=subject, kind=kind) if entry.attempt == attempt]
    where = f"Item {attempt[0]}, attempt {attempt[1]}"
    if len(entries) != 1:
        message = f"{where}: the record contains {len(entries)} entries {kind}; nothing was signed."
        raise StaleStateError(message)
    recorded = {"actor": entries[0].actor, **entries[0].data}
    different = [
        f"{name} is {value}, recorded {recorded[name]}" for name, value in values.items() if value != recorded[name]
    ]
    if different:
        message = f"{where}: the record says something else: {'; '.join(different)}. Nothing was signed."
        raise StaleStateError(message)
