"""Signs statements and checkpoints, in the signing process: the only code that reads private keys.

Only that process has `SIGNING_KEYS_DIR`. The web server and the workers have no keys, and fail here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from compliance.evidence import dsse
from compliance.evidence.checkpoints import Checkpoint, sign_note
from compliance.evidence.keys import create_key, key_id, load_key
from compliance.evidence.statements import PREDICATES, Statement
from compliance.evidence.trust import TrustedKey, TrustFile
from compliance.formats.canonical import sha256_hex
from compliance.formats.merkle import root
from compliance.formats.record_kinds import RecordKind

from .models import Attestation, RecordEntry, RecordLeaf, SignedCheckpoint, TrustManifest
from .services import SYSTEM, node_hash_stored, record_append, record_sequence

KEYS_SUBJECT = "keys:published"


@dataclass(frozen=True)
class SigningKeys:
    """The key of the log and the key for attestations."""

    log: Ed25519PrivateKey
    attestation: Ed25519PrivateKey


def signing_keys() -> SigningKeys:
    """Return the keys in SIGNING_KEYS_DIR. They are created on first use and published in the record.

    Raises:
        ImproperlyConfigured: SIGNING_KEYS_DIR is not set, because this is not the signing process.
        KeyFileError: a key file is damaged or readable by others.
    """
    folder = os.environ.get("SIGNING_KEYS_DIR")
    if not folder:
        message = "SIGNING_KEYS_DIR is not set here. Only the signing process signs."
        raise ImproperlyConfigured(message)
    keys = SigningKeys(_key(Path(folder) / "log.pem"), _key(Path(folder) / "attestation.pem"))
    _publish(keys)
    return keys


def _key(path: Path) -> Ed25519PrivateKey:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return create_key(path)
    return load_key(path)


@transaction.atomic
def _publish(keys: SigningKeys) -> None:
    """Publish a new trust file if the newest one lacks one of these keys."""
    # 1. Look at what is published already.
    newest = TrustManifest.objects.order_by("id").last()
    published_keys = TrustFile.from_bytes(bytes(newest.body)).keys if newest else ()
    known_ids = {key.key_id for key in published_keys}
    if {key_id(keys.log.public_key()), key_id(keys.attestation.public_key())} <= known_ids:
        return
    # 2. Add the new keys. Older ones stay, so that old evidence still verifies.
    now = timezone.now()
    added = (
        TrustedKey.of(keys.log.public_key(), "log", now),
        TrustedKey.of(keys.attestation.public_key(), "attestation", now, tuple(sorted(PREDICATES))),
    )
    trusted = published_keys + tuple(key for key in added if key.key_id not in known_ids)
    body = TrustFile("lethe-trust/1", settings.LOG_ORIGIN, trusted).to_bytes()
    # 3. Store the file, and its digest in the record.
    digest = sha256_hex(body)
    TrustManifest.objects.create(sha256=digest, body=body)
    record_append(subject=KEYS_SUBJECT, kind=RecordKind.KEYS_PUBLISHED, actor=SYSTEM, data={"trust_sha256": digest})


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
