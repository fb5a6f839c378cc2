from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from compliance.evidence.dsse import IN_TOTO, Envelope, Signature, pre_authentication_encoding, sign, verify
from compliance.evidence.keys import key_id
from compliance.formats.canonical import encode_base64
from compliance.formats.errors import FormatError, VerificationError

ALICE, BOB, MALLORY = (Ed25519PrivateKey.generate() for _ in range(3))
TRUSTED = (ALICE.public_key(), BOB.public_key())
BODY = b'{"hello":"world"}'


def test_the_signed_bytes_are_those_of_the_specifications_example() -> None:
    """protocol.md, "Test Vectors"; its signature is ECDSA, which this package does not do."""
    encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_lengths_are_counted_in_bytes() -> None:
    assert pre_authentication_encoding("é", "ü€".encode()) == "DSSEv1 2 é 5 ü€".encode()


def test_a_signed_envelope_gives_back_its_bytes_and_its_signer() -> None:
    body, signers = verify(sign(BODY, ALICE), TRUSTED)
    assert body == BODY
    assert signers == {key_id(ALICE.public_key())}


def test_an_envelope_is_read_back_byte_for_byte() -> None:
    raw = sign(BODY, ALICE, BOB).to_bytes()
    assert Envelope.from_bytes(raw).to_bytes() == raw


def test_a_key_that_nobody_trusts_does_not_count() -> None:
    with pytest.raises(VerificationError, match="0 of the trusted keys"):
        verify(sign(BODY, MALLORY), TRUSTED)


def test_a_key_id_does_not_make_a_signature_trusted() -> None:
    envelope = sign(BODY, MALLORY)
    claimed = replace(envelope.signatures[0], keyid=key_id(ALICE.public_key()))
    with pytest.raises(VerificationError):
        verify(replace(envelope, signatures=(claimed,)), TRUSTED)


def test_a_wrong_key_id_does_not_make_a_signature_untrusted() -> None:
    envelope = sign(BODY, ALICE)
    mislabelled = replace(envelope.signatures[0], keyid="somebody")
    assert verify(replace(envelope, signatures=(mislabelled,)), TRUSTED)[1] == {key_id(ALICE.public_key())}


def test_two_of_two_needs_two_different_keys() -> None:
    assert len(verify(sign(BODY, ALICE, BOB), TRUSTED, threshold=2)[1]) == 2
    with pytest.raises(VerificationError, match="1 of the trusted keys"):
        verify(sign(BODY, ALICE, ALICE), TRUSTED, threshold=2)
    with pytest.raises(VerificationError, match="1 of the trusted keys"):
        verify(sign(BODY, ALICE), (ALICE.public_key(), ALICE.public_key()), threshold=2)


def test_a_threshold_of_none_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        verify(sign(BODY, ALICE), TRUSTED, threshold=0)


def test_an_envelope_without_signatures_is_not_signed() -> None:
    with pytest.raises(VerificationError):
        verify(sign(BODY), TRUSTED)


def test_another_body_under_the_same_signature_fails() -> None:
    with pytest.raises(VerificationError):
        verify(replace(sign(BODY, ALICE), payload=encode_base64(b"{}")), TRUSTED)


def test_the_payload_type_is_signed_and_must_be_the_expected_one() -> None:
    other = sign(BODY, ALICE, payload_type="application/json")
    with pytest.raises(VerificationError, match="not application/vnd"):
        verify(other, TRUSTED)
    with pytest.raises(VerificationError, match="0 of the trusted keys"):
        verify(replace(other, payloadType=IN_TOTO), TRUSTED)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'{"payload":"","payloadType":""}',
        b'{"payload":"","payloadType":"","signatures":[{"sig":""}]}',
        b'{"payload":"QR==","payloadType":"","signatures":[]}',
        b'{"payload":"","payloadType":"","signatures":[{"keyid":"","sig":"!"}]}',
        b'{"extra":1,"payload":"","payloadType":"","signatures":[]}',
        b'{"payload": "","payloadType":"","signatures":[]}',
    ],
)
def test_envelopes_in_another_form_are_refused(raw: bytes) -> None:
    with pytest.raises(FormatError):
        Envelope.from_bytes(raw)


def test_a_signature_must_be_base64() -> None:
    with pytest.raises(FormatError):
        Signature("", "not base64")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is not installed")
def test_openssl_verifies_an_envelope_from_bytes_put_together_by_hand(tmp_path: Path) -> None:
    signature = ALICE.sign(b"DSSEv1 28 application/vnd.in-toto+json 17 " + BODY)
    assert sign(BODY, ALICE).signatures[0].sig == encode_base64(signature)
    pem = ALICE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "pub.pem").write_bytes(pem)
    (tmp_path / "sig").write_bytes(signature)
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "pub.pem", "-rawin", "-in", "pae", "-sigfile", "sig"]
    for body, verified in ((BODY, True), (b'{"hello":"World"}', False)):
        (tmp_path / "pae").write_bytes(b"DSSEv1 28 application/vnd.in-toto+json 17 " + body)
        process = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        assert (process.returncode == 0) is verified
