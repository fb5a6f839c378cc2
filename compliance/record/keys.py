"""The private keys: loads them, publishes their public halves, and rotates them. Nothing else reads private keys.

Only the signing process has `SIGNING_KEYS_DIR`. The web server and the workers have no keys, and fail here.

Keys are created once, before the first trust file is published. From then on a missing key is an error and never a new key:
an installation whose keys vanished would otherwise go on signing with keys that no auditor has seen.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.utils import timezone

from compliance.evidence.errors import KeyFileError
from compliance.evidence.keys import create_key, key_id, load_key, load_spki, spki
from compliance.evidence.statements import PREDICATES
from compliance.evidence.trust import Role, TrustedKey, TrustFile
from compliance.formats.canonical import decode_base64, encode_base64, format_time, sha256_hex
from compliance.formats.record_kinds import RecordKind

from .models import TrustManifest
from .selectors import trust_published
from .services import SYSTEM, record_append, record_number_next

KEYS_SUBJECT = "keys:published"
ROLES: tuple[Role, ...] = ("log", "attestation")


@dataclass(frozen=True)
class SigningKeys:
    """The key of the log and the key for attestations."""

    log: Ed25519PrivateKey
    attestation: Ed25519PrivateKey


@dataclass(frozen=True)
class KeyRotation:
    """What a rotation did."""

    key_id: str
    """The new key."""
    ended: tuple[str, ...]
    """The ids of the keys that it ended; none if it only finished a rotation that was interrupted."""
    put_aside: Path | None
    """Where the old key file is now, or None if it was missing."""


def signing_keys() -> SigningKeys:
    """Return the keys in SIGNING_KEYS_DIR. Before any keys have been published, create and publish them.

    Raises:
        ImproperlyConfigured: SIGNING_KEYS_DIR is not set, because this is not the signing process.
        KeyFileError: a key file is missing, damaged or readable by others, or its key is not in force.
    """
    folder = signing_folder()
    published = trust_published()
    if published is None:
        keys = SigningKeys(*(_created(folder / f"{role}.pem") for role in ROLES))
        _publish_first(keys)
        return keys
    trust = TrustFile.from_bytes(bytes(published.body))
    return SigningKeys(*(_in_force(folder / f"{role}.pem", role, trust) for role in ROLES))


def key_rotate(*, role: Role, revoke: bool) -> KeyRotation:
    """Replace the key of a role with a new one, and end the role's earlier keys in a new trust file.

    A rotation that was interrupted is finished by calling this again.

    Raises:
        ImproperlyConfigured: SIGNING_KEYS_DIR is not set, because this is not the signing process.
        KeyFileError: no keys have been published yet, or the new key cannot be written.
    """
    folder = signing_folder()
    if trust_published() is None:
        message = "No keys have been published yet, so there is nothing to rotate. The signing process creates them."
        raise KeyFileError(message)
    # 1. Write the new key beside the old one. If the database does not take it, the old one stays in force.
    path, new_path = folder / f"{role}.pem", folder / f"{role}.new.pem"
    key = _created(new_path)
    # 2. Publish it, and end the earlier ones.
    ended = _publish_rotated(key, role, revoke=revoke, file_missing=not path.exists())
    # 3. Put the files in place. Until then `signing_keys` refuses the old key and says to run this again.
    put_aside = path.rename(_unused(folder, role)) if path.exists() else None
    new_path.rename(path)
    return KeyRotation(key_id(key.public_key()), ended, put_aside)


def attestation_keys() -> tuple[Ed25519PublicKey, ...]:
    """Return the public halves of every attestation key that this process has had, from its own folder.

    A file beside the keys keeps them, so that a lost private key does not make what it signed a stranger's.

    Raises:
        as `signing_keys`.
    """
    current, folder = signing_keys().attestation, signing_folder()
    path = folder / "attestation-keys"
    known = path.read_text(encoding="ascii").split() if path.exists() else []
    held = [current, *(load_key(old) for old in sorted(folder.glob("attestation.replaced-*.pem")))]
    new = [line for key in held if (line := encode_base64(spki(key.public_key()))) not in known]
    if new:
        with path.open("a", encoding="ascii") as file:
            file.write("".join(f"{line}\n" for line in new))
    return tuple(load_spki(decode_base64(line)) for line in (*known, *new))


def signing_folder() -> Path:
    """Return SIGNING_KEYS_DIR, the signing process's own folder (ImproperlyConfigured everywhere else)."""
    folder = os.environ.get("SIGNING_KEYS_DIR")
    if not folder:
        message = "SIGNING_KEYS_DIR is not set here. Only the signing process signs."
        raise ImproperlyConfigured(message)
    return Path(folder)


