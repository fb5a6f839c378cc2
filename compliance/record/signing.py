"""The signing process's own room: the only code that reads private keys. It signs statements and checkpoints.

`SIGNING_KEYS_DIR` is set for that process alone; web and workers have no key and fail here.
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
    """The log's key and the key for attestations."""

    log: Ed25519PrivateKey
    attestation: Ed25519PrivateKey


def signing_keys() -> SigningKeys:
    """The keys in SIGNING_KEYS_DIR, made on first use and published in the record.

    Raises:
        ImproperlyConfigured: this process has no key folder, because it is not the signing process.
        KeyFileError: a key file is damaged or readable by others.
    """
    folder = os.environ.get("SIGNING_KEYS_DIR")
    if not folder:
        message = "Only the signing process signs: SIGNING_KEYS_DIR is not set here."
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
    """Writes a new trust file when it does not name these keys yet; older keys stay in it, so old evidence verifies."""
    newest = TrustManifest.objects.order_by("id").last()
    known = TrustFile.from_bytes(bytes(newest.body)).keys if newest else ()
    mine = {key_id(keys.log.public_key()), key_id(keys.attestation.public_key())}
    if mine <= {key.key_id for key in known}:
        return
    now = timezone.now()
    added = (
        TrustedKey.of(keys.log.public_key(), "log", now),
        TrustedKey.of(keys.attestation.public_key(), "attestation", now, tuple(sorted(PREDICATES))),
    )
    names = {key.key_id for key in known}
    body = TrustFile(
        "lethe-trust/1", settings.LOG_ORIGIN, known + tuple(k for k in added if k.key_id not in names)
    ).to_bytes()
    digest = sha256_hex(body)
    TrustManifest.objects.create(sha256=digest, body=body)
    record_append(subject=KEYS_SUBJECT, kind=RecordKind.KEYS_PUBLISHED, actor=SYSTEM, data={"trust_sha256": digest})


@transaction.atomic
def attestation_sign(*, statement: Statement, subject: str, files: dict[str, str]) -> Attestation:
    """Signs a statement about an attempt at an item, stores the envelope, and enters its digest in the record.

    One statement of each type per attempt: a second call returns the first's envelope.

    Args:
        statement: built by the caller in this process from artefacts that it has hashed itself.
        subject: the record's subject, `request:<reference>`.
        files: report files for the bundle: path in the bundle's report folder -> path below ARTEFACTS.
    """
    predicate = statement.predicate
    where = {
        "subject": subject,
        "item": predicate.item,
        "attempt": predicate.attempt,
        "predicate_type": predicate.predicate_type,
    }
    if existing := Attestation.objects.filter(**where).first():
        return existing
    envelope = dsse.sign(statement.to_bytes(), signing_keys().attestation).to_bytes()
    digest = sha256_hex(envelope)
    row = Attestation.objects.create(**where, sha256=digest, envelope=envelope, files=files)
    facts = {k: v for k, v in where.items() if k != "subject"} | {"envelope_sha256": digest}
    record_append(subject=subject, kind=RecordKind.ATTESTATION_SIGNED, actor=SYSTEM, data=facts)
    return row


def checkpoint_sign() -> SignedCheckpoint | None:
    """Sequences what has been written since, and signs the log's new head; None when nothing is new."""
    keys = signing_keys()
    with transaction.atomic():
        size = record_sequence()
        last = SignedCheckpoint.objects.aggregate(last=Max("size"))["last"] or 0
        if size == last:
            return None
        head = root(size, node_hash_stored)
        text = Checkpoint(settings.LOG_ORIGIN, size, head).to_text()
        note = sign_note(text, settings.LOG_ORIGIN, keys.log).to_bytes().decode()
        return SignedCheckpoint.objects.create(size=size, root=head, note=note)


def checkpoint_is_due() -> bool:
    return RecordEntry.objects.filter(leaf__isnull=True).exists() or (
        RecordLeaf.objects.exists() and not SignedCheckpoint.objects.exists()
    )
