"""Checks that one checkpoint of the log extends an older one: nothing in between was rewritten, dropped or reordered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from compliance.formats.canonical import canonical_json, decode_base64, encode_base64, parse_canonical
from compliance.formats.contracts import parse, plain
from compliance.formats.errors import FormatError, VerificationError
from compliance.formats.merkle import verify_consistency

from .checkpoints import Checkpoint, SignedNote, verify_checkpoint
from .trust import TrustFile

MAX_HASHES = 128


@dataclass(frozen=True)
class OlderCheckpoint:
    """A line of `consistency.jsonl`: an earlier checkpoint of the log, and the proof that the bundle's own extends it."""

    checkpoint: str
    """The signed note, verbatim."""
    proof: tuple[str, ...]
    """Hashes in base64, as in RFC 9162 section 2.1.4."""

    @classmethod
    def of(cls, note: str, proof: Iterable[bytes]) -> Self:
        return cls(note, tuple(map(encode_base64, proof)))

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Read a line, given without its newline (FormatError)."""
        return parse(cls, parse_canonical(line))

    def to_line(self) -> bytes:
        return canonical_json(plain(self)) + b"\n"

    @property
    def size(self) -> int:
        """The number of entries that the checkpoint says it covers; nobody has verified that yet (FormatError)."""
        return Checkpoint.from_text(SignedNote.from_bytes(self.checkpoint.encode()).text).size

    @property
    def proof_bytes(self) -> bytes:
        """The proof as text, as `proof_to_bytes` writes it."""
        return "".join(f"{value}\n" for value in self.proof).encode()


def older_checkpoints(raw: bytes) -> tuple[OlderCheckpoint, ...]:
    """Read `consistency.jsonl` (FormatError): at least one line, from the smallest log to the largest."""
    *lines, remainder = raw.split(b"\n")
    older = tuple(OlderCheckpoint.from_line(line) for line in lines)
    sizes = [one.size for one in older]
    if remainder or not older or sizes != sorted(set(sizes)):
        message = (
            "consistency.jsonl is empty, does not end in a newline, or its checkpoints are not in the order of the log."
        )
        raise FormatError(message)
    return older


def verify_older(older: Sequence[OlderCheckpoint], newer: Checkpoint, trust: TrustFile) -> None:
    """Check that keys of the log signed these checkpoints, and that the newer one extends each (VerificationError)."""
    keys = [key.public_key for key in trust.with_role("log")]
    for one in older:
        first, _ = verify_checkpoint(one.checkpoint.encode(), trust.origin, keys)
        if first.size >= newer.size:
            message = f"consistency.jsonl has a checkpoint of {first.size} entries, no fewer than the bundle's own."
            raise VerificationError(message)
        proof = [decode_base64(value) for value in one.proof[:MAX_HASHES]]
        verify_consistency(first.size, newer.size, first.root, newer.root, proof)


def proof_to_bytes(hashes: Sequence[bytes]) -> bytes:
    """Return a proof as text: one hash per line, in base64, as witnesses of C2SP logs send it."""
    return "".join(f"{encode_base64(value)}\n" for value in hashes).encode()


def proof_from_bytes(raw: bytes) -> tuple[bytes, ...]:
    """Read the text form (FormatError)."""
    lines = raw.decode("utf-8", "replace").splitlines()
    if len(lines) > MAX_HASHES:
        message = f"This is not a consistency proof: it has more than {MAX_HASHES} lines."
        raise FormatError(message)
    return tuple(decode_base64(line) for line in lines)


def verify_extension(old: bytes, new: bytes, proof: bytes | None, trust: TrustFile) -> tuple[Checkpoint, Checkpoint]:
    """Return both checkpoints, which keys of the log signed, and the second of which extends the first.

    Args:
        old: a signed checkpoint that was kept.
        new: a later one.
        proof: the hashes that connect them; not needed if both are of the same size.
        trust: the log's keys. A revoked one vouches for nothing.

    Raises:
        FormatError: something is not what it should be, or the proof is missing.
        VerificationError: a checkpoint is not signed by the log, or the second does not extend the first.
    """
    # 1. Both are this log's.
    keys = [key.public_key for key in trust.with_role("log") if not key.revoked_at]
    older, newer = (verify_checkpoint(raw, trust.origin, keys)[0] for raw in (old, new))
    if older.size > newer.size:
        message = (
            f"The first checkpoint has {older.size} entries and the second {newer.size}: give the older one first."
            " If the log's newest checkpoint is the smaller one, its entries were rolled back."
        )
        raise FormatError(message)
    # 2. The first entries of the newer tree are those of the older one.
    if proof is None and older.size < newer.size:
        message = (
            f"The checkpoints have {older.size} and {newer.size} entries, so a proof is needed. "
            f"Get it from the installation: /record/consistency/{older.size}/{newer.size}"
        )
        raise FormatError(message)
    verify_consistency(older.size, newer.size, older.root, newer.root, proof_from_bytes(proof or b""))
    return older, newer
