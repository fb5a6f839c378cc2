"""Ed25519 keys: private ones in PEM files that only their owner can read, public ones by SHA-256 of their SPKI."""

from __future__ import annotations

import os
import stat
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
)

from compliance.formats.canonical import sha256_hex
from compliance.formats.errors import FormatError

from .errors import KeyFileError

MAX_KEY_FILE = 16_384


def create_key(path: Path) -> Ed25519PrivateKey:
    """Create a private key and write it to `path` as unencrypted PKCS #8 PEM with mode 0600.

    Raises:
        KeyFileError: `path` already exists or cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        # O_EXCL never overwrites a key, and the mode applies from the start: others can read it at no moment.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        message = f"A key already exists at {path}; keys are never overwritten."
        raise KeyFileError(message) from None
    except OSError as error:
        message = f"The key cannot be written to {path}: {error.strerror}."
        raise KeyFileError(message) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())  # after a crash, no signature may be left whose key is lost
    return key


def load_key(path: Path) -> Ed25519PrivateKey:
    """Return the private key in the file at `path`.

    Raises:
        KeyFileError: the file is missing, not a regular file, readable by others, or not an Ed25519 key in PEM.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode  # of the open file, which nobody can swap after the check
            pem = file.read(MAX_KEY_FILE)
    except OSError as error:
        message = f"The key at {path} cannot be read: {error.strerror}."
        raise KeyFileError(message) from None
    if not stat.S_ISREG(mode):
        message = f"{path} is not a regular file."
        raise KeyFileError(message)
    if mode & 0o077:
        message = f"Others can read the key at {path}; run: chmod 600 {path}"
        raise KeyFileError(message)
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        message = f"{path} does not contain an unencrypted Ed25519 private key in PEM."
        raise KeyFileError(message)
    return key


def spki(key: Ed25519PublicKey) -> bytes:
    """Return the SubjectPublicKeyInfo in DER (RFC 8410)."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def load_spki(der: bytes) -> Ed25519PublicKey:
    """Return the public key in `der`.

    Raises:
        FormatError: `der` is not the one DER encoding of an Ed25519 public key.
    """
    try:
        key = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    # The parser tolerates some other encodings; writing the key again shows them.
    if not isinstance(key, Ed25519PublicKey) or spki(key) != der:
        message = "This is not an Ed25519 public key in DER."
        raise FormatError(message)
    return key


def key_id(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 of the SPKI in hex: the whole digest, so that it identifies the key."""
    return sha256_hex(spki(key))


def raw_public(key: Ed25519PublicKey) -> bytes:
    """Return the 32 bytes of RFC 8032."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def note_key_hash(name: str, key: Ed25519PublicKey) -> bytes:
    """Return the 4-byte key ID of a C2SP signed note: SHA-256(name, newline, 0x01, key)[:4]. A hint, not an identity."""
    return sha256(name.encode() + b"\n\x01" + raw_public(key)).digest()[:4]


def is_signed_by(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True