def _created(path: Path) -> Ed25519PrivateKey:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return create_key(path)
    return load_key(path)


def _in_force(path: Path, role: Role, trust: TrustFile) -> Ed25519PrivateKey:
    """Load a key that the trust file names for this role and that has not ended."""
    if not path.exists():
        _refuse(f"The {role} key at {path} is missing", role)
    key = load_key(path)
    published = next((known for known in trust.with_role(role) if known.key_id == key_id(key.public_key())), None)
    if published is None:
        _refuse(f"The key at {path} was never published as the {role} key", role)
    if published.ended_at is not None:
        _refuse(f"The key at {path} ended at {published.ended_at}", role)
    return key


def _refuse(problem: str, role: Role) -> NoReturn:
    message = (
        f"{problem}. Nothing is signed. Restore the file from a backup, or replace the key on purpose: "
        f"python manage.py keys_rotate --role {role}"
    )
    raise KeyFileError(message)


@transaction.atomic
def _publish_first(keys: SigningKeys) -> None:
    record_number_next(KEYS_SUBJECT)  # the lock: nobody else publishes until this transaction ends
    if trust_published() is not None:
        return
    now = timezone.now()
    trusted = (_trusted(keys.log, "log", now), _trusted(keys.attestation, "attestation", now))
    _publish(TrustFile("lethe-trust/1", settings.LOG_ORIGIN, trusted))


@transaction.atomic
def _publish_rotated(key: Ed25519PrivateKey, role: Role, *, revoke: bool, file_missing: bool) -> tuple[str, ...]:
    """Publish the new key, end the role's earlier ones, record both, and return the ids of those that ended."""
    # 1. Read the newest trust file. Nobody else publishes until this transaction ends.
    record_number_next(KEYS_SUBJECT)
    trust = TrustFile.from_bytes(bytes(TrustManifest.objects.latest("id").body))
    new_id = key_id(key.public_key())
    if new_id in {known.key_id for known in trust.keys}:
        return ()  # it was published before the rotation was interrupted
    # 2. End the role's keys that are still in force. They stay in the file, so that old evidence still verifies.
    now = timezone.now()
    ended = tuple(known.key_id for known in trust.with_role(role) if known.ended_at is None)
    kept = tuple(_ended(known, now, revoke=revoke) if known.key_id in ended else known for known in trust.keys)
    # 3. Publish the file, and record why there is a new one.
    _publish(replace(trust, keys=(*kept, _trusted(key, role, now))))
    data = {"role": role, "key_id": new_id, "ended": list(ended), "revoked": revoke, "file_missing": file_missing}
    record_append(subject=KEYS_SUBJECT, kind=RecordKind.KEYS_ROTATED, actor=SYSTEM, data=data)
    return ended


def _publish(trust: TrustFile) -> None:
    """Store a trust file, and its digest in the record, in the caller's transaction."""
    body = trust.to_bytes()
    digest = sha256_hex(body)
    TrustManifest.objects.create(sha256=digest, body=body)
    record_append(subject=KEYS_SUBJECT, kind=RecordKind.KEYS_PUBLISHED, actor=SYSTEM, data={"trust_sha256": digest})


def _trusted(key: Ed25519PrivateKey, role: Role, now: datetime) -> TrustedKey:
    return TrustedKey.of(key.public_key(), role, now, tuple(sorted(PREDICATES)) if role == "attestation" else ())


def _ended(key: TrustedKey, now: datetime, *, revoke: bool) -> TrustedKey:
    return replace(key, revoked_at=format_time(now)) if revoke else replace(key, valid_until=format_time(now))


def _unused(folder: Path, role: Role) -> Path:
    """Return a name for the old key's file that nothing has yet."""
    return folder / f"{role}.replaced-{timezone.now():%Y%m%dT%H%M%S%f}.pem"
