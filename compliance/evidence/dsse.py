"""DSSE v1.0.2 envelopes (secure-systems-lab/dsse: protocol.md, envelope.md) with Ed25519 signatures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from compliance.formats.canonical import canonical_json, decode_base64, encode_base64, parse_canonical
from compliance.formats.contracts import parse, plain
from compliance.formats.errors import VerificationError

from .keys import is_signed_by, key_id

IN_TOTO = "application/vnd.in-toto+json"


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that are signed (PAE in protocol.md)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


@dataclass(frozen=True)
class Signature:
    """One signature. `keyid` is a hint: verification never relies on it."""

    keyid: str
    sig: str
    """Base64."""

    def __post_init__(self) -> None:
        """Refuse base64 in any other spelling (FormatError)."""
        decode_base64(self.sig)


@dataclass(frozen=True)
class Envelope:
    """A payload with its signatures. The fields are named as in the JSON form."""

    payload: str
    """Base64 of the signed bytes."""
    payloadType: str  # noqa: N815  # the name in the specification; fields go to JSON by their names
    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        """Refuse base64 in any other spelling (FormatError)."""
        decode_base64(self.payload)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read an envelope in canonical JSON with standard base64.

        DSSE lets verifiers accept any spelling. This is stricter, so that every byte of an envelope's file matters.

        Raises:
            FormatError: `raw` has any other form.
        """
        return parse(cls, parse_canonical(raw))

    def to_bytes(self) -> bytes:
        return canonical_json(plain(self))

    @property
    def body(self) -> bytes:
        return decode_base64(self.payload)


def sign(payload: bytes, *keys: Ed25519PrivateKey, payload_type: str = IN_TOTO) -> Envelope:
    """Return an envelope with `payload`, signed with each of `keys`."""
    message = pre_authentication_encoding(payload_type, payload)
    signatures = tuple(Signature(key_id(key.public_key()), encode_base64(key.sign(message))) for key in keys)
    return Envelope(encode_base64(payload), payload_type, signatures)


def verify(
    envelope: Envelope, trusted: Iterable[Ed25519PublicKey], *, threshold: int = 1, payload_type: str = IN_TOTO
) -> tuple[bytes, frozenset[str]]:
    """Return the signed bytes and the ids of the trusted keys that signed them.

    Counts unique keys, not signatures or key ids, and tries every trusted key on every signature (protocol.md,
    "Multi-signature Verification").

    Raises:
        VerificationError: fewer than `threshold` trusted keys signed, or the payload has another type.
        ValueError: `threshold` is below one.
    """
    if threshold < 1:
        message = "The threshold must be at least 1."
        raise ValueError(message)
    if envelope.payloadType != payload_type:
        message = f"The envelope contains {envelope.payloadType[:80]!a}, not {payload_type}."
        raise VerificationError(message)
    body = envelope.body
    signed_bytes = pre_authentication_encoding(payload_type, body)
    signatures = [decode_base64(signature.sig) for signature in envelope.signatures]
    # The key ids in the envelope are not signed, so they decide nothing. A set counts each key once.
    accepted = frozenset(key_id(key) for key in trusted if any(is_signed_by(key, each, signed_bytes) for each in signatures))
    if len(accepted) < threshold:
        message = f"{len(accepted)} of the trusted keys signed it; at least {threshold} must."
        raise VerificationError(message)
    return body, accepted
