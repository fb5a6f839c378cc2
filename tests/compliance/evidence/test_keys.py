from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from compliance.evidence.errors import KeyFileError
from compliance.evidence.keys import create_key, is_signed_by, key_id, load_key, load_spki, spki
from compliance.formats.errors import FormatError


def test_a_created_key_is_loaded_again_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    key = create_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert key_id(load_key(path).public_key()) == key_id(key.public_key())


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    create_key(path)
    before = path.read_bytes()
    with pytest.raises(KeyFileError, match="already exists"):
        create_key(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key.pem"
    create_key(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_key(path)


def test_a_missing_key_is_reported(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot be read"):
        load_key(tmp_path / "none.pem")


def test_a_key_in_a_missing_folder_cannot_be_created(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="written"):
        create_key(tmp_path / "none" / "key.pem")


def test_a_device_is_no_key_file() -> None:
    with pytest.raises(KeyFileError, match="not a regular file"):
        load_key(Path(os.devnull))


def test_a_damaged_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="Ed25519"):
        load_key(path)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    other = generate_private_key(SECP256R1())
    path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="Ed25519"):
        load_key(path)


def test_a_public_key_is_read_back_from_its_spki() -> None:
    key = Ed25519PrivateKey.generate().public_key()
    assert key_id(load_spki(spki(key))) == key_id(key)


def test_a_public_key_of_another_kind_is_refused() -> None:
    der = generate_private_key(SECP256R1()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(FormatError, match="Ed25519"):
        load_spki(der)


def test_bytes_after_a_public_key_are_refused() -> None:
    with pytest.raises(FormatError, match="Ed25519"):
        load_spki(spki(Ed25519PrivateKey.generate().public_key()) + b"\0")


def test_a_signature_over_something_else_does_not_verify() -> None:
    key = Ed25519PrivateKey.generate()
    assert is_signed_by(key.public_key(), key.sign(b"this"), b"this")
    assert not is_signed_by(key.public_key(), key.sign(b"this"), b"that")
    assert not is_signed_by(key.public_key(), b"", b"this")
