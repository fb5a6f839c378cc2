"""The log's head as a C2SP checkpoint (tlog-checkpoint) in a signed note (signed-note) with an Ed25519 signature."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, NoReturn, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from compliance.formats.canonical import decode_base64, encode_base64
from compliance.formats.errors import FormatError, VerificationError
from compliance.formats.merkle import HASH_SIZE

from .keys import is_signed_by, key_id, note_key_hash, raw_public

SIGNATURE_LINE = re.compile(r"— (?P<name>[^\s+]+) (?P<base64>[A-Za-z0-9+/]+={0,2})\n")
SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
MAX_SIGNATURES = 16
ED25519_TYPE = b"\x01"
CHECKPOINT_LINES = 4  # origin, size, root, and the empty rest after the last newline


class NoteSignature(NamedTuple):
    """One signature line of a note."""

    name: str
    key_hash: bytes
    """Four bytes: a hint to the key, not its identity."""
    signature: bytes


@dataclass(frozen=True)
class SignedNote:
    """A text with its signature lines (c2sp.org/signed-note)."""

    text: str
    signatures: tuple[NoteSignature, ...]

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read a note. Writing it again gives the same bytes.

        Raises:
            FormatError: `raw` is not a signed note.
        """
        try:
            content = raw.decode("utf-8")
        except UnicodeDecodeError:
            _malformed("it is not UTF-8")
        if any(character < " " and character != "\n" for character in content):
            _malformed("it contains control characters")
        # The last blank line separates the two parts: the text may contain others.
        text, separator, lines = content.rpartition("\n\n")
        if not separator or not lines:
            _malformed("it has no signature lines after a blank line")
        signatures = [_signature(line) for line in lines.splitlines(keepends=True)]
        if len(signatures) > MAX_SIGNATURES:
            _malformed(f"it has more than {MAX_SIGNATURES} signatures")
        return cls(text + "\n", tuple(signatures))

    def to_bytes(self) -> bytes:
        lines = (f"— {name} {encode_base64(key_hash + signature)}\n" for name, key_hash, signature in self.signatures)
        return f"{self.text}\n{''.join(lines)}".encode()


def sign_note(text: str, name: str, key: Ed25519PrivateKey) -> SignedNote:
    """Sign `text`, which must end in a newline, with `key` under `name`."""
    if not text.endswith("\n"):
        _malformed("its text does not end in a newline")
    line = NoteSignature(name, note_key_hash(name, key.public_key()), key.sign(text.encode()))
    return SignedNote(text, (line,))


def verify_note(note: SignedNote, name: str, keys: Iterable[Ed25519PublicKey]) -> frozenset[str]:
    """Return the ids of the keys that signed. Every signature line must come from one of `keys` under `name`.

    The specification lets verifiers skip lines of unknown keys. Here such a line is an error, because a bundle contains
    nothing that nobody vouches for.

    Raises:
        VerificationError: a line has another key or name, or does not verify.
    """
    known = {note_key_hash(name, key): key for key in keys}
    signers = set()
    for line in note.signatures:
        key = known.get(line.key_hash) if line.name == name else None
        if key is None:
            message = f"The note has a signature by {line.name!a} with a key that is not trusted."
            raise VerificationError(message)
        if not is_signed_by(key, line.signature, note.text.encode()):
            message = f"The signature by {line.name!a} does not match the note's text."
            raise VerificationError(message)
        signers.add(key_id(key))
    if len(signers) != len(note.signatures):
        message = "The note is signed twice with the same key."
        raise VerificationError(message)
    return frozenset(signers)


@dataclass(frozen=True)
class Checkpoint:
    """The log's name, its size in entries, and its Merkle root (c2sp.org/tlog-checkpoint, without extension lines)."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read the text of a note (FormatError)."""
        lines = text.split("\n")
        if len(lines) != CHECKPOINT_LINES or not lines[0] or lines[-1] or not SIZE.fullmatch(lines[1]):
            _malformed("its text is not an origin, a size and a root hash")
        root = decode_base64(lines[2])
        if len(root) != HASH_SIZE:
            _malformed("its root is not a SHA-256 hash")
        return cls(lines[0], int(lines[1]), root)

    def to_text(self) -> str:
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"


def verify_checkpoint(raw: bytes, origin: str, keys: Sequence[Ed25519PublicKey]) -> tuple[Checkpoint, frozenset[str]]:
    """Return the checkpoint in the signed note `raw`, and the ids of the log's keys that signed it.

    Raises:
        FormatError: `raw` is not a checkpoint in a signed note.
        VerificationError: it belongs to another log, or is not signed by `keys` alone.
    """
    note = SignedNote.from_bytes(raw)
    signers = verify_note(note, origin, keys)
    checkpoint = Checkpoint.from_text(note.text)
    if checkpoint.origin != origin:
        message = f"The checkpoint belongs to the log {checkpoint.origin!a}, not to {origin!a}."
        raise VerificationError(message)
    return checkpoint, signers


def vkey(name: str, key: Ed25519PublicKey) -> str:
    """Return the verifier key that C2SP tools take: name, key hash in hex, base64 of type and key."""
    return f"{name}+{note_key_hash(name, key).hex()}+{encode_base64(ED25519_TYPE + raw_public(key))}"


def _signature(line: str) -> NoteSignature:
    match = SIGNATURE_LINE.fullmatch(line)
    if match is None:
        _malformed("a line after the last blank line is not a signature")
    blob = decode_base64(match["base64"])
    return NoteSignature(match["name"], blob[:4], blob[4:])


def _malformed(reason: str) -> NoReturn:
    message = f"This is not a signed checkpoint: {reason}."
    raise FormatError(message)
