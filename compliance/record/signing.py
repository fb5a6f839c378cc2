"""Signs statements and checkpoints, in the signing process: the only one that has the private keys (`keys`)."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from compliance.evidence import dsse
from compliance.evidence.checkpoints import Checkpoint, sign_note
from compliance.evidence.statements import Statement
from compliance.formats.canonical import sha256_hex
from compliance.formats.merkle import root
from compliance.formats.record_kinds import RecordKind

from .keys import signing_keys
from .models import Attestation, RecordEntry, RecordLeaf, SignedCheckpoint
from .services import SYSTEM, node_hash_stored, record_append, record_sequence


@transaction.atomic
def attestation_sign(*, statement: Statement, subject: str, files: dict[str, str]) -> Attestation:
    """Sign a statement about an attempt at an item, store the envelope, and append its digest to the record.

    An attempt has one statement of each type: a second call returns the first attestation.

    Args:
        statement: built by the caller in this process from artefacts that it has hashed itself.
        subject: the record's subject, `request:<reference>`.
        files: the report's files: name in the bundle to path below ARTEFACTS.
    """
    # 1. Sign once: the task that calls this may run twice.
    predicate = statement.predicate
    where = {
        "subject": subject,
        "item": predicate.item,
        "attempt": predicate.attempt,
        "predicate_type": predicate.predicate_type,
    }
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
    """Place new entries in the log and sign its new head. Returns None if nothing is new."""
    # 1. Take the keys first: publishing them may itself append an entry.
    keys = signing_keys()
    with transaction.atomic():
        # 2. Place the entries. The lock keeps the log's size until this transaction ends.
        size = record_sequence()
        last = SignedCheckpoint.objects.aggregate(last=Max("size"))["last"] or 0
        if size == last:
            return None
        # 3. Sign the size and the root.
        head = root(size, node_hash_stored)
        text = Checkpoint(settings.LOG_ORIGIN, size, head).to_text()
        note = sign_note(text, settings.LOG_ORIGIN, keys.log).to_bytes().decode()
        return SignedCheckpoint.objects.create(size=size, root=head, note=note)


def checkpoint_is_due() -> bool:
    """Return whether entries have no place in the log yet, or the log has no checkpoint."""
    return RecordEntry.objects.filter(leaf__isnull=True).exists() or (
        RecordLeaf.objects.exists() and not SignedCheckpoint.objects.exists()
    )
