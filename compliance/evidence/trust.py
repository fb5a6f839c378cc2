"""The trust file: which keys may sign what, and when. Only a copy that came directly from the operator proves anything."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from compliance.formats.canonical import (
    canonical_json,
    decode_base64,
    encode_base64,
    format_time,
    parse_canonical,
    parse_json,
    parse_time,
)
from compliance.formats.checks import check_pattern
from compliance.formats.contracts import parse, plain
from compliance.formats.errors import FormatError

from .keys import key_id, load_spki, spki

Role = Literal["log", "attestation"]
FORMAT = "lethe-trust/1"
ORIGIN = re.compile(r"[A-Za-z0-9._/-]{1,128}", re.ASCII)


@dataclass(frozen=True)
class TrustedKey:
    """A public key, and what it may sign."""

    key_id: str
    spki: str
    """SubjectPublicKeyInfo in DER, in base64."""
    role: Role
    predicate_types: tuple[str, ...]
    """The types of statement that an attestation key may sign; empty for a log key."""
    valid_from: str
    valid_until: str | None
    revoked_at: str | None

    def __post_init__(self) -> None:
        """Refuse an entry whose parts contradict one another (FormatError)."""
        for time in (self.valid_from, self.valid_until, self.revoked_at):
            if time is not None:
                parse_time(time)
        if key_id(self.public_key) != self.key_id:
            message = f"The key id {self.key_id[:64]!a} is not the SHA-256 of its key."
            raise FormatError(message)
        if (self.role == "attestation") != bool(self.predicate_types):
            message = "An attestation key must name the predicate types that it may sign; a log key must name none."
            raise FormatError(message)

    @classmethod
    def of(cls, key: Ed25519PublicKey, role: Role, valid_from: datetime, predicate_types: tuple[str, ...] = ()) -> Self:
        """Return an entry for `key` that is valid from `valid_from` on."""
        return cls(key_id(key), encode_base64(spki(key)), role, predicate_types, format_time(valid_from), None, None)

    @property
    def public_key(self) -> Ed25519PublicKey:
        return load_spki(decode_base64(self.spki))

    @property
    def ended_at(self) -> str | None:
        """When this key was revoked or replaced, or None while it may sign."""
        return self.revoked_at or self.valid_until

    def problem_at(self, moment: datetime) -> str | None:
        """Return why this key could not sign at `moment`, or None if it could."""
        if moment < parse_time(self.valid_from):
            return f"it was valid only from {self.valid_from}"
        if self.valid_until is not None and moment >= parse_time(self.valid_until):
            return f"it was valid only until {self.valid_until}"
        if self.revoked_at is not None and moment >= parse_time(self.revoked_at):
            return f"it was revoked at {self.revoked_at}"
        return None


@dataclass(frozen=True)
class TrustFile:
    """The log's name and every key. Past keys stay in it, so that old evidence still verifies."""

    format: str
    origin: str
    """The log's name, as the first line of its checkpoints."""
    keys: tuple[TrustedKey, ...]

    def __post_init__(self) -> None:
        """Refuse another format, an unusable origin, a repeated key, and a file without a log key (FormatError)."""
        if self.format != FORMAT:
            message = f"This is not a trust file of format {FORMAT}."
            raise FormatError(message)
        check_pattern(ORIGIN, self.origin, "The origin", "a short name such as example.org/record")
        if len({key.key_id for key in self.keys}) != len(self.keys):
            message = "The trust file lists a key twice; each key has one role."
            raise FormatError(message)
        if not self.with_role("log"):
            message = "The trust file contains no key of the log."
            raise FormatError(message)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read the trust file of a bundle, which must be canonical JSON (FormatError)."""
        return parse(cls, parse_canonical(raw))

    @classmethod
    def from_hand(cls, raw: bytes) -> Self:
        """Read a trust file that a person may have indented or edited (FormatError)."""
        return parse(cls, parse_json(raw))

    def to_bytes(self) -> bytes:
        return canonical_json(plain(self))

    def with_role(self, role: Role) -> tuple[TrustedKey, ...]:
        return tuple(key for key in self.keys if key.role == role)

    def signers_of(self, predicate_type: str) -> tuple[TrustedKey, ...]:
        return tuple(key for key in self.with_role("attestation") if predicate_type in key.predicate_types)
